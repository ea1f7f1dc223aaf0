"""One layer of settings: values, and the place where a person finds them."""

from dataclasses import dataclass
from typing import Any

from fewmask.core.errors import ConfigError

Keys = tuple[str | int, ...]


def child(values: Any, key: str | int) -> tuple[Any] | None:
    """The value at ``key`` of a mapping or list, in a tuple; None if there is none."""
    is_key = isinstance(values, dict) and key in values
    is_place = isinstance(values, list) and isinstance(key, int) and key < len(values)
    return (values[key],) if is_key or is_place else None


@dataclass(frozen=True)
class Layer:
    """Values and their origin.

    ``source`` is the file or the command-line option that contains them, ``path`` the keys that
    lead to ``values`` inside it; ``lines`` maps the paths of keys in the file to line numbers.
    """

    source: str
    values: dict[str, Any]
    path: Keys = ()
    lines: dict[Keys, int] | None = None

    def holds(self, keys: Keys) -> bool:
        """Whether this layer itself sets the value at ``keys``."""
        inside: tuple[Any] | None = (self.values,)
        for key in keys:
            inside = inside and child(inside[0], key)
        return inside is not None

    def place(self, keys: Keys) -> str:
        """``file:line`` of the value at ``keys``, or of the nearest key above with a known line."""
        full = self.path + keys
        while full and full not in (self.lines or {}):
            full = full[:-1]
        line = (self.lines or {}).get(full)
        return f"{self.source}:{line}" if line else self.source

    def part(self, *keys: str | int) -> "Layer":
        """The layer of the mapping at ``keys`` inside this one."""
        values: Any = self.values
        for key in keys:
            values = values[key]
        return Layer(self.source, values, self.path + keys, self.lines)


def error_at(layers: list[Layer], keys: Keys, what: str) -> ConfigError:
    """The error that says ``what`` is wrong with the value at ``keys``, and where it is set."""
    layer = next((one for one in reversed(layers) if one.holds(keys[:2])), layers[-1])
    return ConfigError(f"{layer.place(keys)}: {'.'.join(map(str, layer.path + keys))}: {what}")
