"""From a pydantic error to a message that a person can act on."""

import difflib
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from fewmask.config.layer import Keys, Layer, child

RENAMED = {
    "figures": "values",  # published.figures, and the figures of its entries
    "pictures": "images",  # reader.pictures
    "take_over": "transfer",  # stages.NAME.take_over
    "decoder_channels": "architecture: {name: unet, decoder_channels: ...}",  # of network
    "aspp_rates": "architecture: {name: deeplabv2, aspp_rates: ...}",  # of network
    "depth_loss": "tasks: [{name: depth, loss: ...}]",  # objective.depth_loss
    "normal_codes": "tasks: [{name: normal, codes: ...}]",  # objective.normal_codes
}
"""Keys and names of earlier versions, and their present names, or how they are written now. An old
name is only recognised where the present key is allowed."""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """``" (did you mean x?)"`` or, for an old name, ``" (renamed: use x)"``.

    Empty if no allowed word is similar.
    """
    allowed = list(allowed)
    present = RENAMED.get(found, "")
    if present.partition(":")[0] in allowed:
        return f" (renamed: use {present})"
    near = difflib.get_close_matches(found, allowed, n=1, cutoff=0.6)
    return f" (did you mean {near[0]}?)" if near else ""


def explain(
    error: ValidationError,
    model: type[BaseModel],
    values: dict[str, Any],
    layers: list[Layer],
    subject: str,
) -> str:
    """One paragraph for each mistake: its place, its key, what was found, what is expected."""
    paragraphs = []
    for mistake in error.errors():
        keys = _keys(mistake["loc"], values)
        layer = next((one for one in reversed(layers) if one.holds(keys)), None)
        # A missing key lies in no layer: name the file with the mapping that lacks it.
        files = [one for one in layers if one.lines is not None] or layers
        layer = layer or next((one for one in reversed(files) if one.holds(keys[:-1])), files[-1])
        path = ".".join(str(key) for key in layer.path + keys)
        about = f"{path} [{subject}]" if subject else path  # nothing: the mapping as a whole
        parts = [layer.place(keys), about.strip(), _sentence(mistake, model, keys)]
        paragraphs.append(": ".join(filter(None, parts)))
    return "\n".join(dict.fromkeys(paragraphs))


def _sentence(mistake: Any, model: type[BaseModel], keys: Keys) -> str:
    kind, found, context = mistake["type"], mistake["input"], mistake.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = _allowed_keys(model, mistake["loc"][:-1])
        return _lines(f"unknown key{did_you_mean(str(keys[-1]), allowed)}", keys[-1], allowed)
    if kind == "missing":
        return "this key is required and missing"
    if kind == "model_type":
        return _lines("needs keys with values", found, _allowed_keys(model, mistake["loc"]))
    if kind in ("literal_error", "union_tag_invalid"):
        expected = context.get("expected") or context.get("expected_tags")
        allowed = [word.strip(" '\"") for word in expected.replace(" or ", ",").split(",")]
        word = context.get("tag", found)
        return _lines(f"not an allowed value{did_you_mean(str(word), allowed)}", word, allowed)
    if kind == "union_tag_not_found":
        return "needs a 'name' that says which one it is"
    if kind == "string_pattern_mismatch":
        return _lines("not an allowed name", found, [f"text that matches {context['pattern']}"])
    return _lines(mistake["msg"].removeprefix("Value error, "), found, [])


def _lines(what: str, found: object, allowed: Iterable[str]) -> str:
    expected = ", ".join(allowed)
    text = repr(found)
    if len(text) > 120:  # the beginning of many keys, of which ``what`` names some, tells nothing
        text = "" if isinstance(found, dict) else text[:117] + "..."
    parts = [what, text and f"found: {text}", expected and f"expected: {expected}"]
    return "\n  ".join(filter(None, parts))


def _keys(location: Keys, values: Any) -> Keys:
    """The keys in a pydantic location, which also contains the tags of unions and types."""
    keys: list[str | int] = []
    for i, part in enumerate(location):
        inside = child(values, part)
        is_tag = isinstance(values, dict) and values.get("name") == part
        is_tag = is_tag or part == "[key]"  # a mistake in the key itself
        is_missing_key = i == len(location) - 1 and isinstance(values, dict) and not is_tag
        if inside is not None:
            values = inside[0]
        if inside is not None or is_missing_key:
            keys.append(part)
    return tuple(keys)


def _allowed_keys(annotation: Any, location: Keys) -> list[str]:
    """The keys of the model at ``location``; none if no model is known there."""
    for part in location:
        annotation = _step(annotation, part)
    annotation = _plain(annotation)[0]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return list(annotation.model_fields) if is_model else []


def _step(annotation: Any, part: str | int) -> Any:
    for choice in _plain(annotation):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            if part in choice.model_fields:
                field = choice.model_fields[part]
                return field.rebuild_annotation()
            if _tag(choice) == part or choice.__name__ == part:
                return choice
        elif get_origin(choice) in (dict, list, tuple):
            return get_args(choice)[-1]
    return None


def _plain(annotation: Any) -> list[Any]:
    """The choices behind Annotated, Optional and Union."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [c for one in get_args(annotation) if one is not type(None) for c in _plain(one)]
    return [annotation]


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("name")
    is_tag = field is not None and get_origin(field.annotation) is Literal
    return get_args(field.annotation)[0] if is_tag else None
