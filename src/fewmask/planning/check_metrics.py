"""Checks of the metrics, methods and published values that an experiment names."""

from collections.abc import Callable, Iterable, Iterator

from fewmask.config.experiment import Experiment
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Keys, Layer, error_at
from fewmask.config.published import Published, PublishedValue
from fewmask.metrics import table
from fewmask.planning.grids import cells_of, grids_of
from fewmask.planning.search.names import with_searched


def check_metrics(layers: list[Layer], classes_of: Callable[[str], Iterable[str]]) -> None:
    """Refuse unknown metrics and methods, and impossible published values.

    A name that fits the grid of one file remains right where a file above it, or --config,
    requests a smaller grid.

    Args:
        layers: those of the experiment.
        classes_of: from the name of a dataset to its classes.

    Raises:
        ConfigError: naming the file and line of the mistake.
    """
    grids = grids_of(layers)
    datasets = dict.fromkeys(name for grid in grids for name in grid.datasets)
    classes = dict.fromkeys(name for dataset in datasets for name in classes_of(dataset))
    experiment = grids[-1]
    for i, metric in enumerate(experiment.metrics):
        _check_metric(metric, list(classes), layers, ("metrics", i))
    for task, method in experiment.baselines.items():
        _check_method(method, experiment, layers, ("baselines", task))
    if experiment.reference is not None:
        _check_method(experiment.reference, experiment, layers, ("reference",))
    for keys, values in _published(experiment.published):
        for metric, value in values.items():
            _check_metric(metric, list(classes), layers, (*keys, metric))
            _check_share(metric, value, layers, (*keys, metric))
    for i, entry in enumerate(experiment.published.values if experiment.published else []):
        cells = (cell for grid in grids for cell in cells_of(grid))
        if not any(entry.when.selects(**cell) for cell in cells):
            chosen = ", ".join(f"{key}: {value}" for key, value in entry.when if value is not None)
            raise error_at(
                layers,
                ("published", "values", i, "when"),
                f"selects no cell of the grid\n  found: {chosen}\n"
                f"  expected: some of the experiment's datasets, methods and fractions",
            )


def _published(published: Published | None) -> Iterator[tuple[Keys, dict[str, PublishedValue]]]:
    """All published values by metric, each with the keys that lead to them."""
    for i, entry in enumerate(published.values if published else ()):
        yield ("published", "values", i, "values"), entry.values
    for i, other in enumerate(published.others if published else ()):
        for fraction, values in other.values.items():
            yield ("published", "others", i, "values", fraction), values


def _check_metric(metric: str, classes: list[str], layers: list[Layer], keys: Keys) -> None:
    of_class = table.names(table.class_metrics())
    of_classes = [f"{one}_{name}" for one in of_class for name in classes]
    metrics = table.names([*table.measured_on("test"), *table.measured_on("runs")])
    if metric in metrics or metric in of_classes:
        return
    near = did_you_mean(metric, [*metrics, *of_classes])
    raise error_at(
        layers,
        keys,
        f"there is no metric {metric}{near}\n  known: {', '.join(metrics)}\n"
        f"  and {', '.join(f'{one}_' for one in of_class)} before a class, as it is "
        f"written in its dataset: {', '.join(classes)}",
    )


def _check_method(method: str, experiment: Experiment, layers: list[Layer], keys: Keys) -> None:
    experiment = with_searched(experiment, but=[])
    if method not in experiment.methods:
        near = did_you_mean(method, experiment.methods)
        raise error_at(
            layers,
            keys,
            f"{method} is none of the experiment's methods{near}\n"
            f"  expected: one of {', '.join(experiment.methods)}",
        )


def _check_share(metric: str, value: PublishedValue, layers: list[Layer], keys: Keys) -> None:
    known, highest = table.find(metric), max(part for part in value if part is not None)
    if not known.has_sign and min(part for part in value if part is not None) < 0:
        raise error_at(layers, keys, f"must not be negative\n  found: {value[0]:g}")
    if highest > 1 and known.unit == "%":
        raise error_at(
            layers,
            keys,
            f"{metric} is a share, from 0 to 1\n  found: {highest:g}\n"
            f"  expected: {highest / 100:g}, if {highest:g} % is meant",
        )
