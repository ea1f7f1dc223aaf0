"""The objectives that there are, by their names."""

from typing import get_args

from fewmask.config.stage import Objective
from fewmask.objectives.adversarial.options import AdversarialSettings
from fewmask.objectives.consistency.options import ConsistencySettings
from fewmask.objectives.hard_pixels import LearnsMasks

SETTINGS = {
    get_args(one.model_fields["name"].annotation)[0]: one
    for one in get_args(get_args(Objective)[0])
}
NAMES = list(SETTINGS)
CONFIDENT = [name for name, one in SETTINGS.items() if "confidence" in one.model_fields]
LEARNS_MASKS = [name for name, one in SETTINGS.items() if issubclass(one, LearnsMasks)]
CONSISTENCY = [name for name, one in SETTINGS.items() if issubclass(one, ConsistencySettings)]
ADVERSARIAL = [name for name, one in SETTINGS.items() if issubclass(one, AdversarialSettings)]
