"""What the settings of every objective tell planning.

Those of each stand beside its code, in ``fewmask.objectives.NAME.settings``.
"""

from typing import ClassVar

from fewmask.config.network import Network
from fewmask.config.ranges import Log, Range, Ranges
from fewmask.config.settings import Settings
from fewmask.config.task import TaskSettings, load
from fewmask.metrics import table

USUAL_WEIGHTS = Log(0.1, 10.0)
"""The range of the weight of a loss, beside the first one's of 1."""


class ObjectiveSettings(Settings):
    """Base of the settings of all objectives; each also has a ``name``."""

    draws: ClassVar[tuple[str, ...]]
    """The roles whose images a step must draw: labelled, unlabelled, all."""
    may_draw: ClassVar[tuple[str, ...]] = ()
    """The roles whose images a step may draw as well."""
    predicts: ClassVar[tuple[str, ...]] = ("segmentation",)
    """The tasks that a trained network predicts."""
    parts: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "segmentation_head")
    """The parts of its network, whose weights other stages may start from."""
    restores_images: ClassVar[bool] = False
    """Whether its network restores images that were perturbed, to be seen in a figure."""
    compares_images: ClassVar[bool] = False
    """Whether it compares the images of a step, of which none must be there twice."""
    pairs: ClassVar[tuple[str, ...]] = ()
    """The roles whose images it compares or mixes with one another: a step must draw two."""
    learns_pseudo_masks: ClassVar[bool] = False
    """Whether it needs the pseudo-masks of another stage."""
    compares_confidence: ClassVar[bool] = False
    """Whether it needs the confidence of these pseudo-masks, too."""
    loss_names: ClassVar[tuple[str, ...]]
    """The names of the losses of a step that a weighting weighs."""
    optional_losses: ClassVar[tuple[str, ...]] = ()
    """Losses that settings switch off; a weighting may name them all the same."""
    unusual_weights: ClassVar[dict[str, Range]] = {}
    """The ranges of the weights of losses whose usual weight is far from 1, by loss."""

    @property
    def loss_ranges(self) -> Ranges:
        """The ranges of the weights of all losses but the first, which the others are weighed
        against."""
        return {name: self.unusual_weights.get(name, USUAL_WEIGHTS) for name in self.loss_names[1:]}

    @property
    def validates(self) -> tuple[str, ...]:
        """The metrics of the validation images, by which a stage may be selected and stopped."""
        tasks = ("", *self.predicts)
        return tuple(one.name for one in table.measured_on("validation") if one.task in tasks)

    @property
    def learns(self) -> set[str]:
        """The truth that a dataset must have: tasks, and ``category``."""
        return set(self.predicts)

    @property
    def result_networks(self) -> int:
        """How many networks are kept, to predict their mean (see `Task.mean`)."""
        return 1

    @property
    def shown_threshold(self) -> float | None:
        """How probably an image must show a class, so that the network that is kept predicts it
        there (see `WithImageClasses`); None: it does not look at that."""
        return None

    @property
    def is_encoder_alone(self) -> bool:
        """Whether its network has nothing but an encoder."""
        return self.parts == ("encoder",)

    def settings_of(self, task: str) -> TaskSettings:
        """The settings of a task that it learns."""
        return load(task).settings()

    def heads(self, classes: int) -> dict[str, int]:
        """The channels of the heads of its network by task, in a dataset with so many classes."""
        return {
            name: load(name).head_channels(self.settings_of(name), classes)
            for name in self.predicts
        }

    def size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what its network sees of an image. Raises ValueError for an image
        that is too small."""
        return height, width

    def check_network(self, network: Network) -> None:
        """Raise ValueError for a network that it cannot be built on."""
