"""Settings of a method: config/methods/*.yaml. A method is a chain of stages."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from fewmask.config.augmentation import Augmentation
from fewmask.config.choices import choices
from fewmask.config.duration import Duration, DurationOrZero, in_steps
from fewmask.config.explain import did_you_mean
from fewmask.config.network import Network
from fewmask.config.objective import ObjectiveSettings
from fewmask.config.optimiser import Optimiser
from fewmask.config.settings import NAME, Line, Name, Settings
from fewmask.config.weighting import WeightingSettings
from fewmask.metrics import table


class Schedule(Settings):
    """The learning rate over the steps: a linear warm-up from 0, then a decay to 0."""

    name: Literal["constant", "linear", "polynomial", "cosine"] = "constant"
    warmup_steps: DurationOrZero = 0
    power: float = Field(default=0.9, gt=0)
    """The exponent of the polynomial decay."""


Size = Annotated[int, Field(ge=0, le=65536)]


class Batch(Settings):
    """How many images of each role a step draws."""

    labelled: Size = 0
    unlabelled: Size = 0
    all: Size = 0
    """Labelled and unlabelled images alike, without their masks."""

    @property
    def roles(self) -> list[str]:
        """Those that are drawn, labelled images first."""
        return [role for role, size in self if size]

    def check_shared(self, processes: int) -> None:
        """Raise ValueError for a batch that so many processes cannot share."""
        for role, size in self:
            if size % processes:
                raise ValueError(
                    f"batch.{role} is {size}, which {processes} processes cannot share\n"
                    f"  mend: a multiple of {processes}, or another resources.processes"
                )


class Evaluation(Settings):
    """Looking at the validation images while training: selection and early stopping."""

    every: Duration = 100
    """Steps (or epochs) between two looks; the last step always is one."""
    metric: str = "miou"
    """The weights with the best value of this are kept: loss or a metric; ``none`` keeps the
    last."""
    patience: Duration | None = None
    """Stop after this many steps (or epochs), rounded up to looks, without a better value; absent:
    never."""
    patience_metric: str = "metric"
    """What must get better for that: loss or a metric; ``metric`` stands for the one above."""
    batch_size: int = Field(default=32, gt=0, le=65536)

    @model_validator(mode="after")
    def _patience_has_a_metric(self) -> "Evaluation":
        if self.patience and self.stops_by == "none":
            raise ValueError("patience needs a metric: with none there is no better value")
        return self

    @property
    def stops_by(self) -> str:
        """What must get better lest patience ends the training."""
        return self.metric if self.patience_metric == "metric" else self.patience_metric

    @field_validator("metric", "patience_metric")
    @classmethod
    def _is_known(cls, metric: str, info: ValidationInfo) -> str:
        known = table.names(table.measured_on("validation"))
        allowed = [*known, "none" if info.field_name == "metric" else "metric"]
        if metric not in allowed:
            raise ValueError(
                f"no such metric{did_you_mean(metric, allowed)}; known: {', '.join(allowed)}"
            )
        return metric


class Averaging(Settings):
    """Keep the exponential average of the weights, batch-norm statistics included, as result."""

    decay: float = Field(gt=0, lt=1)
    """What step k keeps of it, but at most 1 - 1 / (k + 1): at first it is a plain mean."""


Part = Literal["encoder", "decoder", "segmentation_head"]


class Resources(Settings):
    """What a stage asks of the cluster. Nothing here can change a result but for rounding."""

    minutes: int = Field(default=60, gt=0, le=1_000_000)
    memory_gb: float = Field(default=8, gt=0, le=100_000)
    cpus: int = Field(default=4, gt=0, le=10_000)
    gpus: int = Field(default=1, ge=0, le=1000)
    processes: int = Field(default=1, gt=0, le=1000)
    """How many processes train together, each on a GPU of its own: sums are taken in another order,
    and so the last digits of weights may differ."""

    @model_validator(mode="after")
    def _has_gpus_for_all(self) -> "Resources":
        if 0 < self.gpus < self.processes:
            raise ValueError(
                f"processes is {self.processes}, and gpus {self.gpus}: each needs one of its own"
            )
        return self


Objective = choices("fewmask.objectives", ObjectiveSettings)
"""Any objective's settings, told apart by ``name``."""

Weighting = choices("fewmask.objectives.weighting", WeightingSettings)
"""Any weighting's settings, told apart by ``name``."""

StageName = Annotated[str, Field(pattern=rf"^({NAME}/)?{NAME}$")]


