"""A copy of code and settings, so that editing them does not change jobs that wait."""

import shlex
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError


class Snapshot:
    """The working directory with some of its files copied and all others linked."""

    def __init__(self, copied: Sequence[str], folder: Path) -> None:
        """``copied``: files and folders of the working directory, by their names.

        Raises:
            WorkflowError: one of them is not there.
        """
        self.project = Path.cwd()
        self.folder = folder.resolve() / "snapshots" / uuid.uuid4().hex[:12]
        self.folder.mkdir(parents=True)
        if absent := [name for name in copied if not (self.project / name).exists()]:
            raise WorkflowError(
                f"--submitit-snapshot: {', '.join(absent)}: not in {self.project}; expected names "
                f"of files and folders there, separated by spaces"
            )
        for path in self.project.iterdir():
            target = self.folder / path.name
            if path.name not in copied:
                target.symlink_to(path)
            elif path.is_dir():
                shutil.copytree(path, target, symlinks=True)
            else:
                shutil.copy2(path, target)

    def path_of(self, path: str) -> str:
        """Where a file of the project is in the copy; one outside the project stays."""
        absolute = (self.project / path).absolute()
        if not absolute.is_relative_to(self.project):
            return path
        return str(self.folder / absolute.relative_to(self.project))

    @property
    def enter(self) -> str:
        """The shell command after which a job runs in the copy, with its Python code."""
        folder = shlex.quote(str(self.folder))
        return (
            f'cd {folder} && export PYTHONPATH={folder}/src:{folder}"${{PYTHONPATH:+:$PYTHONPATH}}"'
        )
