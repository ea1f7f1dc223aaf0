"""Checks of the fractions of an experiment that networks suggest. All raise ConfigError."""

from collections.abc import Mapping

from fewmask.config.cells import is_list_name
from fewmask.config.dataset import Dataset
from fewmask.config.experiment import Experiment
from fewmask.core.errors import ConfigError
from fewmask.planning.stages import Resolved


def check_suggestions(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    stages: Mapping[tuple[str, str, str], Resolved],
    source: str,
) -> None:
    """Refuse fractions whose networks the experiment does not train, or that cannot suggest.

    ``stages``: the last stages of all runs, by dataset, method and fraction.
    """
    for name, one in experiment.suggestions.items():
        where = f"{source}: suggestions.{name}"
        if not is_list_name(name):
            raise ConfigError(f"{where}: {name} already means a fraction: give it another name")
        _check_order(experiment, name, where)
        for dataset in {dataset for dataset, _, fraction in stages if fraction == name}:
            if name in datasets[dataset].split.lists:
                raise ConfigError(f"{where}: the dataset {dataset} has a list {name}: rename one")
            last = stages.get((dataset, one.method, one.fraction))
            if last is None:
                raise ConfigError(
                    f"{where}: {one.method} is not run on {dataset} at {one.fraction}\n"
                    f"  expected: a method and a fraction of the experiment, not left out"
                )
            if last.stage.labels == "all" or "segmentation" not in last.stage.objective.predicts:
                raise ConfigError(
                    f"{where}: the last stage of {one.method} sees all masks, or predicts none\n"
                    f"  expected: a method that learns masks from the fraction alone"
                )


def _check_order(experiment: Experiment, name: str, where: str) -> None:
    """Refuse a fraction that is suggested by networks of itself, or of a later one."""
    earlier = list(experiment.suggestions)[: list(experiment.suggestions).index(name)]
    fraction = experiment.suggestions[name].fraction
    if fraction in experiment.suggestions and fraction not in earlier:
        raise ConfigError(
            f"{where}: fraction: {fraction} is a suggestion itself\n"
            f"  expected: one that stands above {name}, or another fraction"
        )
