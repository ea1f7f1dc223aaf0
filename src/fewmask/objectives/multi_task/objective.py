"""Several tasks from one encoder, such as masks, depths and normals (Khamesra et al.).

The losses are those of the field's NYUv2 benchmark (Liu, Johns and Davison 2019) unless settings of
the tasks name the paper's; how they become one update is for the weighting.
"""

from torch import Tensor

from fewmask.config.task import load
from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.assessment import Outputs
from fewmask.objectives.losses import mean
from fewmask.objectives.multi_task.settings import MultiTaskSettings
from fewmask.objectives.objective import Objective


class MultiTask(Objective):
    """One loss per task, over the pixels whose truth is known (see `fewmask.tasks`): of labelled
    images for tasks whose truth only these have (masks), of all images that are drawn for others.
    """

    def __init__(self, options: MultiTaskSettings, network: Segmenter) -> None:
        super().__init__(network)
        self.tasks = {task.name: task for task in options.tasks}

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        drawn = list(batches.values())
        image, inside = (joined(drawn, name) for name in ("image", "inside"))
        outputs = self.predict(self._predict, drawn[0].image, image, inside)
        return {
            name: mean(*load(name).error(outputs, _truth(name, batches), settings))
            for name, settings in self.tasks.items()
        }

    def _predict(self, first: Tensor, image: Tensor, inside: Tensor) -> Outputs:
        """The outputs of the network for images; of masks those of the first, labelled ones."""
        features = self.network.features(image, inside)
        labelled = [level[: len(first)] for level in features]
        outputs: Outputs = {}
        for name in self.tasks:
            known = labelled if load(name).of_labelled_images else features
            outputs |= self.network.of_task(name, known)
        return outputs


def _truth(task: str, batches: dict[str, Batch]) -> Tensor:
    """The truth of a task, of those images of a step that can have one."""
    if load(task).of_labelled_images:
        return batches["labelled"].truth[task]
    return joined(list(batches.values()), task)


def build(options: MultiTaskSettings, blueprint: Blueprint) -> MultiTask:
    """The objective with a network of one encoder and a decoder for every task."""
    return MultiTask(options, blueprint.segmenter())
