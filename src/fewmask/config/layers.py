"""Settings in layers: a file, the files that it extends below it, and overrides on top of it.

A later layer contains only what differs. Mappings merge key by key, everything else is replaced. A
mapping with another ``name`` replaces the earlier one as a whole: ``optimiser: {name: sgd}``
inherits nothing from an ``adamw`` below it.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from fewmask.config.explain import did_you_mean, explain
from fewmask.config.layer import Layer
from fewmask.config.yaml_text import MOST_CHARACTERS, parse_yaml
from fewmask.core.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Values = dict[str, Any]


def merge(base: Values, over: Values) -> Values:
    """``base`` with the values of ``over`` on top, by the rules of this module."""
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
    """The settings that ``layers`` amount to together.

    Raises ConfigError with one message that names, for each mistake, the file and line of the
    layer that contains it, the key, what was found and what is allowed. ``subject`` names what the
    layers were resolved for ("method x on dataset y").
    """
    values = merge_all(layers)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, model, values, layers, subject)) from None


def from_json(model: type[Model], text: str, source: str) -> Model:
    """The settings that a job was given as JSON, by the option ``source``. Raises ConfigError."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{source}: not JSON: {error}") from None
    return validate(model, [Layer(source, values)])


def load_yaml(path: Path) -> Layer:
    """One YAML file as a layer. Raises ConfigError: no such file, or no settings in YAML."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        line = 1 + error.object.count(b"\n", 0, error.start)
        raise ConfigError(f"{path}:{line}: cannot be read as UTF-8: {error.reason}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    values, lines = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise ConfigError(f"{path}: expected keys and values, found {found}")
    return Layer(str(path), values, lines=lines)


def parse_changes(pairs: Iterable[str]) -> Values:
    """The settings of ``--config KEY=VALUE ...``, each value in YAML. Raises ConfigError."""
    changes = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"--config {pair}: expected KEY=VALUE")
        if key == "extends":
            raise ConfigError(
                f"--config {pair}: only a file can extend another\n"
                f"  mend: name the file itself by --configfile"
            )
        changes[key] = parse_yaml(value, f"--config {key}")[0]
    return changes


def load_chain(path: Path) -> list[Layer]:
    """A YAML file and those that it ``extends:``, the root first.

    A file extends another one by its name: ``name`` beside it, ``../name`` in the folder above.
    Raises ConfigError.
    """
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


def sibling(folder: Path, name: object, named_by: str) -> Path:
    """``folder/name.yaml``. Raises ConfigError, with the nearest name, if there is no such file."""
    known = sorted(p.stem for p in folder.glob("*.yaml"))
    if not isinstance(name, str) or name not in known:
        raise ConfigError(
            f"{named_by}: there is no {folder}/{name}.yaml{did_you_mean(str(name), known)}\n"
            f"  known: {', '.join(known) or 'none'}"
        )
    return folder / f"{name}.yaml"
