"""torch's compiler is imported by what compiles, and by nothing else.

Importing `torch._dynamo` takes as long as all else of torch. torchvision does it for one name, timm
and each of torch's optimisers to say which functions are not to be compiled; and in most jobs
nothing is. So a stand-in answers them, until somebody asks for anything else.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"
UTILS = f"{COMPILER}.utils"


def postpone_compiler() -> None:
    """Have the stand-in answer from now on; to be called before torch is imported."""
    if _FINDER not in sys.meta_path and COMPILER not in sys.modules:
        sys.meta_path.insert(0, _FINDER)


def load_compiler() -> ModuleType:
    """torch's compiler itself, which takes the place of the stand-in."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
        for name in STAND_INS:
            sys.modules.pop(name, None)
    return import_module(COMPILER)


class _StandIn(ModuleType):
    """A module that becomes the real one as soon as it is asked for what it does not have."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system looks for some, which need not be there
            raise AttributeError(name)
        load_compiler()
        return getattr(import_module(self.__name__), name)


class _Compiler(_StandIn):
    """What it is asked for while nothing is compiled."""

    @staticmethod
    def graph_break() -> None:
        """Nothing is compiled that could be interrupted."""

    @staticmethod
    def disable(function: Callable | None = None, *_: Any, **__: Any) -> Callable:
        """A function that is not to be compiled, or what makes it one: it is none already."""
        return function or (lambda function: function)


class _Utils(_StandIn):
    """The only function that torchvision imports."""

    @staticmethod
    def is_compile_supported(device: Any) -> bool:
        """As the compiler says."""
        load_compiler()
        return import_module(UTILS).is_compile_supported(device)


STAND_INS = {COMPILER: _Compiler, UTILS: _Utils}


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-ins, and for other modules of the compiler these modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != COMPILER and not name.startswith(f"{COMPILER}."):
            return None
        return ModuleSpec(name, self, is_package=name == COMPILER)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name in STAND_INS:
            return STAND_INS[spec.name](spec.name)
        load_compiler()
        return import_module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """It is ready."""


_FINDER = _Finder()
