"""Settings of a fraction that networks suggest."""

from pydantic import Field

from fewmask.config.cells import Fraction
from fewmask.config.settings import Name, Settings


class Suggestion(Settings):
    """The masks of another fraction, and those of images that its networks suggest."""

    method: Name
    """Whose networks suggest: those of all seeds that share their masks (`Split.folds`)."""
    fraction: Fraction
    """The one that they were trained at, whose masks are kept."""
    count: int = Field(ge=1)
    """How many images are suggested."""
