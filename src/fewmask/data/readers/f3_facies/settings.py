"""Settings of the reader of the F3 facies."""

from typing import Literal

from pydantic import Field

from fewmask.config.reader import ReaderSettings


class F3FaciesSettings(ReaderSettings):
    """Slices of the F3 facies benchmark's volumes (train/ and test_once/, ``.npy``).

    A volume V gives the subsets V_inline and V_crossline; the volumes are train, test1 and test2.
    """

    name: Literal["f3_facies"]
    slices: Literal["both", "inlines", "crosslines"] = "both"
    """Along which of its lines a volume is cut."""
    validation_inlines: int = Field(default=0, ge=0)
    """The last so many inlines of the training volume become the subset ``validation_inline``, and
    the training crosslines end before them. (Else training would see every pixel of an inline that
    is held out, as each crossline runs through it.)"""
    clip: float = Field(default=1.0, gt=0)
    """Amplitudes from -clip to clip become 0 to 255 in all volumes; what is beyond is clipped."""
