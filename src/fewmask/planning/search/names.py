"""What trainings of a search are called: as methods of their own, in paths, logs and tables."""

import re
from collections.abc import Collection

from fewmask.config.experiment import Experiment, LeftOut

SEARCHED = "_searched"
TRIAL, TRAINED_AS, SEED = "{trial}", "{trained_as}", "{seed}"
"""In the paths that a slot's job is given: the method of the trial that it goes on with, and that
of the training which it goes on from. Both are only known when the rung below is ranked."""


def searched(method: str) -> str:
    """The method with the settings that the search has chosen."""
    return f"{method}{SEARCHED}"


def written(method: str) -> str:
    """The method as it is written."""
    return method.removesuffix(SEARCHED)


def are_names_of(method: str, names: Collection[str]) -> list[str]:
    """Those of some names that trainings or results of a method's search have."""
    own = re.compile(rf"{re.escape(method)}(_trial_\d+|_rung_\d+_slot_\d+|{SEARCHED})")
    return [name for name in names if own.fullmatch(name)]


def trial(method: str, number: int) -> str:
    """A trial, on the first rung."""
    return f"{method}_trial_{number}"


def slot(method: str, rung: int, place: int) -> str:
    """A place on a later rung, for the trial that came out there on the rung below."""
    return f"{method}_rung_{rung}_slot_{place}"


def with_searched(experiment: Experiment, but: list[str]) -> Experiment:
    """The experiment with each method followed by its searched one, all but some of them."""
    if experiment.search is None:
        return experiment
    names = {name: [name] if name in but else [name, searched(name)] for name in experiment.methods}
    left_out = [_both(runs, names) for runs in experiment.leave_out]
    methods = [name for both in names.values() for name in both]
    return experiment.model_copy(update={"methods": methods, "leave_out": left_out})


def _both(runs: LeftOut, names: dict[str, list[str]]) -> LeftOut:
    if runs.method is None:
        return runs
    chosen = runs.method if isinstance(runs.method, list) else [runs.method]
    methods = [name for one in chosen for name in names.get(one, [one])]
    return runs.model_copy(update={"method": methods})
