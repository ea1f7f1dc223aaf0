"""The input channels of weights: those of the images, and that of the padding."""

import torch
from torch import Tensor

from fewmask.config.network import Network

Weights = dict[str, Tensor]


def fit_channels(
    given: Weights, own: Weights, before: Network, after: Network
) -> tuple[Weights, list[str]]:
    """Convert weights of the network ``before`` to the input channels of the network ``after``, of
    which ``own`` are the weights.

    As in timm, kernels for the channels of images are repeated in turn, or summed for a single
    channel, and scaled so that outputs stay about as large. A new padding channel starts at zero,
    so that the output stays the same; one that is no longer there is cut off.

    Returns:
        The weights, and the names of those that were changed. Tensors that do not fit for other
        reasons are left unchanged.
    """
    fitted, changed = dict(given), []
    for name in given.keys() & own.keys():
        kernel, shape = given[name], own[name].shape
        inputs = [size[1] for size in (kernel.shape, shape) if len(size) == 4]
        of_kernel = [(*size[:1], *size[2:]) for size in (kernel.shape, shape)]
        differ = inputs == [before.in_channels, after.in_channels] and inputs[0] != inputs[1]
        if differ and of_kernel[0] == of_kernel[1]:
            of_image = _repeated(kernel[:, : before.image_channels], after.image_channels)
            padding = kernel.new_zeros(shape)[:, after.image_channels :]
            if before.padding_channel and after.padding_channel:
                padding = kernel[:, before.image_channels :]
            fitted[name] = torch.cat([of_image, padding], dim=1)
            changed.append(name)
    return fitted, changed


def _repeated(kernel: Tensor, channels: int) -> Tensor:
    """A kernel (D, C, h, w) for another number of channels."""
    given = kernel.shape[1]
    if channels == given:
        return kernel
    if channels == 1:
        return kernel.sum(1, keepdim=True)
    return kernel[:, torch.arange(channels) % given] * (given / channels)
