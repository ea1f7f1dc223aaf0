"""Settings come in layers: a file, what it extends, overrides on top. Merge, check, explain.

A later layer says only what differs. Mappings merge key by key, everything else is replaced; a
mapping that has a ``name`` and names something else replaces the earlier one as a whole, so
``optimiser: {name: sgd}`` inherits nothing from an ``adamw`` below it.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from fewmask.config.explain import did_you_mean, explain
from fewmask.config.layer import Layer
from fewmask.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Values = dict[str, Any]

# The one in C reads a file 4 times as fast, and planning reads 50.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def merge(base: Values, over: Values) -> Values:
    """``base`` with the values of ``over`` laid on top (see the module's text)."""
    if "name" in over and "name" in base and over["name"] != base["name"]:
        return dict(over)
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge(below, value) if both else value
    return merged


def merge_all(layers: list[Layer]) -> Values:
    """The values of all layers, the last on top."""
    merged: Values = {}
    for layer in layers:
        merged = merge(merged, layer.values)
    return merged


def validate(model: type[Model], layers: list[Layer], subject: str = "") -> Model:
    """The settings that ``layers`` add up to.

    Raises ConfigError with one message that names, for each mistake, the file and line of the
    layer it came from, the key, what was found and what is allowed. ``subject`` says what the
    layers were resolved for ("method x on dataset y").
    """
    values = merge_all(layers)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, model, values, layers, subject)) from None


def from_json(model: type[Model], text: str, source: str) -> Model:
    """The settings that a job was handed as JSON by way of ``source``. Raises ConfigError."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{source}: not JSON: {error}") from None
    return validate(model, [Layer(source, values)])


def load_yaml(path: Path) -> Layer:
    """One YAML file as a layer. Raises ConfigError: no such file, bad YAML, a key given twice."""
    try:
        text = path.read_text(encoding="utf-8")
        loader = _Loader(text)
        node = loader.get_single_node()
        lines = _lines(node, ())
        values = loader.construct_document(node) if node else None
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    except (yaml.YAMLError, _DuplicateKeyError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(values).__name__}")
    return Layer(str(path), values, lines=lines)


def load_chain(path: Path) -> list[Layer]:
    """A YAML file after those that it ``extends:``, root first: files beside it by their names, or
    in the folder above as ``../name``."""
    chain: list[Layer] = []
    seen: list[Path] = []
    while True:
        if path in seen:
            raise ConfigError(f"{seen[0]}: extends itself by way of {path}")
        seen.append(path)
        layer = load_yaml(path)
        parent = layer.values.pop("extends", None)
        chain.insert(0, layer)
        if parent is None:
            return chain
        above = isinstance(parent, str) and parent.startswith("../")
        folder = path.parent.parent if above else path.parent
        path = sibling(folder, parent.removeprefix("../") if above else parent, f"{path}: extends")


def sibling(folder: Path, name: object, wanted_by: str) -> Path:
    """``folder/name.yaml``; ConfigError with the nearest name when there is none."""
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    if not isinstance(name, str) or name not in known:
        raise ConfigError(
            f"{wanted_by}: there is no {folder}/{name}.yaml{did_you_mean(str(name), known)}\n"
            f"  known: {', '.join(known) or 'none'}"
        )
    return folder / f"{name}.yaml"


class _DuplicateKeyError(Exception):
    pass


def _lines(node: yaml.Node | None, path: tuple) -> dict[tuple, int]:
    """The line of every key and item below ``node``."""
    found: dict[tuple, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, key.value)
            if here in found:
                raise _DuplicateKeyError(
                    f"{key.value} is given twice, line {key.start_mark.line + 1}"
                )
            found |= {here: key.start_mark.line + 1} | _lines(value, here)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            found |= {(*path, i): value.start_mark.line + 1} | _lines(value, (*path, i))
    return found
