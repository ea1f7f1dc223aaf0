"""The schemas in config/schemas are those of the code, and every shipped YAML fits them."""

import functools
import json
from pathlib import Path

import pytest
import yaml
from jsonschema import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import validator_for

from fewmask.config.schemas import build_schemas

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
FILES = sorted(CONFIG.rglob("*.yaml"))
SCHEMAS = build_schemas()


def kind(path: Path) -> str:
    """What a YAML file in config/ holds."""
    folder = path.relative_to(CONFIG).parts[0]
    return {"datasets": "dataset", "methods": "method"}.get(folder, "experiment")


@functools.cache
def validator(kind: str) -> Validator:
    """What checks values against a schema of the code, which is checked itself here."""
    schema = SCHEMAS[f"{kind}.schema.json"]
    chosen = validator_for(schema)
    chosen.check_schema(schema)
    return chosen(schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_up_to_date(name: str):
    written = json.loads((CONFIG / "schemas" / name).read_text())
    assert written == SCHEMAS[name], "out of date: run `uv run fewmask schemas`"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONFIG)))
def test_yaml_names_its_schema_and_fits_it(path: Path):
    schema = CONFIG / "schemas" / f"{kind(path)}.schema.json"
    first = path.read_text().splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == schema.resolve()
    validator(kind(path)).validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("method", {"stages": {"one": {"steps": "many"}}}),
        ("method", {"stages": {"one": {"stepz": 3}}}),
        ("experiment", {"overrides": [{"settings": {"network": {"encodr": "x"}}}]}),
        ("dataset", {"reader": {"name": "foldr"}}),
    ],
)
def test_schema_refuses_what_the_code_refuses(schema: str, values: dict):
    with pytest.raises(ValidationError):
        validator(schema).validate(values)
