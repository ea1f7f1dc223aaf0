"""Settings of every objective; the objective itself is ``fewmask.objectives.<name>``.

They stand here, apart from the code that trains, because planning reads them and must not
import torch.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.augmentation import (
    Augmentation,
    Change,
    HueShift,
    Probability,
    Range,
    SaturationChange,
)
from fewmask.config.settings import Settings
from fewmask.config.strong_augmentation import StrongAugmentation
from fewmask.metrics.segmentation import METRICS


class OfObjective(Settings):
    """What planning asks of every objective; each also has a ``name``."""

    draws: ClassVar[tuple[str, ...]]
    """The roles whose images a step must draw."""
    may_draw: ClassVar[tuple[str, ...]] = ()
    """Further ones, of which it has use."""
    predicts: ClassVar[tuple[str, ...]] = ("segmentation",)
    """What a network that has learnt it tells of an image."""
    parts: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "segmentation_head")
    """The parts of its network, which other stages may transfer."""
    compares_images: ClassVar[bool] = False
    """Whether it tells the images of a step from one another: there must be two, and none twice."""
    learns_pseudo_masks: ClassVar[bool] = False
    """Whether it needs the pseudo-masks of another stage."""
    loss_names: ClassVar[tuple[str, ...]]
    """What the losses of a step are called."""
    optional_losses: ClassVar[tuple[str, ...]] = ()
    """Those that settings switch off; they may be weighed all the same."""

    @property
    def validates(self) -> tuple[str, ...]:
        """What it tells of the validation images, to select and to stop by."""
        return tuple(METRICS) if "segmentation" in self.predicts else ("loss",)

    @property
    def learns(self) -> set[str]:
        """What has to be known of images: segmentation, category, depth, normal."""
        return {*self.heads, *(["segmentation"] if "labelled" in self.draws else [])}

    @property
    def is_encoder_alone(self) -> bool:
        """Whether its network has nothing but an encoder."""
        return self.parts == ("encoder",)

    @property
    def needs_last_stage(self) -> bool:
        """Whether it has to have the encoder's last stage apart from the others."""
        return False

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what its network sees of an image. Raises ValueError for one that is
        too small."""
        return height, width

    @property
    def heads(self) -> dict[str, int]:
        """What its network has beside that of masks: tasks, and the channels of their heads."""
        return {}

    @property
    def not_used(self) -> set[str]:
        """Settings that came later and are not made use of: a stage is what it was before them."""
        return set()


class Classification(Settings):
    """A head that tells an image's category: pool, dropout, linear (Li, 2.3)."""

    dropout: float = Field(default=0.2, ge=0, lt=1)


class Supervised(OfObjective):
    """Learn the masks of the labelled images."""

    name: Literal["supervised"]
    losses: list[Literal["cross_entropy", "dice"]] = Field(default=["cross_entropy"], min_length=1)
    """Per-pixel cross-entropy, and one minus the soft Dice coefficient."""

    classification: Classification | None = None
    """Learn the images' categories as well, by a head on the encoder."""

    draws: ClassVar[tuple[str, ...]] = ("labelled",)

    @property
    def learns(self) -> set[str]:
        """Categories only where they are requested."""
        return super().learns | ({"category"} if self.classification else set())

    @property
    def loss_names(self) -> tuple[str, ...]:
        """What the losses of a step are called."""
        return (*self.losses, *(["classification"] if self.classification else []))


class MaskedImage(OfObjective):
    """Predict the pixels of an image in which some patches were rotated (Li, 2.2)."""

    name: Literal["masked_image"]
    patches: int = Field(default=5, gt=0, le=1000)
    """How many patches of each image are rotated by 0, 90, 180 or 270 degrees."""
    patch_size: int = Field(default=32, gt=1)
    """Height and width of a patch in pixels; the paper does not say."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("reconstruction",)
    predicts: ClassVar[tuple[str, ...]] = ()

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        if self.patch_size > min(height, width):
            raise ValueError(
                f"objective.patch_size is {self.patch_size}, which is larger than images of "
                f"{height} x {width}\n  mend: a patch_size of at most {min(height, width)}"
            )
        return height, width


class Views(Augmentation):
    """Random changes as strong as SimCLR needs; what is not given stays so."""

    crop_area: Range = (0.2, 1.0)
    crop_aspect: Range = (0.75, 4 / 3)
    brightness: Change = 0.8
    contrast: Change = 0.8
    saturation: SaturationChange = 0.8
    hue: HueShift = 0.2
    colour: Probability = 0.8
    greyscale: Probability = 0.2
    blur: Probability = 0.5


class SimCLR(OfObjective):
    """Tell two views of one image from those of all others (Pet-SimCLR, 2.1)."""

    name: Literal["simclr"]
    temperature: float = Field(default=0.5, gt=0)
    """What similarities are divided by; the paper does not say."""
    projection: int = Field(default=128, gt=0, le=65536)
    """How long the vectors are that are compared: what the two-layer head puts out. Its hidden
    layer is as wide as the encoder's features."""
    views: Views = Views()
    """How the two views of an image are made, after the stage's augmentation."""

    draws: ClassVar[tuple[str, ...]] = ("all",)
    loss_names: ClassVar[tuple[str, ...]] = ("contrastive",)
    parts: ClassVar[tuple[str, ...]] = ("encoder",)
    compares_images: ClassVar[bool] = True
    predicts: ClassVar[tuple[str, ...]] = ()

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        return self.views.size_of(height, width)


