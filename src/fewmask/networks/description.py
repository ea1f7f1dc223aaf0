"""The description of weights: the settings, data and seed of their training."""

import json
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fewmask.config.dataset import Dataset
from fewmask.config.network import Network
from fewmask.config.stage import TrainingSettings
from fewmask.data.scaling import Scaling

LONGEST = 2**20
"""Characters of a description; real ones have a few thousand."""


class Digests(BaseModel):
    """SHA-256 of the files that a training read, including those that only some trainings read."""

    model_config = ConfigDict(extra="allow", frozen=True)

    dataset: str
    split: str
    tested: str
    """Of who is tested on."""


class Description(BaseModel):
    """The description that accompanies the tensors in a file of weights, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    network: Network
    training: TrainingSettings
    dataset: dict[str, Any]
    """The settings of its preparation, as `JobArguments.prepare_settings` gives them."""
    seed: int = Field(ge=0)
    digests: Digests
    scaling: Scaling | None = None
    """Of the values of images; None: they are colours in 8 bits."""

    @field_validator("dataset")
    @classmethod
    def _is_a_dataset(cls, dataset: dict[str, Any]) -> dict[str, Any]:
        _settings(dataset)
        return dataset

    @cached_property
    def trained_on(self) -> Dataset:
        """The settings of the dataset."""
        return _settings(self.dataset)

    @cached_property
    def built(self) -> Network:
        """The settings of the network, for the images of the dataset."""
        return self.network.for_images(self.trained_on.channel_count)

    @cached_property
    def record(self) -> dict[str, Any]:
        """The description as it was written, as JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def _settings(dataset: dict[str, Any]) -> Dataset:
    return Dataset.model_validate({k: v for k, v in dataset.items() if k != "dataset"})


def parse(text: str) -> Description:
    """The description in a text. Raises ValueError, with one line, if it is not one."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters; expected a few thousand")
    try:
        return Description.model_validate(json.loads(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None
