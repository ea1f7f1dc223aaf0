"""The line that a training writes to its log after each evaluation on the validation images: for
people, and for `fewmask status --watch`."""

import re
from dataclasses import dataclass

NUMBER = r"-?(?:\d+\.\d+|inf|nan)"
LINE = re.compile(
    rf"step (?P<step>\d+)/(?P<steps>[1-9]\d*)  loss (?P<loss>{NUMBER})  "
    rf"(?:validation (?P<metric>\S+) (?P<value>{NUMBER})  )?"
    r"(?P<speed>\d+) images/s  (?P<seconds_left>\d+) s left"
)


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training is, and its latest loss and validation metric."""

    step: int
    steps: int
    loss: float
    speed: float
    """Images per second."""
    seconds_left: float
    metric: str | None = None
    """The metric on the validation images; None if there are none."""
    value: float | None = None

    def __str__(self) -> str:
        """The line."""
        judged = "" if self.metric is None else f"validation {self.metric} {self.value:.4f}  "
        return (
            f"step {self.step}/{self.steps}  loss {self.loss:.4f}  {judged}"
            f"{self.speed:.0f} images/s  {self.seconds_left:.0f} s left"
        )

    @classmethod
    def last_in(cls, log: str) -> "TrainingProgress | None":
        """The last one in a log, or in the end of a log; None if it has none."""
        matches = list(LINE.finditer(log))
        if not matches:
            return None
        kinds = {"step": int, "steps": int, "metric": str}
        groups = {name: text for name, text in matches[-1].groupdict().items() if text is not None}
        return cls(**{name: kinds.get(name, float)(text) for name, text in groups.items()})
