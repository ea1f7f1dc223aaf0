"""Datasets and methods by name: the files in config/datasets and config/methods."""

import json
from contextlib import suppress

from fewmask.config.dataset import Dataset
from fewmask.config.layer import Layer
from fewmask.config.layers import load_chain, sibling, validate
from fewmask.config.method import Method, MethodFile
from fewmask.core.errors import ConfigError
from fewmask.core.paths import CONFIG


def load_dataset(name: str, named_by: str = "dataset") -> Dataset:
    """The settings in config/datasets/``name``.yaml. Raises ConfigError."""
    return validate(Dataset, load_chain(sibling(CONFIG / "datasets", name, named_by)))


def dataset_from_json(settings_json: str) -> tuple[str, Dataset]:
    """The name and the settings of a dataset, from the JSON of `JobArguments.prepare_settings`.

    Raises ConfigError: no JSON, no key ``dataset``, or wrong settings.
    """
    source = "--settings"
    try:
        values = json.loads(settings_json)
        name = values.pop("dataset")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{source}: found {type(error).__name__}: {error}\n"
            f"  expected: the JSON that the workflow makes of a dataset, with the key dataset"
        ) from None
    return name, validate(Dataset, [Layer(source, values)])


def load_method(name: str, named_by: str = "method") -> list[Layer]:
    """The layers of config/methods/``name``.yaml, root first. Raises ConfigError."""
    chain = load_chain(sibling(CONFIG / "methods", name, named_by))
    for layer in chain:
        validate(MethodFile, [layer])
    validate(Method, chain)
    return chain


def names_in(kind: str) -> list[str]:
    """The names of all files in config/``kind``, which is ``datasets`` or ``methods``."""
    return sorted(path.stem for path in (CONFIG / kind).glob("*.yaml"))


def all_stages() -> list[str]:
    """The names of the stages of all methods. A wrong method counts as one without stages: what is
    wrong with it is reported where it is requested."""
    names: set[str] = set()
    for name in names_in("methods"):
        with suppress(ConfigError):
            names |= validate(Method, load_method(name)).stages.keys()
    return sorted(names)
