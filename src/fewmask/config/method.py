"""Settings of a method: config/methods/*.yaml. A method is a chain of stages."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from fewmask.config.encoders import ENCODERS
from fewmask.config.explain import did_you_mean
from fewmask.config.objectives import Objective
from fewmask.config.settings import Name, Settings
from fewmask.metrics import METRICS


class Network(Settings):
    """The network of a stage: an encoder, a decoder, a head."""

    architecture: Literal["unet", "unetplusplus", "fpn", "deeplabv3", "deeplabv3plus"] = "unet"
    """A decoder of segmentation_models_pytorch."""
    encoder: str = "resnet34"
    """An encoder of segmentation_models_pytorch."""
    weights: str = "imagenet"
    """Where the encoder starts: ``none`` (random), ``imagenet``, or a .safetensors file of an
    encoder's weights."""
    decoder_channels: list[Annotated[int, Field(gt=0)]] | None = Field(
        default=None, min_length=3, max_length=5
    )
    """Channels of the decoder's blocks, the deepest first (unet, unetplusplus); as many blocks as
    numbers, and as deep an encoder. Absent: the architecture's own."""
    padding_channel: bool = False
    """A fourth input channel: 1 inside the picture, 0 in its padding (paper 000, 2.1)."""

    @field_validator("encoder")
    @classmethod
    def _is_known(cls, encoder: str) -> str:
        if encoder not in ENCODERS:
            raise ValueError(
                f"no such encoder{did_you_mean(encoder, ENCODERS)}; known: {', '.join(ENCODERS)}"
            )
        return encoder

    @field_validator("weights")
    @classmethod
    def _is_a_source(cls, weights: str) -> str:
        if weights not in ("none", "imagenet") and not weights.endswith(".safetensors"):
            raise ValueError("must be none, imagenet, or the path of a .safetensors file")
        return weights

    @model_validator(mode="after")
    def _decoder_has_channels(self) -> "Network":
        if self.decoder_channels and not self.architecture.startswith("unet"):
            raise ValueError(f"{self.architecture} has no decoder_channels; unet has")
        return self


LearningRate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Adam(Settings):
    """Adam (Kingma and Ba 2015)."""

    name: Literal["adam"]
    learning_rate: LearningRate
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)


class AdamW(Settings):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"]
    learning_rate: LearningRate
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: float = Field(default=0.01, ge=0)


class SGD(Settings):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    learning_rate: LearningRate
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "SGD":
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self


Optimiser = Annotated[Adam | AdamW | SGD, Field(discriminator="name")]


class Schedule(Settings):
    """The learning rate over the steps: a linear warm-up from 0, then a decay to 0."""

    name: Literal["constant", "linear", "polynomial", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0)
    power: float = Field(default=0.9, gt=0)
    """The exponent of the polynomial decay."""


class Batch(Settings):
    """How many pictures of each role a step draws."""

    labelled: int = Field(default=0, ge=0)
    unlabelled: int = Field(default=0, ge=0)
    all: int = Field(default=0, ge=0)
    """Labelled and unlabelled pictures alike, without their masks."""


Length = Annotated[int, Field(ge=16)]


