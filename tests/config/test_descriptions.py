"""Docstrings below settings describe them in JSON schemas."""

from pydantic import Field

from fewmask.config.descriptions import Described, descriptions
from fewmask.config.settings import Settings


class Shape(Settings):
    """A shape."""

    width: int
    """How wide it is,
    in pixels."""
    height: int = Field(description="How high.")
    """Not this."""
    area: int = 0
    name: str = ""
    """What it is called."""


class Ball(Shape):
    """A shape, too."""

    name: str = "ball"
    radius: int = 1
    """Half of its width."""
    width: int = 2
    """Twice the radius."""


def test_a_setting_is_described_by_what_stands_below_it():
    assert descriptions(Shape) == {
        "width": "How wide it is,\nin pixels.",
        "height": "Not this.",
        "name": "What it is called.",
    }


def test_what_a_class_declares_again_is_described_there_or_not_at_all():
    assert descriptions(Ball) == {
        "width": "Twice the radius.",
        "height": "Not this.",
        "radius": "Half of its width.",
    }


def test_a_description_of_a_field_comes_first():
    properties = Shape.model_json_schema(schema_generator=Described)["properties"]
    found = {name: one.get("description") for name, one in properties.items()}
    assert found == descriptions(Shape) | {"height": "How high.", "area": None}
