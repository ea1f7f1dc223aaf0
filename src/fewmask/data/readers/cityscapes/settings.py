"""Settings of the reader of Cityscapes."""

from typing import Literal

from fewmask.config.reader import ReaderSettings


class CityscapesSettings(ReaderSettings):
    """Cityscapes in its official layout (leftImg8bit/, gtFine/): the subsets train and val.

    ``mask_values`` says which of the ids in ``*_gtFine_labelIds.png`` are which class; the other
    official ids are ignored.
    """

    name: Literal["cityscapes"]
    unlabelled: list[Literal["train_extra", "test"]] = []
    """Further subsets, of which the images are read and no masks."""