class Augmentation(Settings):
    """Random changes of a picture; the geometric ones take its mask along."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a left-right flip."""
    vertical_flip: float = Field(default=0.0, ge=0, le=1)
    """Probability of an upside-down flip."""
    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the zoom factor, drawn evenly on a logarithmic scale; 2 shows things twice as
    large."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest angle in degrees, drawn evenly between minus and plus it."""
    crop: Length | tuple[Length, Length] | None = None
    """Height and width in pixels of a random crop; absent: the whole picture."""
    brightness: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of brightness."""
    contrast: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of contrast."""
    saturation: float = Field(default=0.0, ge=0, le=1)
    """Largest relative change of saturation."""
    hue: float = Field(default=0.0, ge=0, le=0.5)
    """Largest shift of the hue, as a part of the colour circle."""

    @field_validator("scale")
    @classmethod
    def _is_a_range(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError("a scale range has two numbers, 0 < smallest <= largest")
        return scale


class Evaluation(Settings):
    """Looking at the validation pictures while training: selection and early stopping."""

    every: int = Field(default=100, gt=0)
    """Steps between two looks; the last step always is one."""
    metric: str = "miou"
    """The weights with the best value of this are kept: loss or a metric; ``none`` keeps the
    last."""
    patience: int | None = Field(default=None, gt=0)
    """Stop after this many looks in a row without a better value; absent: never."""
    batch_size: int = Field(default=32, gt=0)

    @model_validator(mode="after")
    def _patience_has_a_metric(self) -> "Evaluation":
        if self.patience and self.metric == "none":
            raise ValueError("patience needs a metric: with none there is no better value")
        return self

    @field_validator("metric")
    @classmethod
    def _is_known(cls, metric: str) -> str:
        allowed = [*METRICS, "none"]
        if metric not in allowed:
            raise ValueError(
                f"no such metric{did_you_mean(metric, allowed)}; known: {', '.join(allowed)}"
            )
        return metric


class Averaging(Settings):
    """Keep the exponential average of the weights, batch-norm statistics included, as result."""

    decay: float = Field(gt=0, lt=1)


class FixedWeighting(Settings):
    """The sum of the losses, each times its weight."""

    name: Literal["fixed"] = "fixed"
    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = {}
    """By the name of the loss; one that is not named has weight 1."""


Part = Literal["encoder", "decoder", "segmentation_head"]


class Resources(Settings):
    """What a stage asks of the cluster. Nothing here can change a result."""

    minutes: int = Field(default=60, gt=0)
    memory_gb: float = Field(default=8, gt=0)
    cpus: int = Field(default=4, gt=0)
    gpus: int = Field(default=1, ge=0)


class Stage(Settings):
    """One training: a network, an objective, and how long and with what it is trained."""

    network: Network
    objective: Objective
    weighting: FixedWeighting = FixedWeighting()
    """How several losses become one update."""
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    steps: int = Field(gt=0)
    """Updates of the weights."""
    batch: Batch
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Of forward and backward passes; the weights stay in 32 bits."""
    clip_gradient_norm: float | None = Field(default=None, gt=0)
    augmentation: Augmentation = Augmentation()
    averaging: Averaging | None = None
    evaluation: Evaluation = Evaluation()
    deterministic: bool = False
    """Ask the GPU for kernels that give the same bits every time (slower); a CPU always does."""
    start_from: Name | None = None
    """A stage of this method whose trained weights this one starts from."""
    labels: Literal["fraction", "all"] = "fraction"
    """Whose masks are seen: those of the run's fraction, or of all training pictures (an upper
    bound; trained once for all fractions)."""
    take_over: list[Part] = Field(default=["encoder", "decoder", "segmentation_head"], min_length=1)
    """The parts of the network whose weights come from there; the others start afresh."""
    checkpoint_minutes: float = Field(default=5, gt=0)
    """Minutes between two checkpoints."""
    resources: Resources = Resources()

    @property
    def depends_on_fraction(self) -> bool:
        """Whether the weights depend on who is labelled."""
        return "labelled" in self.objective.draws and self.labels == "fraction"

    def shaping(self) -> str:
        """JSON of everything that can change the weights."""
        return self.model_dump_json(exclude={"resources", "checkpoint_minutes"})

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Stage":
        needed = set(self.objective.draws)
        drawn = {role for role, size in self.batch if size}
        if needed != drawn:
            raise ValueError(
                f"batch draws {', '.join(sorted(drawn)) or 'nothing'}; "
                f"the objective {self.objective.name} needs {', '.join(sorted(needed))}"
            )
        unknown = set(self.weighting.weights) - set(self.objective.loss_names)
        if unknown:
            raise ValueError(
                f"weighting.weights names {', '.join(sorted(unknown))}; the objective's losses "
                f"are {', '.join(self.objective.loss_names)}"
            )
        if self.schedule.warmup_steps >= self.steps:
            raise ValueError(
                f"schedule.warmup_steps ({self.schedule.warmup_steps}) must be fewer than "
                f"steps ({self.steps})"
            )
        return self


class Method(Settings):
    """A method as its file has it; ``fewmask.grid`` resolves its stages."""

    description: str = ""
    """One line for lists and reports."""
    network: dict[str, Any] = {}
    """The network of all stages; a stage may say what differs."""
    defaults: dict[str, Any] = {}
    """Settings that all stages share."""
    stages: dict[Name, dict[str, Any]] = Field(min_length=1)
    """The stages in their order; a run is judged by the last."""
