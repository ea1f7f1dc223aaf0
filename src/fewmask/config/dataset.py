"""Settings of a dataset: config/datasets/*.yaml."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from fewmask.config.cells import is_list_name
from fewmask.config.choices import choices
from fewmask.config.groups import Groups
from fewmask.config.image_channels import ImageChannels
from fewmask.config.reader import ReaderSettings
from fewmask.config.settings import Length, Line, Name, RelativePath, Settings, Share
from fewmask.config.tiles import Tiles

Reader = choices("fewmask.data.readers", ReaderSettings)
"""Any reader's settings, told apart by ``name``."""


def _is_a_colour(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    if not all(0 <= part <= 255 for part in colour):
        raise ValueError("a colour has three numbers between 0 and 255")
    return colour


Colour = Annotated[
    tuple[int, int, int],
    AfterValidator(_is_a_colour),
    Field(description="Red, green and blue, 0 to 255"),
]

# Okabe and Ito's colour-blind safe palette, then lighter and darker companions.
DEFAULT_COLOURS: tuple[tuple[int, int, int], ...] = (
    (40, 40, 40), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (170, 170, 170), (120, 94, 240),
    (254, 97, 0), (51, 34, 136), (136, 204, 238), (68, 170, 153), (17, 119, 51),
    (153, 153, 51), (221, 204, 119), (204, 102, 119), (136, 34, 85), (170, 68, 153),
    (221, 221, 221), (102, 153, 204),
)  # fmt: skip


class Class(Settings):
    """One class of a dataset."""

    name: str = Field(min_length=1, max_length=64)
    """What the class is called in tables and figures."""
    colour: Colour
    """Its colour in masks and images of masks."""


_Subset = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
Amount = Annotated[
    Share | _Subset | Annotated[list[_Subset], Field(min_length=1)],
    Field(
        description="A share (0.2), a count (n100), or official subsets by name: test, or "
        "[test1, test2]"
    ),
]


def official_subsets(amount: float | str | list[str]) -> list[str]:
    """The official subsets that an amount names; none if it is a share or a count."""
    if isinstance(amount, list):
        return amount
    return [amount] if isinstance(amount, str) and not re.fullmatch(r"n\d+", amount) else []


class Split(Settings):
    """Who is tested on, validated on, and may be trained on."""

    test: Amount = 0.2
    """The test images."""
    validation: Amount = 0.1
    """The validation images: selection and early stopping look at these, never at the test. With a
    budget of masks it says nothing."""
    masks: Literal["labelled", "budget"] = "labelled"
    """What a fraction counts: ``labelled`` images alone, beside the validation images that all
    fractions share; or ``budget``, all masks that somebody has to draw, of which some are
    validation images."""
    validation_share: float = Field(default=0.25, ge=0, lt=1)
    """Of a budget; 0: none, so that the weights of the last step are kept."""
    least_validation: int = Field(default=3, ge=1)
    """The least number of validation images in a budget, unless their share is 0."""
    folds: int | None = Field(default=None, ge=2, le=100)
    """Of a budget, instead of ``validation_share``: so many consecutive seeds share the masks, and
    in each another part of them is for validation (k-fold cross-validation)."""
    train: list[str] | None = None
    """Official subsets that training draws from; absent: whatever is not test or validation."""
    stratify: Literal["none", "category", "classes"] = "none"
    """Spread what is drawn over the categories, or over the rarest class of each image. Classes
    are read from all masks, also from those that are hidden afterwards: whoever has few masks could
    not choose so."""
    blocks: int | None = Field(default=None, gt=1)
    """Draw test and validation as runs of this many neighbouring images (video, volumes)."""
    groups: Groups | None = None
    """Which images belong together (patients, plots, volumes): all images of a group have one role,
    and intervals are computed over groups. A pattern of the names, or a table."""
    held_out_per_seed: bool = False
    """Draw test and validation anew for every seed; else all seeds share them."""
    lists: dict[Name, RelativePath] = {}
    """Published splits: a name to use as fraction, and a file of image names below the root."""

    @property
    def has_validation(self) -> bool:
        """Whether any images are validation images."""
        return self.masks == "labelled" or self.folds is not None or self.validation_share > 0

    @property
    def draws_one_by_one(self) -> bool:
        """Whether test or validation images are drawn whatever images resemble them."""
        amounts = [self.test, self.validation] if self.masks == "labelled" else [self.test]
        drawn = self.masks == "budget" or not all(map(official_subsets, amounts))
        return drawn and self.groups is None and self.blocks is None

    def draw_of(self, seed: int) -> int:
        """The number of the draw of masks of a seed: several seeds share one with ``folds``."""
        return seed // self.folds if self.folds else seed

    def validation_in(self, budget: int) -> int:
        """How many validation images a budget of so many masks has, at least. Raises ValueError
        where that leaves no image to learn from, or a fold without one."""
        if self.folds:
            if budget < self.folds:
                raise ValueError(
                    f"{budget} masks cannot be divided into {self.folds} parts\n"
                    f"  mend: more masks, or a smaller split.folds"
                )
            return budget // self.folds
        if not self.validation_share:
            return 0
        count = max(self.least_validation, round(self.validation_share * budget))
        if count >= budget:
            raise ValueError(
                f"a budget of {budget} masks, of which {count} are for validation, leaves none to "
                f"learn from\n"
                f"  mend: more masks, or a smaller split.least_validation or validation_share"
            )
        return count

    @field_validator("lists")
    @classmethod
    def _are_no_amounts(cls, lists: dict[str, str]) -> dict[str, str]:
        if taken := [name for name in lists if not is_list_name(name)]:
            raise ValueError(f"{taken[0]} already means a fraction: give the list another name")
        return lists

    @model_validator(mode="after")
    def _folds_divide_a_budget(self) -> "Split":
        if self.folds and self.masks != "budget":
            raise ValueError("folds divide a budget of masks: add masks: budget, or leave them out")
        for name in ("validation_share", "least_validation"):
            if self.folds and getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"folds and {name}: give one of them; a fold is validation")
        return self

    @model_validator(mode="after")
    def _keeps_one_thing_whole(self) -> "Split":
        if self.groups is not None and self.blocks is not None:
            raise ValueError("groups and blocks: give one of them, for groups are kept whole")
        return self


