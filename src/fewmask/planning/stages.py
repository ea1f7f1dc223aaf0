"""From methods in YAML to stages with all their settings, shared between runs where possible.

A stage is trained once for all runs in which it is the same: a stage that sees no labels once for
all fractions, a stage with a dataset of its own once for all datasets, and a stage that a method
inherits unchanged once for both methods. Its `StageKey`, and so its path, shows which of these it
is.
"""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fewmask.config.cells import ALL
from fewmask.config.experiment import Override
from fewmask.config.explain import did_you_mean
from fewmask.config.layer import Layer
from fewmask.config.layers import merge_all, validate
from fewmask.config.named import load_method
from fewmask.config.stage import Stage
from fewmask.core.cells import StageKey
from fewmask.core.errors import ConfigError

UPSTREAM = ("start_from", "pseudo_masks")
"""The settings of a stage that name another stage."""


class Ranked(NamedTuple):
    """Where a job reads what it changes in its settings: a place in the ranking of trials."""

    ranking: str
    place: int
    goes_on: bool
    """Whether it goes on with the training of that trial, which reads the same files."""


class Resolved(NamedTuple):
    """A stage with its settings and the stages that it depends on."""

    key: StageKey
    stage: Stage
    start_from: "Resolved | None"
    """The stage whose weights it starts from."""
    pseudo_masks: "Resolved | None"
    """The stage whose pseudo-masks it learns."""
    ranked: Ranked | None = None
    """Where its job reads the settings that a search has chosen."""
    is_trial: bool = False
    """Whether a search trains it, to rank its settings."""

    @property
    def needs_encoder(self) -> bool:
        """Whether its encoder's weights do not come from the stage that it starts from."""
        return self.start_from is None or "encoder" not in self.stage.transfer

    @property
    def upstream(self) -> "list[Resolved]":
        """The stages that it depends on directly."""
        return [one for one in (self.start_from, self.pseudo_masks) if one is not None]


class LabelledData(NamedTuple):
    """The images of a stage, and how much of them is labelled."""

    dataset: str
    fraction: str


class Resolver:
    """Finds the stages of methods under an experiment's overrides."""

    def __init__(self, overrides: list[tuple[Override, Layer]]) -> None:
        self._overrides = overrides
        self._resolving: list[str] = []
        self._chain = cache(load_method)

    def stages(self, method: str, dataset: str, fraction: str) -> list[Resolved]:
        """The stages of a run in the order of training, including those of other methods that they
        depend on. Raises ConfigError."""
        resolved_stages: dict[StageKey, Resolved] = {}

        def add(resolved: Resolved) -> None:
            for earlier in resolved.upstream:
                add(earlier)
            resolved_stages.setdefault(resolved.key, resolved)

        for resolved in self._resolve(
            self._chain(method), LabelledData(dataset, fraction)
        ).values():
            add(resolved)
        return list(resolved_stages.values())

    def _resolve(
        self, chain: list[Layer], cell: LabelledData, strict: bool = True
    ) -> dict[str, Resolved]:
        """The stages of the method that ``chain`` ends with, by name.

        A stage with the same settings and the same upstream stages as in the method that this one
        extends belongs to that method. Without ``strict``, wrong stages are left out: a method may
        exist only to be extended.
        """
        if not chain:
            return {}
        inherited = self._resolve(chain[:-1], cell, strict=False)
        resolved_stages: dict[str, Resolved] = {}
        for name in stage_order(merge_all(chain).get("stages", {})):
            try:
                resolved = self._resolve_stage(chain, cell, name, resolved_stages)
            except ConfigError:
                if strict:
                    raise
                continue
            parent = inherited.get(name)
            if parent and parent[1:] == resolved[1:]:  # all but the key, which names the owner
                resolved = parent
            resolved_stages[name] = resolved
        return resolved_stages

    def _resolve_stage(
        self, chain: list[Layer], cell: LabelledData, name: str, earlier: dict[str, Resolved]
    ) -> Resolved:
        method = Path(chain[-1].source).stem
        where = f"config/methods/{method}.yaml: stages.{name}"
        stage = self._settings(chain, cell, name)
        upstream = {
            role: self._upstream(getattr(stage, role), cell, earlier, f"{where}.{role}")
            for role in UPSTREAM
        }
        before = [one for one in upstream.values() if one is not None]
        sees_labels = stage.depends_on_fraction or any(one.key.fraction != ALL for one in before)
        seen = LabelledData(stage.dataset or cell.dataset, cell.fraction if sees_labels else ALL)
        if upstream["start_from"] is not None:
            _check_start_from(upstream["start_from"], stage, where)
        if upstream["pseudo_masks"] is not None:
            _check_pseudo_masks(upstream["pseudo_masks"], stage, seen, where)
        if stage.dataset is not None:
            _check_own_dataset(stage, seen, before, where)
        if seen != cell:  # trained once for all runs: no setting may depend on one of them
            self._check_overrides(method, cell, seen, name)
            # Its own dataset may have been given in an override for the run's.
            own = {"dataset": stage.dataset}
            stage = self._settings(chain, seen, name).model_copy(update=own)
        return Resolved(StageKey(seen.dataset, method, seen.fraction, name), stage, **upstream)

    def _upstream(
        self, reference: str | None, cell: LabelledData, earlier: dict[str, Resolved], where: str
    ) -> Resolved | None:
        """The stage that a setting refers to: an earlier one, or one of another method."""
        if reference is None:
            return None
        method, _, name = reference.rpartition("/")
        if method:
            if method in self._resolving:
                raise ConfigError(f"{where}: {method} itself depends on this method")
            self._resolving.append(method)
            try:
                earlier = self._resolve(self._chain(method, where), cell)
            finally:
                self._resolving.pop()
        if name not in earlier:
            there = f"of {method}" if method else f"before {where.split('.')[-2]}"
            raise ConfigError(
                f"{where}: there is no stage {name} {there}"
                f"{did_you_mean(name, earlier)}\n  known: {', '.join(earlier) or 'none'}"
            )
        return earlier[name]

    def _check_overrides(
        self, method: str, cell: LabelledData, seen: LabelledData, name: str
    ) -> None:
        """Refuse an override that names a stage, but selects only some of the runs that share the
        stage: it would have no effect."""
        for override, layer in self._overrides:
            when = override.when
            stages = when.stage if isinstance(when.stage, list) else [when.stage]
            stage = {"method": method, "stage": name}
            sets_dataset = "dataset" in layer.values
            if (
                name in stages
                and not sets_dataset
                and when.selects(**cell._asdict(), **stage)
                and not when.selects(**seen._asdict(), **stage)
            ):
                raise ConfigError(
                    f"{layer.place(())}: overrides: the stage {name} of {method} is trained once "
                    f"on {seen.dataset} at {seen.fraction}, so that it cannot differ by dataset "
                    f"or fraction\n  mend: leave dataset and fraction out of its when, or name "
                    f"these"
                )

    def _settings(self, chain: list[Layer], cell: LabelledData, name: str) -> Stage:
        method = Path(chain[-1].source).stem
        layers = []
        for layer in chain:
            if "network" in layer.values:
                network = {"network": layer.values["network"]}
                layers.append(Layer(layer.source, network, lines=layer.lines))
            if "defaults" in layer.values:
                layers.append(layer.part("defaults"))
            if layer.values.get("stages", {}).get(name) is not None:
                layers.append(layer.part("stages", name))
        for override, layer in self._overrides:
            if override.when.selects(**cell._asdict(), method=method, stage=name):
                layers.append(layer)
        subject = f"stage {name} of {method} on {cell.dataset} at {cell.fraction}"
        return validate(Stage, layers, subject)


