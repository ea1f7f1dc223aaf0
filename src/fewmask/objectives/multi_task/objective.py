"""Several tasks from one encoder: masks, depths, surface normals (Khamesra et al.).

The losses are those of the field's NYUv2 benchmark (Liu, Johns and Davison 2019) unless settings
ask for the paper's; how they become one update is for the weighting.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from fewmask.data.batches import Batch, joined
from fewmask.metrics.segmentation import scores
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.assessment import Autocast, Outputs, PooledMean, assess, predictions
from fewmask.objectives.losses import mean, pixel_cross_entropy
from fewmask.objectives.multi_task.settings import MultiTaskSettings
from fewmask.objectives.objective import Objective


class MultiTask(Objective):
    """One loss a task, the latter two over the pixels of all images that are drawn whose depth or
    normal is known:

    ``segmentation``: cross-entropy of the masks of the labelled images;
    ``depth``: mean absolute (l1) or squared (l2) error, in metres. The paper's is the squared error
    of the left image as depth makes it from the right one (II.A.2). It needs pairs of images,
    which no dataset here has: l2 is that of the depth itself;
    ``normal``: mean of one minus the cosine, or cross-entropy of the nearest of K codes (II.A.1).
    """

    def __init__(self, options: MultiTaskSettings, network: Segmenter) -> None:
        super().__init__(network)
        self.tasks = options.tasks
        self.depth_error = {"l1": depth_error, "l2": depth_squared_error}[options.depth_loss]

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        drawn = list(batches.values())
        image, inside = (joined(drawn, name) for name in ("image", "inside"))
        outputs = self.predict(self._predict, drawn[0].image, image, inside)
        truth = {
            task: batches["labelled"].mask if task == "segmentation" else joined(drawn, task)
            for task in self.tasks
        }
        return {task: mean(*self.error(task, outputs, one)) for task, one in truth.items()}

    def _predict(self, first: Tensor, image: Tensor, inside: Tensor) -> Outputs:
        """What the network tells of images; of masks only those of the first, labelled ones."""
        features = self.network.features(image, inside)
        outputs: Outputs = {}
        for task in self.tasks:
            if task == "segmentation":
                outputs[task] = self.network.scores([level[: len(first)] for level in features])
            else:
                outputs |= self.network.of_task(task, features)
        return outputs

    def error(self, task: str, outputs: Outputs, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a task, summed over the pixels whose truth is known, and their number."""
        if task == "segmentation":
            return pixel_cross_entropy(outputs[task], truth)
        if task == "depth":
            return self.depth_error(outputs["depth"], truth)
        if self.network.normal_codes is None:
            return normal_error(outputs["normal"], truth)
        nearest = self.network.normal_codes.nearest(truth)
        return pixel_cross_entropy(outputs["normal_logits"], nearest)

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """``loss`` is the sum of the tasks' losses, each averaged over the pixels of all images;
        with masks learnt also their metrics."""
        found = {task: PooledMean() for task in network.tasks}

        def compare(batch: Batch, outputs: Outputs) -> None:
            for task, of_task in found.items():
                of_task.add(*self.error(task, outputs, getattr(batch, task)))

        metrics, loss = {}, 0.0
        if "segmentation" in self.tasks:
            assessment = assess(network, batches, autocast, compare)
            loss, metrics = assessment.cross_entropy, scores(assessment.confusion.cpu().numpy())
        else:
            for batch, outputs in predictions(network, batches, autocast):
                compare(batch, outputs)
        return {"loss": loss + sum(one.value for one in found.values()), **metrics}


def depth_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The summed absolute error where the depth is known, in metres, and how many pixels these are.

    Both float32 (N, H, W), metres; a true depth of 0 is not known.
    """
    return _summed_where(truth > 0, (predicted.float() - truth).abs())


def depth_squared_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The summed squared error, in square metres; otherwise as `depth_error`."""
    return _summed_where(truth > 0, (predicted.float() - truth).square())


def normal_error(predicted: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of one minus the cosine of the angle between normals, where they are known, and how
    many pixels these are.

    Both float32 (N, 3, H, W), unit vectors; a true normal of 0 is not known.
    """
    cosine = (predicted.float() * truth).sum(1)
    return _summed_where(truth.square().sum(1) > 0, 1 - cosine)


def _summed_where(known: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    return (values * known).sum(), known.sum()


def build(options: MultiTaskSettings, blueprint: Blueprint) -> MultiTask:
    """The objective with a network of one encoder and a decoder for every task."""
    network = blueprint.segmenter()
    network.add_tasks(options.heads)
    return MultiTask(options, network)
