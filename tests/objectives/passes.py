"""What a module was given and returned."""

from typing import Any

from torch import nn


class Passes:
    """What a module was given and returned in training mode, pass by pass."""

    def __init__(self, module: nn.Module) -> None:
        self.given: list[Any] = []
        self.returned: list[Any] = []
        module.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, given: tuple[Any, ...], returned: Any) -> None:
        if module.training:
            self.given.append(given[0])
            self.returned.append(returned)
