"""The input channels of weights: three, or four with that of the padding."""

import torch
from torch import Tensor

Weights = dict[str, Tensor]


def fit_channels(given: Weights, own: Weights) -> tuple[Weights, list[str]]:
    """Convert weights for images with three channels to weights with a padding channel, or back,
    as ``own``, the weights of the network that loads them, has it or not.

    A new padding channel starts at zero, so that the output stays the same; one that is no longer
    there is cut off.

    Returns:
        The weights, and the names of those that were changed. Tensors that do not fit for other
        reasons are left unchanged.
    """
    fitted, changed = dict(given), []
    for name in given.keys() & own.keys():
        tensor, shape = given[name], own[name].shape
        of_kernel = [(*size[:1], *size[2:]) for size in (tensor.shape, shape)]
        channels = {size[1] for size in (tensor.shape, shape) if len(size) == 4}
        if channels == {3, 4} and of_kernel[0] == of_kernel[1]:
            padding = tensor.new_zeros(shape)[:, 3:]
            fitted[name] = torch.cat([tensor[:, :3], padding], dim=1)
            changed.append(name)
    return fitted, changed
