"""The training loop: trains any objective, and knows nothing of methods.

Everything random in step k is drawn from torch's generator, seeded anew with (seed, k), so that a
resumed training draws what an uninterrupted one does.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from fewmask.config.stage import TrainingSettings
from fewmask.config.task import load
from fewmask.core import parallel
from fewmask.core.seeds import derive
from fewmask.data.augmentation.weak import Change
from fewmask.data.batches import Batch, Draws, Images
from fewmask.metrics import table
from fewmask.networks.shared_norm import share_norms
from fewmask.networks.teacher import Teacher
from fewmask.networks.weights import SNAPSHOT
from fewmask.objectives.objective import Objective
from fewmask.objectives.weighting.weighting import build as build_weighting
from fewmask.training.compiling import compile_networks
from fewmask.training.divergence import DivergedError, loss_not_finite
from fewmask.training.optimiser import Optimisers
from fewmask.training.runtime import Runtime, peak_memory_mb, try_algorithms
from fewmask.training.schedule import learning_rate_factor

CHECK_EVERY = 50
"""Steps between two checks that the losses are finite: each one waits for the device."""


class Training:
    """One stage in training: the loop, and the state that a checkpoint holds."""

    def __init__(
        self,
        stage: TrainingSettings,
        objective: Objective,
        draws: Draws,
        validation: Images,
        seed: int,
        runtime: Runtime,
    ) -> None:
        self.stage, self.draws, self.validation = stage, draws, validation
        self.seed, self.runtime = seed, runtime
        objective = share_norms(objective, on_gpu=runtime.device.type == "cuda")
        self.objective = objective.to(runtime.device, memory_format=torch.channels_last)
        weighting = build_weighting(stage.weighting, stage.objective.loss_names)
        self.weighting = weighting.to(runtime.device)
        groups = [*objective.parameter_groups(), *weighting.parameter_groups()]
        self.optimisers = Optimisers(stage, objective, groups)
        self.scaler = torch.amp.GradScaler(runtime.device.type, enabled=stage.precision == "fp16")
        self.ema = None
        if stage.averaging:
            self.ema = Teacher(objective.result, stage.averaging.decay)
        try_algorithms(stage.last_step, stage.deterministic)
        if stage.compile:
            compile_networks(self.objective)
        self.step = 0
        self.pending: list[Tensor] = []
        self.loss_names: list[str] = []
        self.since_evaluation: list[list[float]] = []
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Any] = {"value": None, "step": 0, "weights": None}
        self.evaluations_without_gain = 0
        self.snapshots: dict[str, dict[str, Tensor]] = {}
        self.rate = 0.0
        self.seconds = 0.0
        self.memory_mb = 0.0
        self.diverged: str | None = None

    @property
    def network(self) -> torch.nn.Module:
        """The network that is evaluated: the objective's result, or its EMA."""
        return self.ema.network if self.ema else self.objective.result

    @property
    def result(self) -> dict[str, Tensor]:
        """The weights that the training ends with: the best ones, or the last."""
        return self.best["weights"] or self.network.state_dict()

    @property
    def other_weights(self) -> dict[str, dict[str, Tensor]]:
        """What is kept beside the result, by name: snapshots, and the last weights."""
        return self.snapshots | self.last_weights

    @property
    def last_weights(self) -> dict[str, dict[str, Tensor]]:
        """The weights after the last step, by the names of `Objective.last`; none unless settings
        want them."""
        if not self.stage.evaluation.last_weights:
            return {}
        ema = {"last_ema": self.ema.network} if self.ema else {}
        return {name: one.state_dict() for name, one in (self.objective.last | ema).items()}

    @property
    def finished(self) -> bool:
        """Whether all steps are done, or early stopping has ended them."""
        every, patience = self.stage.evaluation.every, self.stage.evaluation.patience
        stopped_early = patience is not None and self.evaluations_without_gain * every >= patience
        return self.step >= self.stage.last_step or stopped_early

    @property
    def images_seen(self) -> int:
        """How many images, repeats counted, the steps so far have drawn."""
        return self.step * sum(self.draws.sizes.values())

    def run(
        self,
        save: Callable[["Training"], None],
        checkpoint_minutes: float,
        interrupted: Callable[[], bool],
        report: Callable[["Training"], None],
    ) -> bool:
        """Train to the end, or until ``interrupted`` says so; returns whether the end was reached.

        ``save`` is called every ``checkpoint_minutes`` and when interrupted, ``report`` after
        every step. Raises DivergedError when a loss is not finite; nothing is saved after it.
        """
        self.objective.train()
        last_save = started = time.monotonic()
        seconds_before = self.seconds
        while not self.finished:
            try:
                self._update()
            except Exception:
                self._settle()  # where an earlier loss was not finite, that is why
                raise
            evaluation_due = self.step % self.stage.evaluation.every == 0
            save_due = time.monotonic() - last_save > 60 * checkpoint_minutes
            stop = parallel.any_says(interrupted())
            if evaluation_due or save_due or stop or self.step % CHECK_EVERY == 0 or self._at_end:
                self._settle()
            self.seconds = seconds_before + time.monotonic() - started
            if evaluation_due or self._at_end:
                self._evaluate()
            report(self)
            if (save_due or stop) and not self.finished:
                self.memory_mb = max(self.memory_mb, peak_memory_mb(self.runtime.device))
                save(self)
                last_save = time.monotonic()
                if stop:
                    return False
        self.memory_mb = max(self.memory_mb, peak_memory_mb(self.runtime.device))
        return True

    @property
    def _at_end(self) -> bool:
        return self.step == self.stage.last_step

    def _update(self) -> None:
        """One step: draw, augment, forward, backward, update."""
        torch.manual_seed(derive(self.seed, "step", self.step))
        factor = learning_rate_factor(self.stage.schedule, self.step, self.stage.steps)
        self.optimisers.set_learning_rates(factor)
        batches = {role: self.augmented(b) for role, b in self.draws.at(self.step).items()}
        with self.runtime.autocast():
            losses = self.objective.losses(batches, self.step)
        self.optimisers.zero_grad()
        values = self.weighting.backward(losses, self.objective, self.scaler, self.step)
        self.optimisers.step(self.scaler)
        self.objective.after_update()
        if self.ema:
            self.ema.update(self.objective.result)
        # Kept on the device: reading a loss at every step would wait for the device.
        self.loss_names = list(values)
        self.pending.append(torch.stack([*values.values()]).detach().float())
        self.rate = self.stage.optimiser.learning_rate * factor
        self.step += 1
        self._keep_snapshot()

    def _keep_snapshot(self) -> None:
        """Keep the weights where a part of the training ends, and another one begins."""
        before, number = (
            step * self.stage.snapshots // self.stage.steps for step in (self.step - 1, self.step)
        )
        if before < number < self.stage.snapshots:
            self.snapshots[f"{SNAPSHOT}{number}"] = _copied(self.network.state_dict())

    def augmented(self, batch: Batch) -> Batch:
        change = Change.draw(self.stage.augmentation, batch.image, batch.is_rgb)
        warp = change.warp
        pseudo_mask, confidence = batch.pseudo_mask, batch.pseudo_confidence
        return replace(
            batch,
            image=change.images(batch.image),
            inside=warp.inside(batch.inside),
            truth={name: load(name).warped(warp, one) for name, one in batch.truth.items()},
            pseudo_mask=None if pseudo_mask is None else warp.masks(pseudo_mask),
            pseudo_confidence=None if confidence is None else warp.masks(confidence, outside=0),
        )

    def _settle(self) -> None:
        """Fetch the losses of the last steps from the device, and stop if one is not finite."""
        if not self.pending:
            return
        rows = torch.stack(self.pending).tolist()
        first = self.step - len(rows)
        for offset, row in enumerate(rows):
            if not all(math.isfinite(value) for value in row):
                earlier = rows[offset - 1] if offset else (self.since_evaluation or [[]])[-1]
                now = dict(zip(self.loss_names, row, strict=True))
                before = dict(zip(now, earlier, strict=True)) if earlier else {}
                raise loss_not_finite(first + offset, now, before, self.rate, self.stage.precision)
            self.since_evaluation.append(row)
        self.pending.clear()

    def _evaluate(self) -> None:
        """Evaluate the network on the validation images; keep its weights if they are the best."""
        evaluation = self.stage.evaluation
        validated = {}
        if len(self.validation.rows) and parallel.is_first():
            batches = self.validation.in_order(evaluation.batch_size)
            validated = self.objective.validate(self.network, batches, self.runtime.autocast)
        validated = parallel.from_first(validated)
        means = torch.tensor(self.since_evaluation, dtype=torch.float64).mean(dim=0).tolist()
        self.since_evaluation.clear()
        self.history.append(
            {
                "step": self.step,
                "images_seen": self.images_seen,
                "seconds": round(self.seconds, 3),
                "learning_rate": self.rate,
                **dict(zip(self.loss_names, means, strict=True)),
                **{f"validation_{name}": value for name, value in validated.items()},
            }
        )
        if evaluation.metric != "none" and self._is_best(evaluation.metric):
            value, weights = validated[evaluation.metric], _copied(self.network.state_dict())
            self.best = {"value": value, "step": self.step, "weights": weights}
        if evaluation.patience:
            is_better = self._is_best(evaluation.stops_by)
            self.evaluations_without_gain = 0 if is_better else self.evaluations_without_gain + 1

    def _is_best(self, metric: str) -> bool:
        """Whether the last evaluation has a better value than every one before it."""
        *before, value = [row[f"validation_{metric}"] for row in self.history]
        if not math.isfinite(value):
            raise DivergedError(
                f"{metric} on the validation images is {value} at step {self.step}",
                ": no validation pixel is labelled, or the network has diverged",
            )
        sign = 1 if table.find(metric).higher_is_better else -1
        return all(sign * value > sign * earlier for earlier in before)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on; no step may be pending."""
        return {
            "step": self.step,
            "objective": self.objective.state_dict(),
            "weighting": self.weighting.state_dict(),
            "optimisers": self.optimisers.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": self.ema.state_dict() if self.ema else None,
            "loss_names": self.loss_names,
            "since_evaluation": self.since_evaluation,
            "history": self.history,
            "best": self.best,
            "evaluations_without_gain": self.evaluations_without_gain,
            "snapshots": self.snapshots,
            "seconds": self.seconds,
            "memory_mb": self.memory_mb,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint's state. What it raises for another's leaves a training that is
        of no more use."""
        if state.keys() != self.state_dict().keys():
            raise ValueError(f"found the keys {', '.join(map(str, state))}")
        state = copy.copy(state)
        self.objective.load_state_dict(state.pop("objective"))
        self.weighting.load_state_dict(state.pop("weighting"))
        self.optimisers.load_state_dict(state.pop("optimisers"))
        self.scaler.load_state_dict(state.pop("scaler"))
        ema = state.pop("ema")
        if self.ema:
            self.ema.load_state_dict(ema)
        for name, value in state.items():
            setattr(self, name, value)


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in weights.items()}
