"""Settings of the reader of NYUv2's official file."""

from typing import ClassVar, Literal

from fewmask.config.reader import ReaderSettings


class Nyuv2Settings(ReaderSettings):
    """NYUv2 in its official file, nyu_depth_v2_labeled.mat; masks only where classes are given.

    Labels are 0 (unlabelled) and 1 to 894, 40 or 13. ``mask_values`` says what they become; those
    that it does not name count nowhere.
    """

    name: Literal["nyuv2"]
    depth: Literal["filled", "raw"] = "filled"
    """Depths with their gaps filled in by the authors, or as the sensor gave them."""
    normals: Literal["derived", "none"] = "derived"
    """The file has no normals: derive them from the depths, or do without."""
    labels: Literal["raw", "nyu40", "nyu13"] = "raw"
    """The raw labels, or those that ``classMapping40.mat`` makes of them (Gupta et al. 2013), or
    ``class13Mapping.mat`` of these (Couprie et al. 2013). The files must lie beside that of the
    images."""

    needs_classes: ClassVar[bool] = False

    @property
    def measures(self) -> tuple[str, ...]:
        """Depths, and normals if they are derived."""
        return ("depth", *self.derived)

    @property
    def derived(self) -> dict[str, str]:
        """Normals, from depths."""
        return {"normal": "depth"} if self.normals == "derived" else {}
