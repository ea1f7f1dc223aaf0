"""The GPUs of one machine, each for one job at a time."""

import os
import shutil
import subprocess


class GpuPool:
    """Which GPUs are free."""

    def __init__(self, named: str | None) -> None:
        """``named``: their numbers, such as ``0,1``; all of this machine if None."""
        self._free = [int(one) for one in named.split(",")] if named else _of_this_machine()
        self.count = len(self._free)
        self._held: dict[str, tuple[int, ...]] = {}

    def room(self, gpus: int, wanted: int) -> int:
        """How many of so many jobs that ask for so many GPUs can start now.

        On a machine with fewer GPUs than one job requests, jobs take turns with all there are.
        """
        each = min(gpus, self.count)
        return min(wanted, len(self._free) // each) if each else wanted

    def take(self, gpus: int) -> tuple[int, ...]:
        """The numbers of so many free GPUs."""
        each = min(gpus, self.count)
        taken, self._free = tuple(self._free[:each]), self._free[each:]
        return taken

    def hold(self, job: str, taken: tuple[int, ...]) -> None:
        """Remember which job has taken them."""
        self._held[job] = taken

    def release(self, job: str) -> None:
        """A job has ended."""
        self._free.extend(self._held.pop(job, ()))


def _of_this_machine() -> list[int]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [int(one) for one in visible.split(",") if one.strip().isdigit()]
    if shutil.which("nvidia-smi") is None:
        return []
    answer = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
    return list(range(len(answer.stdout.splitlines()))) if answer.returncode == 0 else []
