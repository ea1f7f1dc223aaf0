"""Settings of a dataset: config/datasets/*.yaml."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from fewmask.config.settings import Name, RelativePath, Settings, Share


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
    """Its colour in masks and pictures of masks."""


class ScenesReader(Settings):
    """Rendered rooms: the embedded dataset, which needs no files."""

    name: Literal["scenes"]
    pictures: int = Field(gt=0)
    """How many pictures are rendered."""
    seed: int = 0
    """Which rooms: picture i is a function of (seed, i)."""


class OxfordPetReader(Settings):
    """Oxford-IIIT Pet in its official layout (images/, annotations/trimaps, annotations/list.txt).

    Trimap values: 1 pet, 2 background, 3 border. ``mask_values`` says what each becomes.
    """

    name: Literal["oxford_pet"]
    category: Literal["species", "breed"] = "species"
    """Which label of a picture is its category: cat or dog, or one of the 37 breeds."""


class VocReader(Settings):
    """PASCAL VOC 2012 in its official layout, or as published code lays it out.

    Paths are below the root, or below VOCdevkit/VOC2012 in it, where the official archive puts
    them. Lists hold a name per line, or ``JPEGImages/NAME.jpg SegmentationClass/NAME.png``.
    """

    name: Literal["voc"]
    train_masks: RelativePath = "SegmentationClass"
    """Folder of the training masks: ``SegmentationClassAug`` for the augmented ones. The masks of
    ``val`` are always those in SegmentationClass."""
    train_list: RelativePath | None = "ImageSets/Segmentation/train.txt"
    """Who is in the subset ``train``; null: all who have a mask in ``train_masks`` and are not in
    ``val``."""
    val_list: RelativePath = "ImageSets/Segmentation/val.txt"
    """Who is in the subset ``val``."""


class CityscapesReader(Settings):
    """Cityscapes in its official layout (leftImg8bit/, gtFine/): the subsets train and val.

    ``mask_values`` says which of the ids in ``*_gtFine_labelIds.png`` are which class; the other
    official ids are ignored.
    """

    name: Literal["cityscapes"]
    unlabelled: list[Literal["train_extra", "test"]] = []
    """Further subsets, of which the pictures are read and no masks."""


class CamVidReader(Settings):
    """CamVid in the layout of SegNet: train.txt, val.txt and test.txt list pictures and masks."""

    name: Literal["camvid"]


class F3FaciesReader(Settings):
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


class FolderReader(Settings):
    """A folder of pictures and, for some or all of them, masks.

    The part of the path that ``*`` stands for pairs a picture with its mask. Masks may be palette
    or grey pictures (the value is the class) or RGB pictures (the colour of a class).
    """

    name: Literal["folder"]
    images: RelativePath
    """Pattern below the root, for example ``images/*.jpg``; a ``*`` may stand in a folder's
    place too, ``**`` for any depth. With a bare ``*`` at its end (``images/*``) pictures of all
    formats are found, and the name of a picture is without its ending."""
    masks: RelativePath | None = None
    """Pattern of the masks, for example ``masks/*.png``; absent: no picture has one."""
    unlabelled: RelativePath | None = None
    """Pattern of further pictures that have no masks."""
    masks_required: bool = False
    """Whether it is a mistake if one of ``images`` has no mask; else it is unlabelled."""

    @field_validator("images", "masks", "unlabelled")
    @classmethod
    def _has_a_star(cls, pattern: str | None) -> str | None:
        if pattern is not None and "*" not in pattern:
            raise ValueError("must hold a * that stands for the name of a picture")
        return pattern

    @model_validator(mode="after")
    def _says_which_masks(self) -> "FolderReader":
        if self.masks_required and self.masks is None:
            raise ValueError("masks_required: give the pattern of the masks, too")
        return self


class ClassFoldersReader(Settings):
    """A folder for every category, with pictures in it and no masks: a source for pretraining."""

    name: Literal["class_folders"]
    folder: RelativePath = "."
    """Where the folders of the categories lie below the root."""
    leave_out: list[str] = []
    """Pictures to pass over, as ``CATEGORY/NAME`` without the ending: damaged ones, say."""


class Cifar10Reader(Settings):
    """CIFAR-10 as its official python pickles, cifar-10-batches-py/: no masks."""

    name: Literal["cifar10"]


Axis = Literal["x", "-x", "y", "-y", "z", "-z"]


class Nyuv2MtanReader(Settings):
    """NYUv2 as MTAN (Liu, Johns and Davison, 2019) gives it: arrays of 288 x 384 pixels."""

    name: Literal["nyuv2_mtan"]
    normal_axes: tuple[Axis, Axis, Axis] = ("x", "y", "z")
    """Which axes of the normals in the files point right, down and away from the camera. If
    they are right, floors are green and what faces the camera blue in ``fewmask inspect``."""

    @field_validator("normal_axes")
    @classmethod
    def _are_three(cls, axes: tuple[Axis, Axis, Axis]) -> tuple[Axis, Axis, Axis]:
        if {axis[-1] for axis in axes} != {*"xyz"}:
            raise ValueError("must name x, y and z once each, with or without a minus")
        return axes


class Nyuv2Reader(Settings):
    """NYUv2 in its official file, nyu_depth_v2_labeled.mat; masks only where classes are given.

    Raw labels are 0 (unlabelled) and 1 to 894. ``mask_values`` says what they become; those that
    it does not name count nowhere.
    """

    name: Literal["nyuv2"]
    depth: Literal["filled", "raw"] = "filled"
    """Depths with their gaps filled in by the authors, or as the sensor gave them."""
    normals: Literal["derived", "none"] = "derived"
    """The file has no normals: derive them from the depths, or do without."""


Reader = Annotated[
    ScenesReader
    | OxfordPetReader
    | VocReader
    | CityscapesReader
    | CamVidReader
    | F3FaciesReader
    | FolderReader
    | ClassFoldersReader
    | Cifar10Reader
    | Nyuv2MtanReader
    | Nyuv2Reader,
    Field(discriminator="name"),
]

LABEL_FREE = ("class_folders", "cifar10", "nyuv2")
"""Readers that can do without classes; a folder without masks can, too."""

_Subset = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]

Amount = Annotated[
    Share | _Subset | Annotated[list[_Subset], Field(min_length=1)],
    Field(
        description="A share (0.2), a count (n100), or official subsets by name: test, or "
        "[test1, test2]"
    ),
]


class Split(Settings):
    """Who is tested on, validated on, and may be trained on."""

    test: Amount = 0.2
    """The test pictures."""
    validation: Amount = 0.1
    """The validation pictures: selection and early stopping look at these, never at the test."""
    train: list[str] | None = None
    """Official subsets that training draws from; absent: whatever is not test or validation."""
    stratify: Literal["none", "category", "classes"] = "none"
    """Spread what is drawn over the categories, or over the rarest class of each picture."""
    blocks: int | None = Field(default=None, gt=1)
    """Draw test and validation as runs of this many neighbouring pictures (video, volumes)."""
    held_out_per_seed: bool = False
    """Draw test and validation anew for every seed; else all seeds share them."""
    lists: dict[Name, RelativePath] = {}
    """Published splits: a name to use as fraction, and a file of picture names below the root."""


class Download(Settings):
    """One archive that is fetched and unpacked below the root when the root is missing."""

    url: str = Field(pattern=r"^https?://")
    checksum: str = Field(pattern=r"^(md5|sha256):[0-9a-f]+$")
    """``md5:...`` or ``sha256:...``"""


def _or_names(schema: dict[str, Any]) -> None:
    """Tell editors that a name will do for a class."""
    schema["items"] = {"anyOf": [{"type": "string"}, schema["items"]]}


class Dataset(Settings):
    """A dataset: where it lies, how it is read, what its classes are and how it is split."""

    description: str = ""
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
    size: Annotated[int, Field(ge=16)] | tuple[int, int] = 256
    """Height and width in pixels after preparing; one number for a square."""
    fit: Literal["pad", "crop", "stretch"] = "pad"
    """How a picture reaches the size: fit the longer side and pad with edge pixels (padding
    counts nowhere), fit the shorter side and crop the centre, or stretch."""
    skip_damaged: bool = False
    """Leave pictures out whose files are damaged or make no sense, and list them; else the first
    one stops the preparation."""
    split: Split = Split()
    """Who is tested on, validated on, and trained on."""
    download: list[Download] = []
    """Where the files come from, if they are free to download."""

    @field_validator("classes", mode="before")
    @classmethod
    def _names_become_classes(cls, classes: Any) -> Any:
        if not isinstance(classes, list):
            return classes
        colours = DEFAULT_COLOURS * (1 + len(classes) // len(DEFAULT_COLOURS))
        pairs = zip(classes, colours, strict=False)
        return [{"name": c, "colour": rgb} if isinstance(c, str) else c for c, rgb in pairs]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Dataset":
        names = [one.name for one in self.classes]
        if len(names) < 2 and (names or not self._can_be_label_free):
            raise ValueError(f"classes: found {len(names)}; name at least two for the masks")
        if len(set(names)) < len(names):
            raise ValueError(f"two classes share a name: {', '.join(sorted(names))}")
        if "ignore" in names:
            raise ValueError("'ignore' is no class: map values to it in mask_values")
        unknown = set((self.mask_values or {}).values()) - {*names, "ignore"}
        if unknown:
            raise ValueError(
                f"mask_values names {', '.join(sorted(unknown))}; "
                f"the classes are {', '.join(names)}, and 'ignore'"
            )
        if self.root is None and self.reader.name != "scenes":
            raise ValueError(f"the reader {self.reader.name} needs a root: the dataset's folder")
        return self

    @property
    def _can_be_label_free(self) -> bool:
        has_no_masks = self.reader.name == "folder" and self.reader.masks is None
        return has_no_masks or self.reader.name in LABEL_FREE

    @property
    def height_width(self) -> tuple[int, int]:
        """Height and width in pixels after preparing."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size
