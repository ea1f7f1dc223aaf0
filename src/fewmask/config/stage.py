"""Settings of a stage: one training of a method."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from fewmask.config.augmentation import Augmentation
from fewmask.config.batch import Batch
from fewmask.config.choices import choices
from fewmask.config.duration import Duration, in_steps
from fewmask.config.evaluation import Evaluation
from fewmask.config.network import Network
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.optimiser import Optimiser
from fewmask.config.ranges import LogToOne, Ranges, declared
from fewmask.config.resources import Resources
from fewmask.config.schedule import Schedule
from fewmask.config.settings import NAME, Name, Settings
from fewmask.config.task import load
from fewmask.config.weighting import WeightingSettings

Objective = choices("fewmask.objectives", ObjectiveSettings)
"""Any objective's settings, told apart by ``name``."""

Weighting = choices("fewmask.objectives.weighting", WeightingSettings)
"""Any weighting's settings, told apart by ``name``."""

StageName = Annotated[str, Field(pattern=rf"^({NAME}/)?{NAME}$")]
Part = Literal["encoder", "decoder", "segmentation_head"]


def _is_all(share: float) -> bool:
    """Whether a share is not written, so that stages that draw all images are what they were
    before there were shares."""
    return share == 1


class Averaging(Settings):
    """Keep the exponential moving average of the weights, batch-norm statistics included."""

    decay: Annotated[float, Field(gt=0, lt=1), LogToOne(0.9, 0.9995)]
    """What step k keeps of it, but at most 1 - 1 / (k + 1): at first it is a plain mean."""


