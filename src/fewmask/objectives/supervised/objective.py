"""Supervised learning: the masks of the labelled images, and their categories if requested."""

from torch import Tensor
from torch.nn import functional

from fewmask.core.errors import FewmaskError
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.losses import BY_NAME, mean
from fewmask.objectives.objective import Objective
from fewmask.objectives.supervised.settings import SupervisedSettings

UNKNOWN = -1
"""The category of an image whose category is not known."""


class Supervised(Objective):
    """The named losses of the class scores against the masks.

    With a classification head also ``classification``, the cross-entropy of the images'
    categories (Li, 2.3); the weighting says how much it counts (there 0.1).
    """

    def __init__(self, options: SupervisedSettings, network: Segmenter) -> None:
        super().__init__(network)
        self.functions = {
            name: self.cross_entropy if name == "cross_entropy" else BY_NAME[name]
            for name in options.losses
        }

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        batch = batches["labelled"]
        outputs = self.predict(self.network, batch.image, batch.inside)
        scores = outputs["segmentation"]
        losses = {name: loss(scores, batch.mask) for name, loss in self.functions.items()}
        if "classification" in outputs:
            losses["classification"] = _categories(outputs["classification"], batch.category)
        return losses


def _categories(logits: Tensor, categories: Tensor) -> Tensor:
    """The mean cross-entropy over images whose category is known; 0 where there are none."""
    total = functional.cross_entropy(
        logits.float(), categories, ignore_index=UNKNOWN, reduction="sum"
    )
    return mean(total, (categories != UNKNOWN).sum())


def build(options: SupervisedSettings, blueprint: Blueprint) -> Supervised:
    """The objective with a network that predicts the classes.

    Raises FewmaskError if a dataset without categories is to be classified.
    """
    network = blueprint.segmenter()
    if options.classification:
        if not blueprint.categories:
            raise FewmaskError("objective.classification: the dataset has no categories")
        network.add_classification_head(blueprint.categories, options.classification.dropout)
    return Supervised(options, network)
