"""Networks translated by torch.compile, where that works."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from fewmask.networks.backbone import Backbone
from fewmask.networks.teacher import Teacher
from fewmask.objectives.objective import Objective

HOLDERS = (Objective, Backbone, Teacher, nn.ModuleDict, nn.ModuleList)
"""What is taken apart: objectives call the encoders, decoders and heads in them one by one."""

LIMIT = 100
"""How often a function of torch may be compiled: heads share one, and each has its own sizes in
training and in evaluation. Beyond it torch would go on uncompiled."""


def compile_networks(objective: Objective) -> None:
    """Let every encoder, decoder and head of an objective be compiled when it is first called.

    Weights keep their names. Where the compiler is missing, or fails, a part goes on as it is, and
    a line on stderr says so, once.
    """
    torch._dynamo.config.recompile_limit = LIMIT
    compiler = _Compiler()
    for part in _parts(objective):
        # For every size by itself: else what came before would decide how a step is rounded, and
        # a training that goes on would not end as one that was never stopped.
        part.compile(backend=compiler, dynamic=False)


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, HOLDERS):
            yield from _parts(child)
        elif any(True for _ in child.parameters()):
            yield child


class _Compiler:
    """torch's own compiler, without which a graph is run operation by operation."""

    def __init__(self) -> None:
        self._has_failed = False

    def __call__(self, graph: fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        if not self._has_failed:
            try:
                return torch._dynamo.lookup_backend("inductor")(graph, inputs)
            except Exception as error:  # whatever its many stages raise
                self._has_failed = True
                _tell(error)
        return graph.forward


def _tell(error: Exception) -> None:
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    print(
        f"compile: torch cannot compile the network, which is trained as it is: {reason}\n"
        f"  expected: a C++ compiler such as g++ (on a GPU also Triton)\n"
        f"  mend: install it, or leave compile out",
        file=sys.stderr,
    )
