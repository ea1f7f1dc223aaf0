"""JSON schemas for editors, generated from the settings models."""

import json
from typing import Any

from fewmask.config.dataset import Dataset
from fewmask.config.descriptions import Described
from fewmask.config.experiment import Experiment
from fewmask.config.method import Method
from fewmask.config.settings import Settings
from fewmask.config.site import Site
from fewmask.config.stage import Stage
from fewmask.core.paths import CONFIG

Schema = dict[str, Any]

NAMED = ("properties", "patternProperties", "$defs")
"""The words of JSON Schema whose values are schemas by names."""


def build_schemas() -> dict[str, Schema]:
    """The schema of every kind of YAML file by file name."""
    stage = _schema(Stage)
    method = _schema(Method)
    method["$defs"] = stage.pop("$defs") | {"Stage": stage}
    part = {"$ref": "#/$defs/Stage"}
    method["properties"]["network"] = {"$ref": "#/$defs/Network"}
    method["properties"]["defaults"] = part
    stages = method["properties"]["stages"]
    or_null = {"anyOf": [part, {"type": "null"}]}
    stages["patternProperties"] = dict.fromkeys(stages["patternProperties"], or_null)
    stages["additionalProperties"] = False
    experiment = _schema(Experiment)
    experiment["$defs"] |= method["$defs"]
    experiment["$defs"]["Override"]["properties"]["settings"] = part
    schemas = {"dataset": _schema(Dataset), "method": method, "experiment": experiment}
    files = {f"{kind}.schema.json": _of_file(schema) for kind, schema in schemas.items()}
    return files | {"site.schema.json": _schema(Site)}


def write_schemas(check: bool = False) -> list[str]:
    """Write the schemas that are out of date; with ``check``, only return their names."""
    stale = []
    for name, schema in build_schemas().items():
        path = CONFIG / "schemas" / name
        text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
        if not path.exists() or path.read_text() != text:
            stale.append(str(path))
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    return stale


def _schema(model: type[Settings]) -> Schema:
    return model.model_json_schema(schema_generator=Described)


def _of_file(schema: Schema) -> Schema:
    """The schema of a file: it may extend another one, and then contains only what differs."""
    schema = _of_part(schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "Name of a file beside this one, or ../name for one in the folder above; "
        "this file contains only what differs.",
    }
    return schema


def _of_part(schema: Any) -> Any:
    """The schema of a part: no key is required, and several choices may match a part."""
    if isinstance(schema, list):
        return [_of_part(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in ("required", "discriminator")}
    return {
        "anyOf" if key == "oneOf" else key: _of_all(value) if key in NAMED else _of_part(value)
        for key, value in kept.items()
    }


def _of_all(schemas: dict[str, Any]) -> dict[str, Any]:
    """Schemas by names, which may be the words of JSON Schema, too."""
    return {name: _of_part(schema) for name, schema in schemas.items()}
