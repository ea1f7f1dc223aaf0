"""Reconstruction: beside the masks, learn the images themselves (S6, 2.1)."""

from torch import Tensor

from fewmask.data.batches import Batch, joined
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.losses import mean, pixel_squared_error
from fewmask.objectives.objective import Objective
from fewmask.objectives.reconstruction.settings import ReconstructionSettings


class Reconstruction(Objective):
    """One encoder with two decoders: one for the masks, the other for the pixels of the images.

    ``cross_entropy`` is that of the labelled images (equation 1), ``reconstruction`` the squared
    error of labelled and unlabelled images alike (equation 2), averaged over the values inside
    the images. The paper does not say how the two are weighted.

    The result is the segmenter; the second decoder and its head only help to train it.
    """

    def __init__(self, network: Segmenter, painter: Segmenter) -> None:
        """``painter``: a network for three channels, of which all but the encoder is used."""
        super().__init__(network)
        self.decoder = painter.decoder
        self.head = painter.segmentation_head

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        labelled, unlabelled = batches["labelled"], batches["unlabelled"]
        image, inside = (joined([labelled, unlabelled], name) for name in ("image", "inside"))
        logits, painted = self.predict(self._predict, labelled.image, image, inside)
        return {
            "cross_entropy": self.cross_entropy(logits, labelled.mask),
            "reconstruction": mean(*pixel_squared_error(painted, image, inside)),
        }

    def _predict(self, labelled: Tensor, image: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the labelled images, which come first, and the colours of all."""
        features = self.network.features(image, inside)
        # The batch-norms of each decoder shall know the images of its own task only.
        with_masks = [feature[: len(labelled)] for feature in features]
        return self.network.scores(with_masks), self.head(self.decoder(features))


def build(options: ReconstructionSettings, blueprint: Blueprint) -> Reconstruction:
    """The objective with a network that predicts the classes, and a decoder for colours."""
    return Reconstruction(
        blueprint.segmenter(), blueprint.segmenter({"colours": blueprint.image_channels})
    )
