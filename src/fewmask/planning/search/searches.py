"""The search of a method's settings on one dataset at one fraction: its trials and their trainings.

Every training of a search is a stage of a method of its own (`names`), which the rule of all
trainings trains. Trials of the first rung have their settings from the start. A slot of a later
rung reads in the ranking of the rung below which trial it goes on with, so that the graph of jobs
is known before any of them runs.
"""

from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

from pydantic import ValidationError

from fewmask.config.changes import value_of, with_changes
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Layer, error_at
from fewmask.config.layers import merge_all
from fewmask.config.ranges import Ranges, Value
from fewmask.config.search import Search as SearchSettings
from fewmask.config.stage import Stage
from fewmask.core.cells import StageKey
from fewmask.core.errors import ConfigError
from fewmask.core.paths import Layout
from fewmask.planning.search import names
from fewmask.planning.search.draws import draw
from fewmask.planning.search.ranking import RungSettings
from fewmask.planning.search.tried import Tried
from fewmask.planning.stages import LabelledData, Ranked, Resolved


class Rung(NamedTuple):
    """A part of the training that some trials go through, before they are ranked."""

    number: int
    """1 is the first."""
    until: float
    """The share of the training that it ends with."""
    trainings: dict[str, list[Resolved]]
    """The stages to train, by the method that the training is called."""
    below: str | None
    """The ranking of the rung below."""
    ranking: str
    """The file of its ranking."""


class Search:
    """The search of one method on one dataset, at the fraction that it is done at."""

    def __init__(
        self,
        settings: SearchSettings,
        method: str,
        at: LabelledData,
        stages: list[Resolved],
        ranges: Ranges,
        layout: Layout,
    ) -> None:
        self.settings, self.method, self.at = settings, method, at
        self.stages, self.ranges, self._layout = stages, ranges, layout
        self.trials = draw(ranges, settings.trials)

    @cached_property
    def rungs(self) -> list[Rung]:
        """The rungs, the first one first. Raises ConfigError: a trial's settings do not go
        together."""
        rungs: list[Rung] = []
        for number, (until, slots) in enumerate(self.settings.slots, start=1):
            below = rungs[-1].ranking if rungs else None
            trainings = {}
            for place in range(slots):
                if below is None:
                    name = names.trial(self.method, place)
                    trainings[name] = self._trial(name, place, until)
                else:
                    name = names.slot(self.method, number, place)
                    trainings[name] = [self._slot(name, Ranked(below, place, True), until)]
            rungs.append(Rung(number, until, trainings, below, self._ranking(number)))
        return rungs

    def searched(self, run: LabelledData, stages: list[Resolved]) -> list[Resolved]:
        """The stages of a run with the settings that the search chooses."""
        last = self._ranking(len(self.settings.rungs))
        name = names.searched(self.method)
        return self._named(name, run, stages, lambda stage: stage, Ranked(last, 0, False))

    def rung_settings(self, rung: Rung) -> RungSettings:
        """What the job is given that ranks the trials of a rung."""
        last = self.stages[-1]
        key = StageKey(self.at.dataset, names.TRAINED_AS, self.at.fraction, last.key.stage)
        slots = [count for _, count in self.settings.slots]
        return RungSettings(
            metric=last.stage.evaluation.metric,
            tried={
                name: Tried.of(one, self._as_written(name)) for name, one in self.ranges.items()
            },
            seeds=self.settings.seeds,
            trained_as=list(rung.trainings),
            trials=self.trials,
            record=self._layout.stage_files(key, "{seed}")["training"],
            goes_on=slots[rung.number] if rung.number < len(slots) else 0,
        )

    def _as_written(self, setting: str) -> Value:
        """The value of a setting in the method as it is written."""
        stages = [one.stage for one in self.stages if setting in one.stage.ranges]
        return value_of(stages[-1], setting)

    def _ranking(self, rung: int) -> str:
        at = self.at
        return self._layout.ranking.format(
            dataset=at.dataset, method=self.method, fraction=at.fraction, rung=rung
        )

    def _trial(self, name: str, number: int, until: float) -> list[Resolved]:
        changes = self.trials[number]

        def changed(stage: Stage) -> Stage:
            try:
                return with_changes(stage, changes)
            except ValidationError as error:
                raise ConfigError(
                    f"search: trial {number} of {self.method} has settings that do not go "
                    f"together: {changes}\n  {error.errors()[0]['msg']}\n"
                    f"  mend: narrow one of them under ranges of the method"
                ) from None

        *earlier, last = self._named(name, self.at, self.stages, changed)
        return [*earlier, last._replace(stage=_ending(last.stage, until))]

    def _slot(self, name: str, ranked: Ranked, until: float) -> Resolved:
        last = self._named(names.TRIAL, self.at, self.stages, lambda stage: stage)[-1]
        key = StageKey(last.key.dataset, name, last.key.fraction, last.key.stage)
        return last._replace(key=key, stage=_ending(last.stage, until), ranked=ranked)

    def _named(
        self,
        name: str,
        run: LabelledData,
        stages: list[Resolved],
        change: Callable[[Stage], Stage],
        ranked: Ranked | None = None,
    ) -> list[Resolved]:
        """The stages as those of a method of another name, each changed; without ``ranked``, as
        those of a trial."""
        counts = Counter(one.key.stage for one in stages)
        new: dict[StageKey, Resolved] = {}
        for one in stages:
            key, stage = one.key, one.key.stage
            if counts[stage] > 1:  # of several methods
                stage = f"{key.method}_{stage}"
            if (key.dataset, key.fraction) != run:  # shared by runs whose settings may differ
                stage = f"{stage}_for_{self.at.dataset}_{self.at.fraction}".replace(".", "-")
            new[key] = Resolved(
                StageKey(key.dataset, name, key.fraction, stage),
                change(one.stage),
                one.start_from and new[one.start_from.key],
                one.pseudo_masks and new[one.pseudo_masks.key],
                ranked,
                is_trial=ranked is None,
            )
        return list(new.values())


def _ending(stage: Stage, until: float) -> Stage:
    return stage.model_copy(update={"until": until})


def searched_ranges(chain: list[Layer], stages: list[Resolved]) -> Ranges:
    """The ranges of a method's settings, as its files and the experiment narrow them.

    Args:
        chain: the layers of the method, then that of the experiment's search.
        stages: its stages; where they declare different ranges of a setting, the last one counts.

    Raises:
        ConfigError: a file names a setting that has no range, or something that is no part of it.
    """
    ranges = {name: one for resolved in stages for name, one in resolved.stage.ranges.items()}
    for name, to in merge_all(chain).get("ranges", {}).items():
        keys = ("ranges", name)
        if name not in ranges:
            raise error_at(
                chain,
                keys,
                f"no setting that a search tries{did_you_mean(name, ranges)}\n"
                f"  known: {', '.join(sorted(ranges))}",
            )
        if to is None:
            del ranges[name]
            continue
        try:
            ranges[name] = ranges[name].narrowed(to)
        except ValueError as error:
            raise error_at(chain, keys, f"{error}\n  found: {to}") from None
    return ranges
