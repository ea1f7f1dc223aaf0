"""Which trials of a rung did best on the validation images: a job, and the file that it writes."""

from pathlib import Path
from statistics import mean
from typing import Any

from fewmask.config.changes import Changes
from fewmask.config.layers import from_json
from fewmask.config.settings import Settings
from fewmask.core.errors import FewmaskError
from fewmask.core.files import remove_checkpoint
from fewmask.metrics import table
from fewmask.metrics.records import (
    Count,
    Record,
    RecordPart,
    read_record,
    read_training,
    write_record,
)
from fewmask.planning.search.names import TRAINED_AS, TRIAL
from fewmask.planning.search.tried import Tried

KIND = "the ranking of the trials of a rung"
NAMED = 3
"""The number of trials that a message lists."""
MEND = "delete it and run the workflow again, which ranks the trials anew"


class RankedTrial(RecordPart):
    """A trial, and how well it did."""

    trial: Count
    method: str
    """What the trial is called: the method of its trainings on the first rung."""
    changes: dict[str, float | int | str | bool]
    """What it changes in the settings as they are written."""
    trained_as: str
    """The method of the training that was ranked."""
    scores: dict[str, float]
    """The best value on the validation images, by seed; of those that have not diverged."""
    score: float | None
    """Their mean; None: a seed has diverged."""
    steps: Count
    """After how many steps (the fewest of all seeds)."""
    diverged: str | None = None
    """Why it has no score."""

    def fill(self, path: Path) -> Path:
        """A path with the names of this trial in their places."""
        text = str(path).replace(TRIAL, self.method).replace(TRAINED_AS, self.trained_as)
        return Path(text)


class Ranking(Record):
    """The trials of a rung, the best one first."""

    metric: str
    tried: dict[str, Tried]
    """By the setting that is searched."""
    trials: list[RankedTrial]

    def at(self, place: int, path: Path) -> RankedTrial:
        """The trial at a place, 0 for the best. Raises FewmaskError: there are not so many."""
        if place >= len(self.trials):
            raise FewmaskError(
                f"{path}: it has {len(self.trials)} trials, and place {place} is requested\n"
                f"  {MEND}"
            )
        return self.trials[place]


class RungSettings(Settings):
    """What the job is given."""

    metric: str
    tried: dict[str, Tried]
    """What the search tries of every setting, for the ranking."""
    seeds: list[int]
    trained_as: list[str]
    """The methods of the trainings of the rung."""
    trials: list[Changes]
    """The changes of all trials; of a rung above the first, those that were ranked below it."""
    record: str
    """The path of the training.json of a training, with {trained_as} and {seed}."""
    goes_on: int
    """How many of the trials go on."""


def read_ranking(path: Path) -> Ranking:
    """A ranking. Raises FewmaskError: it is not there, or is damaged."""
    return read_record(Ranking, path, KIND, MEND)


def rank(settings_json: str, below: Path | None, output: Path) -> None:
    """Rank the trials of a rung on the validation images, and write the ranking.

    Equal trials keep their order: that of their numbers, so that a change must be worth something.
    Those that have diverged are last. Checkpoints that nothing goes on from are removed.

    Args:
        settings_json: of RungSettings.
        below: the ranking of the rung below, whose best trials were trained on; None: the first.
        output: the .json file to write.

    Raises:
        FewmaskError: the record of a training is missing or damaged, or has no validation value;
            or all trials have diverged.
    """
    rung = from_json(RungSettings, settings_json, "--settings")
    of_below = read_ranking(below).trials if below else None
    ranked = [_ranked(rung, of_below, place) for place in range(len(rung.trained_as))]
    _check_any_is_finite(ranked)
    ranked = best_first(ranked, rung.metric)
    ranking = Ranking.model_construct(metric=rung.metric, tried=rung.tried, trials=ranked)
    write_record(output, ranking.model_dump())
    done = [one.trained_as for one in (of_below or [])[: len(rung.trained_as)]]
    done += [one.trained_as for one in ranked[rung.goes_on :]]
    for name in done:
        for path in _records(rung, name).values():
            for stage in path.parent.parent.glob("*/"):
                remove_checkpoint(stage)


def best_first(trials: list[RankedTrial], metric: str) -> list[RankedTrial]:
    """Trials by their scores, and by their numbers where these are equal; last those without."""
    sign = -1 if table.find(metric).higher_is_better else 1
    return sorted(trials, key=lambda one: (one.score is None, sign * (one.score or 0), one.trial))


def _ranked(rung: RungSettings, below: list[RankedTrial] | None, place: int) -> RankedTrial:
    """What became of the trial that was trained at a place of the rung."""
    name = rung.trained_as[place]
    trial: dict[str, Any] = {"trial": place, "method": name, "changes": rung.trials[place]}
    if below is not None:
        trial = below[place].model_dump(include={"trial", "method", "changes"})
    records = {seed: read_training(path) for seed, path in _records(rung, name).items()}
    diverged = {seed: record.diverged for seed, record in records.items() if record.diverged}
    for seed, record in records.items():
        if record.best_value is None and seed not in diverged:
            raise FewmaskError(
                f"{_records(rung, name)[seed]}: it states no value on validation images, by which "
                f"trials are ranked\n  mend: evaluation.metric: {rung.metric}"
            )
    scores = {str(seed): one.best_value for seed, one in records.items() if seed not in diverged}
    return RankedTrial(
        **trial,
        trained_as=name,
        scores=scores,
        score=None if diverged else mean(scores.values()),
        steps=min(record.steps for record in records.values()),
        diverged=next((f"{reason} (seed {seed})" for seed, reason in diverged.items()), None),
    )


def _check_any_is_finite(ranked: list[RankedTrial]) -> None:
    if any(one.score is not None for one in ranked):
        return
    named = "".join(f"\n    {one.trained_as}: {one.diverged}" for one in ranked[:NAMED])
    more = f"\n    and {len(ranked) - NAMED} more" if len(ranked) > NAMED else ""
    raise FewmaskError(
        f"every trial of this rung has diverged, so that the search has nothing to choose from\n"
        f"  found:{named}{more}\n"
        f"  mend: another learning rate, a longer warm-up, clip_gradient_norm or fp32; or narrow "
        f"the settings in question under ranges of the method"
    )


def _records(rung: RungSettings, trained_as: str) -> dict[int, Path]:
    return {seed: Path(rung.record.format(trained_as=trained_as, seed=seed)) for seed in rung.seeds}