class Stage(Settings):
    """One training: a network, an objective, and how long and with what it is trained."""

    network: Network
    objective: Objective
    weighting: Weighting = Field(default={"name": "fixed"}, validate_default=True)
    """How several losses become one update."""
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    steps: Duration
    """Updates of the weights; or epochs, each of which sees the labelled images once (all that
    are drawn, where no masks are)."""
    batch: Batch
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Of forward and backward passes; the weights stay in 32 bits."""
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    augmentation: Augmentation = Augmentation()
    averaging: Averaging | None = None
    evaluation: Evaluation = Evaluation()
    deterministic: bool = False
    """Ask the GPU for kernels that give the same bits every time (slower); a CPU always does."""
    compile: bool = False
    """Translate the network by torch.compile, which takes its time at the start of every job and
    rounds otherwise; where that does not work it is trained as it is."""
    dataset: Name | None = None
    """A dataset of its own to train on; absent: the run's. Such a stage is trained once for all
    datasets of the grid."""
    start_from: StageName | None = None
    """The stage whose trained weights this one starts from: one of this method, or of another as
    ``method/stage``."""
    pseudo_masks: StageName | None = None
    """The stage whose predictions on the training images this one learns; likewise."""
    labels: Literal["fraction", "all"] = "fraction"
    """Whose masks are seen: those of the run's fraction, or of all training images (an upper
    bound; trained once for all fractions)."""
    transfer: list[Part] = Field(default=["encoder", "decoder", "segmentation_head"], min_length=1)
    """The parts of the network whose weights come from there; the others start afresh."""
    checkpoint_minutes: float = Field(default=5, gt=0, le=100_000)
    """Minutes between two checkpoints."""
    resources: Resources = Resources()

    @property
    def depends_on_fraction(self) -> bool:
        """Whether the weights depend on who is labelled."""
        sees_roles = {"labelled", "unlabelled"} & set(self.batch.roles)
        return bool(sees_roles) and self.labels == "fraction"

    def shaping(self) -> str:
        """JSON of everything that can change the weights."""
        left_out = dict.fromkeys(("resources", "checkpoint_minutes", "dataset"), True)
        # So that stages without them stay what they were.
        left_out |= {key: True for key in ("pseudo_masks", "compile") if not getattr(self, key)}
        return self.model_dump_json(exclude=left_out)

    def check_images(self, height: int, width: int) -> None:
        """Raise ValueError if it cannot be trained on images of this size."""
        alone = self.objective.is_encoder_alone
        whole = height, width
        for size in (self.augmentation.size_of(*whole), whole):  # training and validation
            self.network.check_size(*self.objective.size_of(*size), encoder_alone=alone)

    def in_steps(self, images: dict[str, int]) -> "Stage":
        """The same with every duration in steps.

        An epoch sees ``images`` of a role once: of those that are drawn, the first. Raises
        ValueError should the durations not fit together.
        """
        role = self.batch.roles[0]
        steps_per_epoch = images[role] / getattr(self.batch, role)
        steps = in_steps(self.steps, steps_per_epoch)
        warmup_steps = in_steps(self.schedule.warmup_steps, steps_per_epoch)
        _check_warmup(warmup_steps, steps)
        looks = self.evaluation
        patience = looks.patience and in_steps(looks.patience, steps_per_epoch)
        every = {"every": in_steps(looks.every, steps_per_epoch), "patience": patience}
        return self.model_copy(
            update={
                "steps": steps,
                "weighting": self.weighting.in_steps(steps_per_epoch),
                "schedule": self.schedule.model_copy(update={"warmup_steps": warmup_steps}),
                "evaluation": looks.model_copy(update=every),
            }
        )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Stage":
        needed, drawn = set(self.objective.draws), self.batch.roles
        if not drawn or not needed <= set(drawn) <= needed | set(self.objective.may_draw):
            also = f", and may draw {', '.join(self.objective.may_draw)}" * bool(
                self.objective.may_draw
            )
            raise ValueError(
                f"batch draws {', '.join(sorted(drawn)) or 'nothing'}; the objective "
                f"{self.objective.name} needs {', '.join(sorted(needed)) or 'none of them'}{also}"
            )
        alone = [role for role in drawn if getattr(self.batch, role) == 1]
        if alone and self.objective.compares_images:
            raise ValueError(
                f"batch.{alone[0]} must be at least 2: {self.objective.name} compares images"
            )
        if self.labels == "all" and "unlabelled" in drawn:
            raise ValueError("with labels: all no image is unlabelled, but batch draws some")
        self._check_validation()
        if self.objective.heads:
            self.augmentation.check_keeps_shapes()
        self.objective.check_network(self.network)
        self.batch.check_shared(self.resources.processes)
        if bool(self.pseudo_masks) != self.objective.learns_pseudo_masks:
            verb = "needs" if self.objective.learns_pseudo_masks else "has no use for"
            raise ValueError(
                f"the objective {self.objective.name} {verb} pseudo_masks (the name of a stage"
                f"{'' if self.objective.learns_pseudo_masks else '; null for none'})"
            )
        self.weighting.check(self.objective.loss_names, self.objective.optional_losses)
        if isinstance(self.schedule.warmup_steps, int) and isinstance(self.steps, int):
            _check_warmup(self.schedule.warmup_steps, self.steps)
        return self

    def _check_validation(self) -> None:
        """A stage is selected, and stops, by what its objective tells of validation images."""
        told = self.objective.validates
        for key in ("metric", "stops_by"):
            metric = getattr(self.evaluation, key)
            if metric not in (*told, "none"):
                name = "metric" if key == "metric" else "patience_metric"
                raise ValueError(
                    f"evaluation.{name} is {metric}; on validation images the objective "
                    f"{self.objective.name} tells {', '.join(told)}"
                )


def _check_warmup(warmup_steps: int, steps: int) -> None:
    if warmup_steps >= steps:
        raise ValueError(
            f"schedule.warmup_steps ({warmup_steps}) must be fewer than steps ({steps})"
        )


class MethodFile(Settings):
    """What one file says of a method; it may extend another one."""

    description: Line = ""
    """One line for lists and reports."""
    network: dict[str, Any] = {}
    """The network of all stages; a stage may say what differs."""
    defaults: dict[str, Any] = {}
    """Settings that all stages share."""
    stages: dict[Name, dict[str, Any] | None] = {}
    """The stages in their order; a run is judged by the last. null drops one of the method that is
    extended."""


class Method(MethodFile):
    """A method as its files add up; ``fewmask.planning.grid`` resolves its stages."""

    @model_validator(mode="after")
    def _has_stages(self) -> "Method":
        if not any(stage is not None for stage in self.stages.values()):
            raise ValueError("stages: there is none; a method needs one that is not null")
        return self
