"""The jobs that a run depends on, which `status` reports on and `plan` counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fewmask.core.cells import Run, StageKey
from fewmask.core.paths import Layout
from fewmask.planning.grid import Grid
from fewmask.planning.search.searches import Search


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
    search: str = ""
    """The rung of a search that it belongs to, such as ``fixmatch rung 1``; empty: it is a job of
    runs."""


def jobs(grid: Grid, run: Run) -> Iterator[Job]:
    """The jobs of a run in the order in which they can run, each once."""
    yield from dict.fromkeys(_jobs(grid, run))


def _jobs(grid: Grid, run: Run) -> Iterator[Job]:
    layout: Layout = grid.layout
    cell = {name: str(value) for name, value in vars(run).items()}
    keys = grid.stages(run)
    for dataset in dict.fromkeys([run.dataset, *(key.dataset for key in keys)]):
        of_dataset = {"dataset": dataset}
        if grid.datasets[dataset].download:
            yield _job(layout, "download", layout.download, "{dataset}", of_dataset)
        yield _job(layout, "prepare", layout.dataset, "{dataset}", of_dataset)
    if (search := grid.search_of(run)) is not None:
        yield from _of_search(grid, search)
    yield from _suggesting(grid, run)
    yield from _trainings(grid, keys, run.seed)
    # Besides those of its stages: one that sees all masks has a split of its own.
    yield _job(layout, "split", layout.split, "{dataset}/{fraction}/{seed}", cell)
    yield _job(layout, "evaluate", layout.metrics, layout.run_cell, cell, keys[-1])


def _suggesting(grid: Grid, run: Run) -> Iterator[Job]:
    """The jobs that suggest the images of the fraction of a run, if networks suggest them."""
    if run.fraction not in grid.experiment.suggestions:
        return
    draw = grid.draw_of(run.dataset, run.seed)
    for one in grid.suggesting(run.dataset, run.fraction, draw):
        yield from _suggesting(grid, one)
        yield from _trainings(grid, grid.stages(one), one.seed)
    cell = {"dataset": run.dataset, "fraction": run.fraction, "draw": str(draw)}
    yield _job(grid.layout, "choose", grid.layout.suggestions, "{dataset}/{fraction}/{draw}", cell)


def _of_search(grid: Grid, search: Search) -> Iterator[Job]:
    """The trainings of all rungs, each rung followed by its ranking."""
    layout = grid.layout
    for rung in search.rungs:
        name = f"{search.method} rung {rung.number}"
        keys = [one.key for stages in rung.trainings.values() for one in stages]
        for seed in search.settings.seeds:
            for job in _trainings(grid, keys, seed):
                yield replace(job, search=name if job.stage else "")
        cell = search.at._asdict() | {"method": search.method, "rung": str(rung.number)}
        pattern = "{dataset}/{method}/{fraction}/rung_{rung}"
        yield replace(_job(layout, "rank", layout.ranking, pattern, cell), search=name)


def _trainings(grid: Grid, keys: Sequence[StageKey], seed: int) -> Iterator[Job]:
    """The jobs that train some stages, with those that stand between them."""
    layout, learnt = grid.layout, grid.labellers(keys)
    for key in keys:
        of_stage = vars(key) | {"seed": str(seed)}
        yield _job(layout, "split", layout.split, "{dataset}/{fraction}/{seed}", of_stage)
        resolved = grid.resolved(key)
        if resolved.needs_encoder and resolved.stage.network.weights == "imagenet":
            encoder = {"encoder": resolved.stage.network.encoder}
            yield _job(layout, "fetch_encoder", layout.encoder, "{encoder}", encoder)
        weights = layout.stage_files(key, seed)["weights"]
        yield _job(layout, "train", weights, layout.stage_cell, of_stage, key)
        if key in learnt:
            masks = layout.pseudo_mask_files(key, seed)["masks"]
            yield _job(layout, "pseudo_label", masks, layout.stage_cell, of_stage, key)


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
