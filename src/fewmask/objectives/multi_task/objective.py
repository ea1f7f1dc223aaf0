"""Several tasks from one encoder, such as masks, depths and normals (Khamesra et al.).

The losses are those of the field's NYUv2 benchmark (Liu, Johns and Davison 2019) unless settings
ask for the paper's; how they become one update is for the weighting.
"""

from collections.abc import Iterable

from torch import Tensor, nn

from fewmask.config.task import load
from fewmask.data.batches import Batch, joined
from fewmask.metrics.segmentation import scores
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.assessment import Autocast, Outputs, PooledMean, assess, predictions
from fewmask.objectives.losses import mean
from fewmask.objectives.multi_task.settings import MultiTaskSettings
from fewmask.objectives.objective import Objective


class MultiTask(Objective):
    """One loss a task, over the pixels whose truth is known (see `fewmask.tasks`): of the labelled
    images for masks, of all images that are drawn for other tasks.

    The paper's loss of depths is the squared error of the left image as depth makes it from the
    right one (II.A.2). It needs pairs of images, which no dataset here has: l2 is that of the depth
    itself.
    """

    def __init__(self, options: MultiTaskSettings, network: Segmenter) -> None:
        super().__init__(network)
        self.options = options
        self.tasks = {name: load(name) for name in options.tasks}

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        drawn = list(batches.values())
        image, inside = (joined(drawn, name) for name in ("image", "inside"))
        outputs = self.predict(self._predict, drawn[0].image, image, inside)
        truth = {
            name: batches["labelled"].mask if task.of_labelled_images else joined(drawn, name)
            for name, task in self.tasks.items()
        }
        return {task: mean(*self.error(task, outputs, one)) for task, one in truth.items()}

    def _predict(self, first: Tensor, image: Tensor, inside: Tensor) -> Outputs:
        """What the network tells of images; of masks only those of the first, labelled ones."""
        features = self.network.features(image, inside)
        outputs: Outputs = {}
        for name, task in self.tasks.items():
            if task.of_labelled_images:
                outputs[name] = self.network.scores([level[: len(first)] for level in features])
            else:
                outputs |= self.network.of_task(name, features)
        return outputs

    def error(self, task: str, outputs: Outputs, truth: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a task, summed over the pixels whose truth is known, and their number."""
        helpers = self.network.helpers(task)
        return self.tasks[task].error(outputs, truth, self.options, helpers)

    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """``loss`` is the sum of the tasks' losses, each averaged over the pixels of all images;
        with masks learnt also their metrics."""
        found = {task: PooledMean() for task in network.tasks}

        def compare(batch: Batch, outputs: Outputs) -> None:
            for task, of_task in found.items():
                of_task.add(*self.error(task, outputs, batch.truth[task]))

        metrics, loss = {}, 0.0
        if any(task.of_labelled_images for task in self.tasks.values()):
            assessment = assess(network, batches, autocast, compare)
            loss, metrics = assessment.cross_entropy, scores(assessment.confusion.cpu().numpy())
        else:
            for batch, outputs in predictions(network, batches, autocast):
                compare(batch, outputs)
        return {"loss": loss + sum(one.value for one in found.values()), **metrics}


def build(options: MultiTaskSettings, blueprint: Blueprint) -> MultiTask:
    """The objective with a network of one encoder and a decoder for every task."""
    network = blueprint.segmenter()
    network.add_tasks(options.heads)
    return MultiTask(options, network)
