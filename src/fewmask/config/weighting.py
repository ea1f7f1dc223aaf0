"""Settings of how several losses become one update."""

from typing import Annotated, Literal

from pydantic import Field

from fewmask.config.settings import Settings


class FixedWeighting(Settings):
    """The sum of the losses, each times its weight."""

    name: Literal["fixed"] = "fixed"
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """By the name of the loss; one that is not named has weight 1."""