def stage_order(stages: dict[str, dict[str, Any] | None]) -> list[str]:
    """The names of stages in the order in which they are written, but each after those that it
    depends on, for a method may add a stage before those that it inherits. Stages that the method
    drops (null) are left out."""
    names: list[str] = []
    stages = {name: stage for name, stage in stages.items() if stage is not None}
    waiting = list(stages)
    while waiting:
        ready = [
            name
            for name in waiting
            if not any(stages[name].get(role) in waiting for role in UPSTREAM)
        ]
        # In a circle none is ready. Keep the written order: resolving refuses it.
        names.append((ready or waiting)[0])
        waiting.remove(names[-1])
    return names


def _check_own_dataset(
    stage: Stage, seen: LabelledData, before: list[Resolved], where: str
) -> None:
    """A stage with a dataset of its own is trained once for all datasets of the grid, and so must
    not depend on anything that differs between them."""
    if stage.depends_on_fraction:
        raise ConfigError(
            f"{where}: it has a dataset of its own ({seen.dataset}) and learns masks of a "
            f"fraction; fractions are those of the grid's datasets\n  mend: labels: all"
        )
    for one in before:
        if one.stage.dataset is None:
            raise ConfigError(
                f"{where}: it has a dataset of its own ({seen.dataset}) and depends on "
                f"{one.key.stage}, which is trained on each dataset of the grid\n"
                f"  mend: name a dataset in {one.key.stage} too"
            )


def _check_pseudo_masks(labeller: Resolved, stage: Stage, seen: LabelledData, where: str) -> None:
    """Pseudo-masks must be classes, of the images that the stage is trained on."""
    if stage.most_reliable < 1 and labeller.stage.snapshots < 2:
        raise ConfigError(
            f"{where}.most_reliable: {labeller.key.stage}, whose pseudo-masks it learns, keeps no "
            f"snapshots to tell which are reliable\n"
            f"  mend: snapshots: 3 in {labeller.key.stage}, or most_reliable: 1"
        )
    if "segmentation" not in labeller.stage.objective.predicts:
        raise ConfigError(
            f"{where}.pseudo_masks: {labeller.key.stage} learns "
            f"{labeller.stage.objective.name}, which predicts no classes"
        )
    if labeller.key.dataset != seen.dataset:
        raise ConfigError(
            f"{where}.pseudo_masks: {labeller.key.stage} predicts on {labeller.key.dataset}, "
            f"and the stage is trained on {seen.dataset}"
        )


def _check_start_from(earlier: Resolved, stage: Stage, where: str) -> None:
    """The earlier stage must have the parts to be transferred, and the same encoder."""
    there = earlier.stage.objective.parts
    if absent := [part for part in stage.transfer if part not in there]:
        raise ConfigError(
            f"{where}.transfer: {earlier.key.stage} learns {earlier.stage.objective.name} and has "
            f"no {', '.join(absent)}\n  mend: transfer: [{', '.join(there)}]"
        )
    encoders = [one.network.encoder for one in (earlier.stage, stage)]
    if "encoder" in stage.transfer and encoders[0] != encoders[1]:
        raise ConfigError(
            f"{where}.network.encoder: {encoders[1]} cannot transfer the encoder of "
            f"{earlier.key.stage}, {encoders[0]}\n  mend: give both stages the same encoder"
        )
