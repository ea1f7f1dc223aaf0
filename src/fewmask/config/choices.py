"""Settings that are found by name: each stands in the folder of what it sets.

``fewmask.objectives.NAME.settings``, say, holds one class of settings; the code that it sets stands
beside it and is imported only where it runs, for planning must not import torch.
"""

from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from operator import or_
from pkgutil import iter_modules
from types import ModuleType
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from fewmask.config.settings import Settings

SETTINGS = "settings"
"""The module of such a folder that says what can be set. It imports nothing heavy."""


def folders(package: str) -> list[str]:
    """The names of the folders of a package that hold settings, in alphabetical order."""
    inside = iter_modules(import_module(package).__path__, f"{package}.")
    with_settings = (
        one.name for one in inside if one.ispkg and find_spec(f"{one.name}.{SETTINGS}")
    )
    return sorted(name.removeprefix(f"{package}.") for name in with_settings)


def modules(package: str) -> dict[str, ModuleType]:
    """The modules of settings by the names of their folders."""
    return {name: import_module(f"{package}.{name}.{SETTINGS}") for name in folders(package)}


def choices(package: str, base: type[Settings]) -> Any:
    """The type of any settings in a package, told apart by their ``name``.

    A module of settings defines one class derived from ``base``. Raises TypeError for another
    number of them, and for a class whose ``name`` is not that of its folder.
    """
    classes = [_class(base, name, module) for name, module in modules(package).items()]
    return Annotated[reduce(or_, classes), Field(discriminator="name")]


def or_name(choice: Any) -> Any:
    """The type of such settings where their name alone is enough: ``unet`` is ``{name: unet}``."""
    names = [
        get_args(one.model_fields["name"].annotation)[0] for one in get_args(choice.__origin__)
    ]
    in_files = Literal[(*names,)] | choice
    return Annotated[choice, BeforeValidator(_named, json_schema_input_type=in_files)]


def _named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _class(base: type[Settings], name: str, module: ModuleType) -> type[Settings]:
    own = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, base) and one.__module__ == module.__name__
    ]
    allowed = [getattr(one.model_fields["name"].annotation, "__args__", ()) for one in own]
    if allowed != [(name,)]:
        raise TypeError(
            f"{module.__name__} must define one class derived from {base.__name__}, "
            f'with name: Literal["{name}"]'
        )
    return own[0]
