"""What a training says in its log after each look at the validation images: one line, for people,
and for `fewmask status --watch`."""

import re
from dataclasses import dataclass

NUMBER = r"-?(?:\d+\.\d+|inf|nan)"
LINE = re.compile(
    rf"step (?P<step>\d+)/(?P<steps>[1-9]\d*)  loss (?P<loss>{NUMBER})  "
    rf"(?:validation (?P<metric>\S+) (?P<value>{NUMBER})  )?"
    r"(?P<speed>\d+) images/s  (?P<seconds_left>\d+) s left"
)


@dataclass(frozen=True)
class Look:
    """How far a training is, and what it found."""

    step: int
    steps: int
    loss: float
    speed: float
    """Images per second."""
    seconds_left: float
    metric: str | None = None
    """What the validation images are judged by; None without any."""
    value: float | None = None

    def __str__(self) -> str:
        """The line."""
        judged = "" if self.metric is None else f"validation {self.metric} {self.value:.4f}  "
        return (
            f"step {self.step}/{self.steps}  loss {self.loss:.4f}  {judged}"
            f"{self.speed:.0f} images/s  {self.seconds_left:.0f} s left"
        )

    @classmethod
    def last_in(cls, log: str) -> "Look | None":
        """The last one that a log, or its end, tells of."""
        found = list(LINE.finditer(log))
        if not found:
            return None
        kinds = {"step": int, "steps": int, "metric": str}
        told = {name: text for name, text in found[-1].groupdict().items() if text is not None}
        return cls(**{name: kinds.get(name, float)(text) for name, text in told.items()})
