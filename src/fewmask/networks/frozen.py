"""Parts of a network that a training leaves as they are."""

from functools import cache
from typing import Self

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fewmask.config.network import FrozenParts


class Frozen(nn.Module):
    """Base of modules without gradients that stay in evaluation mode, whatever the module is in
    that they are a part of."""

    def train(self, mode: bool = True) -> Self:
        return super().train(False)


def freeze(module: nn.Module) -> None:
    """Make a module `Frozen`; the names of its tensors stay the same."""
    module.__class__ = _frozen(type(module))
    module.requires_grad_(False).eval()


def freeze_parts(encoder: nn.Module, parts: FrozenParts) -> None:
    """Freeze an encoder, or all its batch-norms: statistics, scales and shifts."""
    batch_norms = [one for one in encoder.modules() if isinstance(one, _BatchNorm)]
    for module in {"nothing": [], "batch_norms": batch_norms, "encoder": [encoder]}[parts]:
        freeze(module)


@cache
def _frozen(kind: type[nn.Module]) -> type[nn.Module]:
    return type(f"Frozen{kind.__name__}", (Frozen, kind), {})
