"""Settings of FPN."""

from typing import Literal

from fewmask.config.architecture import ArchitectureSettings


class FPNSettings(ArchitectureSettings):
    """Feature maps of all sizes, added up from the smallest on."""

    name: Literal["fpn"]