class Auxiliary(Settings):
    """A second head that learns pseudo-masks (Ke et al. 2020, 3.2)."""

    own_blocks: Literal[1, 2] = 2
    """How many of the network's last blocks it does not share. The last block is all that follows
    the encoder, the one before it the encoder's last stage (2: N - 2 are shared)."""


class SelfTraining(OfObjective):
    """Masks, agreement with a teacher, and pseudo-masks of an earlier stage (Ke et al. 2020,
    3.2)."""

    name: Literal["self_training"]
    consistency: bool = True
    """Agree, on strongly augmented images, with an averaged teacher (equation 1)."""
    teacher_decay: float = Field(default=0.99, gt=0, lt=1)
    """Of the teacher, the exponential average of the student: what step k keeps of its weights, but
    at most 1 - 1 / (k + 1): at first it is a plain mean."""
    auxiliary: Auxiliary | None = Auxiliary()
    """Learn the pseudo-masks by a head of its own (equation 3); null: not at all."""
    strong_augmentation: StrongAugmentation | None = StrongAugmentation()
    """The operators A and B; null: images as the stage's augmentation leaves them."""
    result: Literal["student", "teacher"] = "student"
    """Whose weights are judged, kept, and make the next pseudo-masks (paper: student)."""

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    optional_losses: ClassVar[tuple[str, ...]] = ("consistency", "pseudo_masks")

    @property
    def needs_last_stage(self) -> bool:
        """Where the auxiliary head has one of its own."""
        return self.auxiliary is not None and self.auxiliary.own_blocks == 2

    @property
    def learns_pseudo_masks(self) -> bool:
        """Only with the auxiliary head."""
        return self.auxiliary is not None

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Equations 2, 1 and 3."""
        chosen = {"consistency": self.consistency, "pseudo_masks": self.auxiliary is not None}
        return ("cross_entropy", *(name for name, is_chosen in chosen.items() if is_chosen))


class Reconstruction(OfObjective):
    """Learn masks, and the pixels of all images by a second decoder (S6, 2.1)."""

    name: Literal["reconstruction"]

    draws: ClassVar[tuple[str, ...]] = ("labelled", "unlabelled")
    loss_names: ClassVar[tuple[str, ...]] = ("cross_entropy", "reconstruction")


Task = Literal["segmentation", "depth", "normal"]


class MultiTask(OfObjective):
    """Learn masks, depths and surface normals by a decoder each (Khamesra et al.).

    An image counts for the tasks that it has truth for: masks are those of the labelled images,
    depths and normals those of all that are drawn, where they are known.
    """

    name: Literal["multi_task"]
    tasks: list[Task] = Field(default=["segmentation", "depth", "normal"], min_length=1)
    """What is learnt; with one, the single-task twin."""
    depth_loss: Literal["l1", "l2"] = "l1"
    """The error of depths: absolute (the NYUv2 benchmark's), or squared."""
    normal_codes: int | None = Field(default=None, gt=3, le=255)
    """Learn normals as a choice among so many directions, by cross-entropy (Khamesra et al.,
    II.A.1; it does not say how many); absent: as vectors, by one minus the cosine (the NYUv2
    benchmark's)."""

    may_draw: ClassVar[tuple[str, ...]] = ("unlabelled", "all")

    @property
    def draws(self) -> tuple[str, ...]:
        """Masks are only with labelled images; depths and normals are with any."""
        return ("labelled",) if "segmentation" in self.tasks else ()

    @property
    def predicts(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(self.tasks)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """The tasks."""
        return tuple(self.tasks)

    @property
    def heads(self) -> dict[str, int]:
        """Depths have one channel, normals one for every axis or code."""
        channels = {"depth": 1, "normal": self.normal_codes or 3}
        return {task: channels[task] for task in self.tasks if task in channels}

    @property
    def not_used(self) -> set[str]:
        """How depths and normals are learnt, where it is as it was before one could choose."""
        came_later = {"depth_loss": "l1", "normal_codes": None}
        return {key for key, default in came_later.items() if getattr(self, key) == default}

    @field_validator("tasks")
    @classmethod
    def _no_task_twice(cls, tasks: list[Task]) -> list[Task]:
        if len(set(tasks)) < len(tasks):
            raise ValueError("a task is named twice")
        return tasks

    @model_validator(mode="after")
    def _losses_are_of_tasks(self) -> "MultiTask":
        for key, task in (("depth_loss", "depth"), ("normal_codes", "normal")):
            if key not in self.not_used and task not in self.tasks:
                raise ValueError(
                    f"{key} is {getattr(self, key)}, but {task} is none of the tasks "
                    f"({', '.join(self.tasks)}); leave {key} out"
                )
        return self


Objective = Annotated[
    Supervised | MaskedImage | SimCLR | SelfTraining | Reconstruction | MultiTask,
    Field(discriminator="name"),
]
"""Any objective's settings, told apart by ``name``."""
