"""Descriptions in JSON schemas: the docstrings below the settings in their classes.

Pydantic would read them whenever a class is made (`use_attribute_docstrings`), that is, at the
start of every process, and only schemas show them.
"""

import ast
import inspect
from collections.abc import Iterator
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import ModelSchema

from fewmask.config.settings import Settings


class Described(GenerateJsonSchema):
    """JSON schemas whose properties are described."""

    def model_schema(self, schema: ModelSchema) -> dict[str, Any]:
        """The JSON schema of a model; it keeps descriptions that it has otherwise."""
        found = super().model_schema(schema)
        described = descriptions(schema["cls"])
        for name, content in found.get("properties", {}).items():
            if name in described:
                content.setdefault("description", described[name])
        return found


def descriptions(model: type[Settings]) -> dict[str, str]:
    """The docstrings of a model's settings by name, its own and those that it inherits; a setting
    that a class declares again has what stands there."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, Settings):
            own = inspect.get_annotations(one)
            inherited = {name: text for name, text in found.items() if name not in own}
            found = inherited | dict(_documented(one))
    return found


def _documented(model: type[Settings]) -> Iterator[tuple[str, str]]:
    """The settings of a class's own that are followed by a docstring, with it."""
    (definition,) = ast.parse(inspect.getsource(model)).body
    for before, after in zip(definition.body, definition.body[1:], strict=False):
        match before, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
