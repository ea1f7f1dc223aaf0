"""Settings of FixMatch."""

from typing import Literal

from fewmask.objectives.consistency.options import StrongViewSettings


class FixMatchSettings(StrongViewSettings):
    """Learn, on strong views of unlabelled images, the classes that are sure on weak views (Sohn et
    al. 2020; Yang et al. 2023)."""

    name: Literal["fixmatch"]