class Download(Settings):
    """One archive that is fetched and unpacked below the root when the root is missing."""

    url: str = Field(pattern=r"^https?://")
    checksum: str = Field(pattern=r"^(md5|sha256):[0-9a-f]+$")
    """``md5:...`` or ``sha256:...``"""


def _or_names(schema: dict[str, Any]) -> None:
    """Tell editors that a name will do for a class."""
    schema["items"] = {"anyOf": [{"type": "string"}, schema["items"]]}


class Dataset(ImageChannels):
    """A dataset: where it lies, how it is read, what its classes are and how it is split."""

    description: Line = ""
    """One line for lists and reports."""
    reader: Reader
    """The on-disk format."""
    root: RelativePath | None = None
    """The dataset's folder below the data folder ($FEWMASK_DATA, or data/)."""
    classes: list[Class] = Field(default=[], max_length=254, json_schema_extra=_or_names)
    """The classes in the order of their indices: names, or names with colours. Absent: the
    dataset has no masks and serves for pretraining."""
    mask_values: dict[int, str] | None = None
    """What a value in a mask file means: the name of a class, or ``ignore``; absent: value i is
    class i and 255 is ignore."""
    ignore_colours: list[Colour] = []
    """Colours of RGB masks that count nowhere, for example a drawn outline; white or black is
    not ignored unless it is listed here."""
    size: Length | tuple[Length, Length] = 256
    """Height and width in pixels after preparing; one number for a square."""
    fit: Literal["pad", "keep", "crop", "stretch"] = "pad"
    """How an image reaches the size: fit the longer side and pad with edge pixels (padding
    counts nowhere); likewise, but keep the size of an image that fits; fit the shorter side and
    crop the centre; or stretch."""
    tiles: Tiles | None = None
    """Cut images into tiles at their own resolution instead; ``size`` is then that of a tile, and
    need not be given."""
    skip_damaged: bool = False
    """Leave images out whose files are damaged or make no sense, and list them; else the first
    one stops the preparation."""
    split: Split = Split()
    """Who is tested on, validated on, and trained on."""
    download: list[Download] = []
    """Where the files come from, if they are free to download."""

    @model_validator(mode="before")
    @classmethod
    def _has_the_size_of_its_tiles(cls, values: Any) -> Any:
        tiles = values.get("tiles") if isinstance(values, dict) else None
        if isinstance(tiles, dict) and "size" in tiles and "size" not in values:
            return values | {"size": tiles["size"]}
        return values

    @field_validator("classes", mode="before")
    @classmethod
    def _names_become_classes(cls, classes: Any) -> Any:
        if not isinstance(classes, list):
            return classes
        colours = DEFAULT_COLOURS * (1 + len(classes) // len(DEFAULT_COLOURS))
        pairs = zip(classes, colours, strict=False)
        return [{"name": c, "colour": rgb} if isinstance(c, str) else c for c, rgb in pairs]

    @field_validator("mask_values", mode="wrap")
    @classmethod
    def _are_different(cls, found: Any, validate: Any) -> dict[int, str] | None:
        """JSON and quotation marks make a text of a value: "0" beside 0 is the same value."""
        values = validate(found)
        if values is not None and len(values) < len(found):
            raise ValueError("two keys are the same value")
        return values

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Dataset":
        names = [one.name for one in self.classes]
        if len(names) < 2 and (names or self.reader.needs_classes):
            raise ValueError(f"classes: found {len(names)}; name at least two for the masks")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two classes share a name: {', '.join(twice)}")
        if "ignore" in names:
            raise ValueError("'ignore' is no class: map values to it in mask_values")
        unknown = set((self.mask_values or {}).values()) - {*names, "ignore"}
        if unknown:
            raise ValueError(
                f"mask_values names {', '.join(sorted(unknown))}; "
                f"the classes are {', '.join(names)}, and 'ignore'"
            )
        self.reader.check_classes(names)
        if self.root is None and self.reader.needs_root:
            raise ValueError(f"the reader {self.reader.name} needs a root: the dataset's folder")
        return self

    @model_validator(mode="after")
    def _reader_reads_the_channels(self) -> "Dataset":
        if not self.is_rgb and not self.reader.reads_channels:
            raise ValueError(
                f"channels: the reader {self.reader.name} gives red, green and blue only\n"
                f"  mend: leave channels out, or take another reader, such as folder"
            )
        return self

    @model_validator(mode="after")
    def _tiles_are_all_that_shapes(self) -> "Dataset":
        """Images of tiles keep their resolution: neither a size nor a fit changes it."""
        if self.tiles and (self.fit != "pad" or self.height_width != self.tiles.height_width):
            raise ValueError(
                f"tiles: found them together with size {self.size} and fit {self.fit}\n"
                f"  expected: tiles alone, which have images at their own resolution\n"
                f"  mend: leave out size and fit, or tiles"
            )
        return self

    @property
    def gives(self) -> set[str]:
        """What is known of its images, or of some: category, and the truth of which tasks."""
        known = {
            "segmentation": bool(self.classes),
            "category": self.reader.has_categories,
        }
        return {name for name, is_known in known.items() if is_known} | {*self.reader.measures}

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width in pixels after preparing."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size
