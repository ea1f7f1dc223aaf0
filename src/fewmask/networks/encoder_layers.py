"""The layers of an encoder, from its input to its output."""

from collections.abc import Iterator

from torch import nn

LISTS = (nn.Sequential, nn.ModuleList)


def layer_scales(encoder: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """What layer-wise decay multiplies the learning rate of each parameter with (Bao et al. 2022).

    The layers are the blocks of the encoder: those of a transformer, residual blocks, or what else
    stands in lists of modules. Of n blocks, block k = 1 ... n is scaled by decay^(n + 1 - k), as is
    what comes after it and before the next one; what comes before the first by decay^(n + 1).
    """
    blocks = list(_blocks(encoder))
    number = {one: k for k, block in enumerate(blocks, 1) for one in block.parameters()}
    scales, layer = {}, 0
    for one in encoder.parameters():
        layer = number.get(one, layer)
        scales[one] = decay ** (len(blocks) + 1 - layer)
    return scales


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The items of the outermost lists of modules that are made of modules themselves."""
    for child in module.children():
        if isinstance(child, LISTS):
            yield from (item for item in child if _has_parts(item))
        else:
            yield from _blocks(child)


def _has_parts(module: nn.Module) -> bool:
    return any(any(True for _ in child.parameters()) for child in module.children())
