"""What the settings of every reader tell planning.

Those of each stand beside its code, in ``fewmask.data.readers.NAME.settings``.
"""

from typing import ClassVar

from fewmask.config.settings import Settings


class ReaderSettings(Settings):
    """Base of the settings of all readers, one for each on-disk format."""

    name: str

    needs_root: ClassVar[bool] = True
    """Whether it reads files, from a folder that the dataset must name."""
    needs_classes: ClassVar[bool] = True
    """Whether a dataset must name classes, because its images have masks."""
    has_categories: ClassVar[bool] = False
    """Whether it knows the category of each image."""
    reads_channels: ClassVar[bool] = False
    """Whether it reads images of any channels; else of red, green and blue."""
    cuts_volumes: ClassVar[bool] = False
    """Whether its images are slices of volumes."""
    measures: ClassVar[tuple[str, ...]] = ()
    """The tasks besides segmentation whose truth it reads."""
    derived: ClassVar[dict[str, str]] = {}
    """Those of them whose truth it computes, with the tasks from whose truth it does so."""

    def check_classes(self, names: list[str]) -> None:
        """Raise ValueError if the reader's settings name a class that the dataset does not have."""
