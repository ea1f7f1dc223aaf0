"""Settings of the reader of NIfTI volumes."""

from typing import ClassVar, Literal

from pydantic import field_validator

from fewmask.data.readers.folder.settings import FolderSettings


class NiftiSettings(FolderSettings):
    """Volumes, and masks of some of them: ``images: "images/*.nii.gz"``, for example.

    Every slice is an image with the name ``VOLUME/NUMBER``. With ``channels`` (``grey``, or one for
    each place on the fourth axis) values are stored as they are, else as 8-bit colours.
    """

    name: Literal["nifti"]
    slices: Literal["axial", "coronal", "sagittal"] = "axial"
    """The direction in which volumes are cut."""
    window: tuple[float, float] | None = None
    """The values that become black and white, in Hounsfield units for example; what lies beyond is
    cut. Absent: 0.5 % and 99.5 % of the voxels of each volume lie below them; with ``channels``,
    nothing is cut."""

    cuts_volumes: ClassVar[bool] = True

    @field_validator("window")
    @classmethod
    def _ascends(cls, window: tuple[float, float] | None) -> tuple[float, float] | None:
        if window is not None and window[0] >= window[1]:
            raise ValueError("the first value must be less than the second")
        return window
