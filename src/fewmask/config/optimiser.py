"""Settings of optimisers."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fewmask.config.ranges import Log
from fewmask.config.settings import Settings

LearningRate = Annotated[float, Field(gt=0)]
AdaptiveRate = Annotated[LearningRate, Log(1e-5, 1e-2)]
WeightDecay = Annotated[float, Field(ge=0)]
CoupledDecay = Annotated[WeightDecay, Log(1e-6, 1e-2)]
"""A weight decay that is added to the gradients."""
Beta = Annotated[float, Field(ge=0, lt=1)]


class _Optimiser(Settings):
    """What all optimisers have."""

    learning_rate: LearningRate
    decay_norms_and_biases: bool = True
    """Whether weight decay also acts on biases and on the scales and shifts of normalisation
    layers; false: only on tensors of two dimensions or more."""


class Adam(_Optimiser):
    """Adam (Kingma and Ba 2015)."""

    name: Literal["adam"]
    learning_rate: AdaptiveRate
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: CoupledDecay = 0.0


class AdamW(_Optimiser):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"]
    learning_rate: AdaptiveRate
    betas: tuple[Beta, Beta] = (0.9, 0.999)
    weight_decay: Annotated[WeightDecay, Log(1e-4, 0.3)] = 0.01


class SGD(_Optimiser):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"]
    learning_rate: Annotated[LearningRate, Log(1e-4, 0.1)]
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: CoupledDecay = 0.0

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> "SGD":
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0")
        return self


Optimiser = Annotated[Adam | AdamW | SGD, Field(discriminator="name")]
