"""Settings of the reader of CamVid."""

from typing import Literal

from fewmask.config.reader import ReaderSettings


class CamVidSettings(ReaderSettings):
    """CamVid in the layout of SegNet: train.txt, val.txt and test.txt list images and masks."""

    name: Literal["camvid"]
