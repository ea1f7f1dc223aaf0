"""Mutations of settings and records, as JSON or YAML: their keys and values are changed."""

import copy
import json
from random import Random
from typing import Any

import yaml

VALUES = [
    *(None, True, False, 0, -1, 1, 10**12, -(10**12), 0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "none", "{dataset}", "a\x00b", [], [None], {}, {"name": "x"}, [[]], [1, 2, 3]),
]


def change_tree(tree: Any, random: Random) -> Any:
    """A copy of nested mappings and lists in which one thing is another."""
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    if not places:
        return random.choice(VALUES)
    parent, key = random.choice(places)
    kind = random.choice(["remove", "rename", "value", "value", "number", "retype", "wrap", "copy"])
    if kind == "remove":
        del parent[key]
    elif kind == "rename" and isinstance(parent, dict):
        parent[random.choice(["", "x", f"{key}s", "name", str(key)[:-1]])] = parent.pop(key)
    elif kind == "number":
        parent[key] = _other_number(parent[key], random)
    elif kind == "retype":
        parent[key] = _retyped(parent[key])
    elif kind == "wrap":
        parent[key] = random.choice([[parent[key]], {"x": parent[key]}, {str(key): parent[key]}])
    elif kind == "copy":
        there, other = random.choice(places)
        parent[key] = copy.deepcopy(there[other])
    else:
        parent[key] = random.choice(VALUES)
    return tree


def change_json(data: bytes, random: Random) -> bytes:
    return json.dumps(change_tree(json.loads(data), random), indent=1).encode()


def change_yaml(data: bytes, random: Random) -> bytes:
    return yaml.safe_dump(change_tree(yaml.safe_load(data), random), sort_keys=False).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every key of every mapping and index of every list."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree) if _is_list(tree) else 0)
    return [place for key in keys for place in [(tree, key), *_places(tree[key])]]


def _is_list(tree: Any) -> bool:
    return isinstance(tree, list)


def _other_number(value: Any, random: Random) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return random.choice(VALUES)
    return random.choice([-value, value + 1, value * 2, value * 1e6, value / 3, value - 0.125])


def _retyped(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [list(pair) for pair in value.items()]
    return str(value)
