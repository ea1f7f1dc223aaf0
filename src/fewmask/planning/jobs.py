"""The jobs that a run depends on, which `status` reports on and `plan` counts."""

from collections.abc import Iterator
from dataclasses import dataclass

from fewmask.core.cells import Run, StageKey
from fewmask.core.paths import Layout
from fewmask.planning.grid import Grid


@dataclass(frozen=True)
class Job:
    """One job of the workflow. Runs that share a stage, a split or a dataset have equal jobs."""

    rule: str
    cell: str
    """Its wildcards as a path, such as ``pet/supervised/n20/0``; with the rule, its name."""
    output: str
    """The file that it writes; of several, the one that stands for all."""
    log: str
    stage: StageKey | None = None
    """The stage that it trains or predicts with, and whose resources it needs."""


def jobs(grid: Grid, run: Run) -> Iterator[Job]:
    """The jobs of a run in the order in which they can run, each once."""
    yield from dict.fromkeys(_jobs(grid, run))


def _jobs(grid: Grid, run: Run) -> Iterator[Job]:
    layout: Layout = grid.layout
    cell = {name: str(value) for name, value in vars(run).items()}
    keys, learnt = grid.stages(run), grid.pseudo_labellers(run)
    for dataset in dict.fromkeys([run.dataset, *(key.dataset for key in keys)]):
        of_dataset = {"dataset": dataset}
        if grid.datasets[dataset].download:
            yield _job(layout, "download", layout.download, "{dataset}", of_dataset)
        yield _job(layout, "prepare", layout.dataset, "{dataset}", of_dataset)
    for key in keys:
        of_stage = cell | vars(key)
        yield _job(layout, "split", layout.split, "{dataset}/{fraction}/{seed}", of_stage)
        resolved = grid.resolved(key)
        if resolved.needs_encoder and resolved.stage.network.weights == "imagenet":
            encoder = {"encoder": resolved.stage.network.encoder}
            yield _job(layout, "fetch_encoder", layout.encoder, "{encoder}", encoder)
        weights = layout.stage_files(key, run.seed)["weights"]
        yield _job(layout, "train", weights, layout.stage_cell, of_stage, key)
        if key in learnt:
            masks = layout.pseudo_mask_files(key, run.seed)["masks"]
            yield _job(layout, "pseudo_label", masks, layout.stage_cell, of_stage, key)
    # Besides those of its stages: one that sees all masks has a split of its own.
    yield _job(layout, "split", layout.split, "{dataset}/{fraction}/{seed}", cell)
    yield _job(layout, "evaluate", layout.metrics, layout.run_cell, cell, keys[-1])


def _job(
    layout: Layout,
    rule: str,
    output: str,
    pattern: str,
    cell: dict[str, str],
    stage: StageKey | None = None,
) -> Job:
    name = pattern.format(**cell)
    return Job(rule, name, output.format(**cell), layout.log(rule, name), stage)