class TrainingSettings(Settings):
    """Everything in a stage's settings that can change its weights.

    This is what the job of a training is passed, and what stands beside its weights.
    """

    network: Network
    objective: Objective
    weighting: Weighting = Field(default={"name": "fixed"}, validate_default=True)
    """How several losses become one update."""
    optimiser: Optimiser
    rate_factors: dict[Part, Annotated[float, Field(gt=0)]] = {}
    """What the learning rates of parts of the network are multiplied with; of other parts: 1."""
    layer_decay: float = Field(default=1, gt=0, le=1)
    """Layer-wise decay: the learning rate of each block of the encoder as a multiple of that of the
    next one (Bao et al. 2022)."""
    schedule: Schedule = Schedule()
    steps: Duration
    """Updates of the weights; or epochs, each of which sees the labelled images once (all that
    are drawn, where no masks are)."""
    until: float = Field(default=1, gt=0, le=1)
    """The share of ``steps`` after which the training ends, with the learning rates of a whole one,
    which can go on from its checkpoint."""
    batch: Batch
    micro_batches: int = Field(default=1, ge=1, le=1024)
    """In how many parts, one after the other, a batch passes through the networks: the memory is
    that of one part, and the time that of a further forward pass."""
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Of forward and backward passes; the weights stay in 32 bits."""
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    """The largest norm of the gradient of all parameters; absent: any."""
    augmentation: Augmentation = Augmentation()
    averaging: Averaging | None = None
    evaluation: Evaluation = Evaluation()
    snapshots: int = Field(default=1, ge=1, le=100)
    """Into how many equal parts the training is cut. The weights after each part but the last are
    kept beside the result; where they predict alike, pseudo-masks are reliable (Yang et al. 2022,
    ST++). 1: none are kept."""
    deterministic: bool = False
    """Ask the GPU for kernels that give the same bits every time (slower); a CPU always does."""
    compile: bool = False
    """Translate the network by torch.compile, which takes its time at the start of every job and
    rounds otherwise; where that does not work it is trained as it is."""
    start_from: StageName | None = None
    """The stage whose trained weights this one starts from: one of this method, or of another as
    ``method/stage``."""
    pseudo_masks: StageName | None = None
    """The stage whose predictions on the training images this one learns; likewise."""
    most_reliable: float = Field(default=1, gt=0, le=1)
    """The share of the unlabelled images that is drawn: those with the most reliable pseudo-masks,
    for which the stage that predicts them must keep ``snapshots``. 1: all, whatever they are."""
    most_confident: float = Field(default=1, gt=0, le=1)
    """The share of the pixels of every class of the pseudo-masks that is learnt: of those of the
    unlabelled images that are drawn, the most confident ones. 1: all (Zou et al. 2018)."""
    labels: Literal["fraction", "all"] = "fraction"
    """Whose masks are seen: those of the run's fraction, or of all training images (an upper
    bound; trained once for all fractions)."""
    labelled_share: float = Field(default=1, gt=0, le=1, exclude_if=_is_all)
    """The share of the labelled images that is drawn. Replicas leave out images one after the
    other: 0 the first ones of a random order, 1 the next ones (Feng et al. 2022, DMT). 1: all."""
    transfer: list[Part] = Field(default=["encoder", "decoder", "segmentation_head"], min_length=1)
    """The parts of the network whose weights come from there; the others start afresh."""
    replica: int = Field(default=0, ge=0, le=1000)
    """Stages that differ in this number draw other random weights, orders of images and changes of
    them; the same labelled images, unless ``labelled_share`` is below 1."""

    @property
    def depends_on_fraction(self) -> bool:
        """Whether the weights depend on who is labelled."""
        sees_roles = {"labelled", "unlabelled"} & set(self.batch.roles)
        return bool(sees_roles) and self.labels == "fraction"

    @property
    def last_step(self) -> int:
        """The number of steps that are done in the end; ``steps`` must be in steps."""
        return math.ceil(round(self.until * self.steps, 6))

    @property
    def ranges(self) -> Ranges:
        """The ranges of the settings that a search tries, by the path of the setting."""
        of_weights = self.weighting.weight_ranges(self.objective.loss_ranges)
        return declared(self) | {f"weighting.{name}": one for name, one in of_weights.items()}

    def shaping(self) -> str:
        """JSON of everything that can change the weights, also of a stage that has more."""
        return self.model_dump_json(include=set(TrainingSettings.model_fields))

    def check_images(self, height: int, width: int) -> None:
        """Raise ValueError if it cannot be trained on images of this size."""
        alone = self.objective.is_encoder_alone
        whole = height, width
        for size in (self.augmentation.size_of(*whole), whole):  # training and validation
            self.network.check_size(*self.objective.size_of(*size), encoder_alone=alone)

    def in_steps(self, images: dict[str, int]) -> Self:
        """The same with every duration in steps.

        An epoch sees ``images`` of a role once: of those that are drawn, the first. Raises
        ValueError should the durations not fit together.
        """
        role = self.batch.roles[0]
        steps_per_epoch = images[role] / getattr(self.batch, role)
        parts = ("weighting", "schedule", "evaluation")
        changed = {name: getattr(self, name).in_steps(steps_per_epoch) for name in parts}
        changed["steps"] = in_steps(self.steps, steps_per_epoch)
        changed["schedule"].check_warmup(changed["steps"])
        return self.model_copy(update=changed)

    @model_validator(mode="after")
    def _draws_what_the_objective_needs(self) -> Self:
        objective, drawn = self.objective, set(self.batch.roles)
        needed = set(objective.draws)
        if not drawn or not needed <= drawn <= needed | set(objective.may_draw):
            also = f", and may draw {', '.join(objective.may_draw)}" if objective.may_draw else ""
            raise ValueError(
                f"batch draws {', '.join(sorted(drawn)) or 'nothing'}; the objective "
                f"{objective.name} needs {', '.join(sorted(needed)) or 'none of them'}{also}"
            )
        alone = [role for role in objective.pairs if getattr(self.batch, role) == 1]
        if alone:
            raise ValueError(
                f"batch.{alone[0]} must be at least 2: {objective.name} pairs every image with "
                f"another one"
            )
        if self.labels == "all" and "unlabelled" in drawn:
            raise ValueError("with labels: all no image is unlabelled, but batch draws some")
        if self.labelled_share < 1 and "labelled" not in drawn:
            raise ValueError("labelled_share is below 1, but batch draws no labelled images")
        return self

    @model_validator(mode="after")
    def _is_selected_by_a_known_metric(self) -> Self:
        known = self.objective.validates
        keys = {"metric": self.evaluation.metric, "patience_metric": self.evaluation.stops_by}
        for key, metric in keys.items():
            if metric not in (*known, "none"):
                raise ValueError(
                    f"evaluation.{key} is {metric}; on validation images the objective "
                    f"{self.objective.name} measures {', '.join(known)}"
                )
        return self

    @model_validator(mode="after")
    def _rates_are_of_trained_parts(self) -> Self:
        trained = [part for part in self.objective.parts if part != self.network.frozen]
        for part in self.rate_factors:
            if part not in trained:
                raise ValueError(
                    f"rate_factors names {part}; the parts that {self.objective.name} trains are "
                    f"{', '.join(trained)}"
                )
        if self.layer_decay < 1 and "encoder" not in trained:
            raise ValueError("layer_decay needs a trained encoder, but network.frozen is encoder")
        if self.layer_decay < 1 and "blocks" not in self.network.known_encoder.traits:
            raise ValueError(
                f"layer_decay is below 1, but {self.network.encoder} has no blocks to tell apart\n"
                f"  mend: leave it out, or take an encoder of blocks (residual, transformer)"
            )
        return self

    @model_validator(mode="after")
    def _what_is_frozen_has_been_trained(self) -> Self:
        frozen = self.network.frozen
        starts_with_encoder = self.start_from and "encoder" in self.transfer
        if frozen != "nothing" and self.network.weights == "none" and not starts_with_encoder:
            raise ValueError(
                f"network.frozen is {frozen}, but the encoder starts from random weights\n"
                f"  mend: network.weights: imagenet or a file, or start_from with the encoder in "
                f"transfer"
            )
        if frozen == "encoder" and self.objective.is_encoder_alone:
            raise ValueError(
                f"network.frozen is encoder, but {self.objective.name} trains nothing else"
            )
        return self

    @model_validator(mode="after")
    def _fits_the_objective(self) -> Self:
        objective = self.objective
        for task in map(load, objective.predicts):
            if task.needs_shapes:
                self.augmentation.check_keeps_shapes(task.title)
        objective.check_network(self.network)
        self.weighting.check(objective.loss_names, objective.optional_losses)
        if bool(self.pseudo_masks) != objective.learns_pseudo_masks:
            needs = objective.learns_pseudo_masks
            raise ValueError(
                f"the objective {objective.name} {'needs' if needs else 'has no use for'} "
                f"pseudo_masks (the name of a stage{'' if needs else '; null for none'})"
            )
        for key in ("most_reliable", "most_confident"):
            if getattr(self, key) < 1 and not objective.learns_pseudo_masks:
                raise ValueError(f"{key} is below 1, but {objective.name} learns no pseudo-masks")
        return self

    @model_validator(mode="after")
    def _warms_up_before_it_ends(self) -> Self:
        if isinstance(self.schedule.warmup_steps, int) and isinstance(self.steps, int):
            self.schedule.check_warmup(self.steps)
        return self


class Stage(TrainingSettings):
    """One training of a method: what shapes its weights, on which dataset and with what it runs."""

    dataset: Name | None = None
    """A dataset of its own to train on; absent: the run's. Such a stage is trained once for all
    datasets of the grid."""
    checkpoint_minutes: float = Field(default=5, gt=0, le=100_000)
    """Minutes between two checkpoints."""
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _processes_share_the_batch(self) -> Self:
        self.batch.check_shared(self.resources.processes, self.micro_batches)
        return self
