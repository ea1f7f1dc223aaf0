"""The part of YAML that settings use: text, numbers, true and false, null, lists and mappings.

Unlike YAML in general, dates stay text, a key is text or a whole number and occurs once, and size,
depth and number of values are limited, where aliases count as often as they occur.
"""

from typing import Any

import yaml

from fewmask.config.layer import Keys
from fewmask.core.errors import ConfigError

MOST_CHARACTERS = 1_000_000
MOST_VALUES = 100_000
DEEPEST = 50
LARGEST_NUMBER = 2**63 - 1

_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str"))


# The loader in C reads a file 4 times as fast, and planning reads 50 files.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A loader without dates and merge keys."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def parse_yaml(text: str, source: str) -> tuple[Any, dict[Keys, int]]:
    """The value of a text in YAML, and the line of every key and item by its path.

    Raises ConfigError, which names ``source`` and the line: not YAML, or more than settings use.
    """
    try:
        _check_depth(text, source)
        loader = _Loader(text)
        node = loader.get_single_node()
        reading = _Reading(loader, source)
        return (None if node is None else reading.value(node, ())), reading.lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = max(1, len(text.splitlines()))
        place = f"{source}:{min(mark.line + 1, last)}" if mark else source
        raise ConfigError(f"{place}: not valid YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{source}:{line}: not valid YAML: a character that YAML does not allow, "
            f"#x{error.character:02x}"
        ) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise ConfigError(f"{source}: not valid YAML: {error}") from None


def _check_depth(text: str, source: str) -> None:
    """Raise ConfigError for what is too large or too deep to be composed, which is recursive."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"{source}: too large for settings: more than {MOST_CHARACTERS} characters"
        )
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _error(event, source, f"nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reading:
    """The conversion of a document from nodes to values."""

    def __init__(self, loader: Any, source: str) -> None:
        self._loader, self._source = loader, source
        self.lines: dict[Keys, int] = {}
        self._count = 0

    def value(self, node: yaml.Node, path: Keys) -> Any:
        """The value of a node. An alias is converted each time that it occurs."""
        self._count += 1
        if self._count > MOST_VALUES:
            raise _error(node, self._source, f"more than {MOST_VALUES} values, aliases included")
        if len(path) > DEEPEST:
            raise _error(node, self._source, "an alias leads back to itself, or too deep")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, "tag:yaml.org,2002:seq")
            return [self._at((*path, i), one, one) for i, one in enumerate(node.value)]
        self._check_tag(node, "tag:yaml.org,2002:map")
        values: dict[str | int, Any] = {}
        for key_node, value in node.value:
            key = self._key(key_node)
            if key in values:
                raise _error(key_node, self._source, f"{key} is given twice")
            values[key] = self._at((*path, key), key_node, value)
        return values

    def _at(self, path: Keys, place: yaml.Node, node: yaml.Node) -> Any:
        self.lines[path] = place.start_mark.line + 1
        return self.value(node, path)

    def _key(self, node: yaml.Node) -> str | int:
        key = self._scalar(node) if isinstance(node, yaml.ScalarNode) else None
        if isinstance(key, bool) or not isinstance(key, str | int):
            found = node.value if isinstance(node, yaml.ScalarNode) else node.id
            raise _error(
                node,
                self._source,
                f"a key must be text or a whole number, found {found}; text may need quotes",
            )
        return key

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        self._check_tag(node, *_TAGS)
        kind = node.tag.rpartition(":")[2]
        try:
            value = self._loader.construct_object(node)
        except (ValueError, KeyError, IndexError):  # `!!int abc`; more digits than Python reads
            raise _error(node, self._source, f"{_short(node.value)} is no {kind}") from None
        if kind == "int" and abs(value) > LARGEST_NUMBER:
            raise _error(node, self._source, f"too large a number: {_short(node.value)}")
        return value

    def _check_tag(self, node: yaml.Node, *allowed: str) -> None:
        if node.tag not in allowed:
            raise _error(node, self._source, f"the tag {node.tag} has no meaning here")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _error(place: Any, source: str, what: str) -> ConfigError:
    return ConfigError(f"{source}:{place.start_mark.line + 1}: not valid YAML: {what}")
