"""One mutation of one file, and whether the command that reads it says so."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fewmask.cluster.job_log import ERROR
from tests.mutations.arrays import HEADER
from tests.mutations.calling import Answer, call
from tests.mutations.project import OUT, Project
from tests.mutations.targets import Target


@dataclass(frozen=True)
class Original:
    """A target's file as it is, and what its command makes of it."""

    data: bytes
    result: dict[str, bytes]


class Trial:
    """Mutates the file of a target, and calls its command."""

    def __init__(self, project: Project, target: Target, kept: Path) -> None:
        """``kept``: a folder for files that were mutated with a bad end."""
        self._folder, self._target, self._kept = project.folder, target, kept
        data = project.checkpoint() if target.is_made else self._path.read_bytes()
        answer = self._call(data)
        assert answer.code == 0, answer.output
        self._original = Original(data, self._result(answer))

    def fails(self, seed: int) -> str:
        """What is wrong with the way a mutation ends, and how to make it again; mostly nothing."""
        random = Random(f"{self._target.name} {seed}")
        mutate = random.choice(self._target.mutations)
        data = mutate(self._original.data, random)
        if data == self._original.data:
            return ""
        answer = self._call(data)
        if not (found := self._mistake(data, answer)):
            return ""
        kept = self._kept / f"{self._target.name}-{seed}{Path(self._target.file).suffix}"
        kept.write_bytes(data)
        return (
            f"{found}\n  target {self._target.name}, seed {seed}, {mutate.__name__}, kept as {kept}"
            f"\n  fewmask {self._target.arguments[0]}, code {answer.code}:\n{answer.output[-1500:]}"
        )

    def _call(self, data: bytes) -> Answer:
        shutil.rmtree(self._folder / OUT, ignore_errors=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = None if self._target.is_made else self._path.read_bytes()
        self._path.write_bytes(data)
        try:
            return call(self._folder, self._target.arguments, self._folder / "log")
        finally:
            if before is not None:
                self._path.write_bytes(before)

    @property
    def _path(self) -> Path:
        return self._folder / self._target.file

    def _result(self, answer: Answer) -> dict[str, bytes]:
        """Everything that a command wrote, by its path, and said."""
        folder, ignored = self._folder / OUT, self._target.ignored
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        written = {
            str(path.relative_to(folder)): _content(path)
            for path in files
            if path.name not in ignored
        }
        return written | ({"output": answer.output.encode()} if self._target.speaks else {})

    def _mistake(self, data: bytes, answer: Answer) -> str:
        if answer.hung:
            return "hung, or took memory without end"
        if "Traceback" in answer.output or answer.code not in (0, 1):
            return "crashed"
        if answer.code == 0:
            return self._silent(data, answer)
        messages = re.split(f"^{ERROR}", answer.output, flags=re.MULTILINE)[1:]
        if len(messages) != 1 or self._target.called not in messages[0]:
            return "not one message that names it"
        return ""

    def _silent(self, data: bytes, answer: Answer) -> str:
        """Whether a command went well that should not have."""
        if self._target.means(data) != self._target.means(self._original.data):
            return ""
        before, after = self._original.result, self._result(answer)
        changed = [name for name in before | after if before.get(name) != after.get(name)]
        return f"silently another result: {', '.join(changed)}" if changed else ""


def _content(path: Path) -> bytes:
    """What a file holds; of weights the tensors, for beside them stand digests of what was read."""
    data = path.read_bytes()
    if path.suffix != ".safetensors":
        return data
    return data[HEADER + int.from_bytes(data[:HEADER], "little") :]
