"""Parts of a network that a training, or one of its losses, leaves as they are."""

from collections.abc import Callable
from functools import cache
from typing import Any, Self

from torch import nn
from torch.func import functional_call
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


def constant(module: nn.Module) -> Callable[..., Any]:
    """What the module computes, as a function: gradients of its outputs reach what it is given, and
    not its own parameters."""
    values = {name: one.detach() for name, one in module.named_parameters()}
    return lambda *inputs: functional_call(module, values, inputs)


@cache
def _frozen(kind: type[nn.Module]) -> type[nn.Module]:
    return type(f"Frozen{kind.__name__}", (Frozen, kind), {})
