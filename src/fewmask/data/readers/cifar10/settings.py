"""Settings of the reader of CIFAR-10."""

from typing import ClassVar, Literal

from fewmask.config.reader import ReaderSettings


class Cifar10Settings(ReaderSettings):
    """CIFAR-10 as its official python pickles, cifar-10-batches-py/: no masks."""

    name: Literal["cifar10"]

    needs_classes: ClassVar[bool] = False
    has_categories: ClassVar[bool] = True
