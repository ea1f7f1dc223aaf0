"""Masked image modelling: put rotated patches right again (Li, 2.2)."""

from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

from fewmask.data.augmentation.warp import memory_format_of
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.objectives.assessment import Autocast, PooledMean, drawn_alike, evaluating
from fewmask.objectives.losses import mean, pixel_squared_error
from fewmask.objectives.masked_image.settings import MaskedImageSettings
from fewmask.objectives.objective import Objective

Predict = Callable[[Tensor, Tensor], Tensor]
"""From images and where they are inside to the colours that a network predicts."""


class MaskedImage(Objective):
    """The squared error of the original pixels, predicted from an image with rotated patches.

    The paper does not name the loss; the squared error, averaged over the pixels of images and
    not of their padding, is the natural reading.
    """

    def __init__(self, options: MaskedImageSettings, network: Segmenter) -> None:
        super().__init__(network)
        self.options = options

    def losses(self, batches: dict[str, Batch], step: int) -> dict[str, Tensor]:
        predict, batch = partial(self.predict, colours_of(self.network)), batches["all"]
        perturbed = self._perturbed(batch.image)
        return {"reconstruction": mean(*self._error(predict, batch, perturbed))}

    @torch.no_grad()
    def validate(
        self, network: nn.Module, batches: Iterable[Batch], autocast: Autocast
    ) -> dict[str, float]:
        """The same error on the validation images as ``loss``, with the same patches always."""
        loss = PooledMean()
        with evaluating(network):
            for batch in batches:
                with autocast():
                    loss.add(*self._error(colours_of(network), batch, self._perturbed_alike(batch)))
        return {"loss": loss.value}

    @torch.no_grad()
    def restored(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """With the patches of the validation: of an image the same ones always."""
        perturbed = self._perturbed_alike(batch)
        with evaluating(self.result):
            return perturbed, colours_of(self.result)(perturbed, batch.inside)

    def _perturbed_alike(self, batch: Batch) -> Tensor:
        (perturbed,) = drawn_alike(batch, lambda image, _: (self._perturbed(image),))
        return perturbed

    def _perturbed(self, image: Tensor) -> Tensor:
        return rotate_patches(image, self.options.patches, self.options.patch_size)

    def _error(self, predict: Predict, batch: Batch, perturbed: Tensor) -> tuple[Tensor, Tensor]:
        """The summed squared error, and the number of values that it is summed over."""
        predicted = predict(perturbed, batch.inside)
        return pixel_squared_error(predicted, batch.image, batch.inside)


def colours_of(network: Segmenter) -> Predict:
    """What predicts the colours of images by a network."""
    return lambda image, inside: network.scores(network.features(image, inside))


def rotate_patches(images: Tensor, patches: int, size: int) -> Tensor:
    """Rotate square patches of every image by 0, 90, 180 or 270 degrees.

    Args:
        images: (N, C, H, W).
        patches: how many; each lies at any place in the image, and shows the original's pixels.
            Where two overlap the later one is seen.
        size: of a patch in pixels, at most H and W.

    Returns:
        The images, of the same shape, type and memory format.
    """
    count, _, height, width = images.shape
    top = torch.randint(height - size + 1, (patches, count, 1, 1))
    left = torch.randint(width - size + 1, (patches, count, 1, 1))
    turns = torch.randint(4, (patches, count))
    place = torch.arange(size * size).view(size, size)
    turned = torch.stack([place.rot90(k) for k in range(4)])[turns]  # (patches, N, size, size)

    def pixels(within: Tensor) -> Tensor:
        """Indices into the image of places within the patches: (patches, N, size * size)."""
        return ((top + within // size) * width + left + within % size).flatten(2)

    source = torch.arange(height * width).repeat(count, 1)
    for target, shown in zip(pixels(place.expand_as(turned)), pixels(turned), strict=True):
        source.scatter_(1, target, shown)
    source = source.to(images.device, non_blocking=True)[:, None].expand(-1, images.shape[1], -1)
    rotated = images.flatten(2).gather(2, source).unflatten(2, (height, width))
    return rotated.contiguous(memory_format=memory_format_of(images))


def build(options: MaskedImageSettings, blueprint: Blueprint) -> MaskedImage:
    """The objective with a network that predicts colours, whatever the classes."""
    return MaskedImage(options, blueprint.segmenter({"colours": blueprint.image_channels}))
