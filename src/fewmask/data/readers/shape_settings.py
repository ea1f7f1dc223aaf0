"""What the settings of all readers of drawn shapes have in common."""

from typing import ClassVar

from pydantic import Field

from fewmask.config.reader import ReaderSettings
from fewmask.config.settings import RelativePath


class ShapeSettings(ReaderSettings):
    """Shapes with labels. Where they overlap, the class counts that is later in ``classes``."""

    labels: dict[str, str] = {}
    """What a label means: the name of a class, or ``ignore``; absent: a label is the name of a
    class."""
    background: str | None = None
    """What pixels outside all shapes are: a class, or ``ignore``; absent: the first class."""

    reads_channels: ClassVar[bool] = True

    def check_classes(self, names: list[str]) -> None:
        """Raise ValueError if ``labels`` or ``background`` name no class."""
        meant = {f"labels.{label}": name for label, name in self.labels.items()}
        meant |= {"background": self.background} if self.background is not None else {}
        for key, name in meant.items():
            if name not in (*names, "ignore"):
                raise ValueError(
                    f"reader.{key} is {name}; the classes are {', '.join(names)}, and 'ignore'"
                )


class OneFileSettings(ShapeSettings):
    """One file for all images of a folder, some of which it may not name."""

    annotations: RelativePath
    """The file below the root."""
    images: RelativePath = "."
    """The folder of the images below the root, to which the file's names are relative."""
    without_shapes: str = Field(default="unlabelled", pattern="^(unlabelled|background)$")
    """What an image is that the file names without a shape: ``unlabelled``, or all
    ``background``."""
