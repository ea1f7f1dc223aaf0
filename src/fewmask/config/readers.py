"""Settings of the readers: one class for each on-disk format, `fewmask.data.readers.<name>`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.settings import RelativePath, Settings


class ScenesReader(Settings):
    """Rendered rooms: the embedded dataset, which needs no files."""

    name: Literal["scenes"]
    images: int = Field(gt=0, le=1_000_000)
    """How many images are rendered."""
    seed: int = Field(default=0, ge=0)
    """Which rooms: image i is a function of (seed, i)."""

    measures: ClassVar[tuple[str, ...]] = ("depth", "normal", "height")
    """The tasks besides segmentation whose truth it gives."""


class OxfordPetReader(Settings):
    """Oxford-IIIT Pet in its official layout (images/, annotations/trimaps, annotations/list.txt).

    Trimap values: 1 pet, 2 background, 3 border. ``mask_values`` says what each becomes.
    """

    name: Literal["oxford_pet"]
    category: Literal["species", "breed"] = "species"
    """Which label of an image is its category: cat or dog, or one of the 37 breeds."""


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
    """Further subsets, of which the images are read and no masks."""


class CamVidReader(Settings):
    """CamVid in the layout of SegNet: train.txt, val.txt and test.txt list images and masks."""

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
    """A folder of images and, for some or all of them, masks.

    The part of the path that ``*`` stands for pairs an image with its mask. Masks may be palette
    or grey images (the value is the class) or RGB images (the colour of a class).
    """

    name: Literal["folder"]
    images: RelativePath
    """Pattern below the root, for example ``images/*.jpg``; a ``*`` may stand in a folder's
    place too, ``**`` for any depth, and an ending may be in any case. With a bare ``*`` at its end
    (``images/*``) images of all formats are found, and the name of an image is without its
    ending."""
    masks: RelativePath | None = None
    """Pattern of the masks, for example ``masks/*.png``; absent: no image has one."""
    unlabelled: RelativePath | None = None
    """Pattern of further images that have no masks."""
    masks_required: bool = False
    """Whether it is a mistake if one of ``images`` has no mask; else it is unlabelled."""

    @field_validator("images", "masks", "unlabelled")
    @classmethod
    def _has_a_star(cls, pattern: str | None) -> str | None:
        if pattern is not None and "*" not in pattern:
            raise ValueError("must hold a * that stands for the name of an image")
        return pattern

    @model_validator(mode="after")
    def _says_which_masks(self) -> "FolderReader":
        if self.masks_required and self.masks is None:
            raise ValueError("masks_required: give the pattern of the masks, too")
        return self


class ClassFoldersReader(Settings):
    """A folder for every category, with images in it and no masks: a source for pretraining."""

    name: Literal["class_folders"]
    folder: RelativePath = "."
    """Where the folders of the categories lie below the root."""
    leave_out: list[str] = []
    """Images to pass over, as ``CATEGORY/NAME`` without the ending: damaged ones, say."""


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

    measures: ClassVar[tuple[str, ...]] = ("depth", "normal")

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

    @property
    def measures(self) -> tuple[str, ...]:
        """Depths, and normals if they are derived."""
        return ("depth", "normal") if self.normals == "derived" else ("depth",)


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

CATEGORISED = ("oxford_pet", "class_folders", "cifar10")
"""Readers that tell the category of images."""
