"""The searches that an experiment requests: one for every method and dataset, at each fraction or
at one."""

from collections.abc import Mapping

from fewmask.config.dataset import Dataset
from fewmask.config.experiment import Experiment
from fewmask.config.layer import Layer
from fewmask.config.named import load_method, names_in
from fewmask.core.errors import ConfigError
from fewmask.core.paths import Layout
from fewmask.planning.search.names import are_names_of
from fewmask.planning.search.searches import Search, searched_ranges
from fewmask.planning.stages import LabelledData, Resolved

Cell = tuple[str, str, str]
"""Dataset, method and fraction."""


def searches_of(
    experiment: Experiment,
    datasets: Mapping[str, Dataset],
    stages: Mapping[Cell, list[Resolved]],
    source: str,
) -> dict[Cell, Search]:
    """The search for every cell of the grid; cells may share one. Upper bounds have none.

    Raises ConfigError: nothing ranks the trials of a method, it has no setting to search, a name is
    taken, or trials would learn from test images of the runs.
    """
    if experiment.search is None:
        return {}
    _check_held_out(datasets, source)
    of_all = Layer(source, {"ranges": experiment.search.ranges}, ("search",))
    layout, taken = Layout(experiment.results), set(names_in("methods"))
    searches: dict[Cell, Search] = {}
    for cell, of_cell in stages.items():
        if of_cell[-1].stage.labels == "all":
            continue
        dataset, method, fraction = cell
        at = LabelledData(dataset, experiment.search.at or fraction)
        key = (dataset, method, at.fraction)
        if key not in stages:
            raise ConfigError(
                f"{source}: search.at: {method} is not run on {dataset} at {at.fraction}, which "
                f"leave_out leaves out"
            )
        _check_ranked(stages[key][-1], method, source)
        if same := are_names_of(method, taken):
            raise ConfigError(
                f"{source}: search: a training or the results of the search of {method} are called "
                f"{same[0]}, as another method is\n  mend: rename that method"
            )
        if key not in searches:
            ranges = searched_ranges([*load_method(method), of_all], stages[key])
            if not ranges:
                raise ConfigError(
                    f"{source}: search: {method} has no setting to search: its ranges are all null"
                    f"\n  mend: give it one, or leave it to an experiment without search"
                )
            searches[key] = Search(experiment.search, method, at, stages[key], ranges, layout)
    return {
        cell: searches[cell[0], cell[1], experiment.search.at or cell[2]]
        for cell, of_cell in stages.items()
        if of_cell[-1].stage.labels != "all"
    }


def _check_held_out(datasets: Mapping[str, Dataset], source: str) -> None:
    for name, dataset in datasets.items():
        if dataset.split.held_out_per_seed:
            raise ConfigError(
                f"{source}: search: the dataset {name} has split.held_out_per_seed, so that seeds "
                f"of the search would learn from test images of the runs' seeds\n"
                f"  mend: held_out_per_seed: false, or no search"
            )


def _check_ranked(last: Resolved, method: str, source: str) -> None:
    if last.stage.evaluation.metric == "none":
        raise ConfigError(
            f"{source}: search: {last.key.stage} of {method} keeps the weights of its last step "
            f"(evaluation.metric: none), so that no validation value ranks its trials\n"
            f"  mend: evaluation: {{metric: miou}}, and a dataset with validation images"
        )
