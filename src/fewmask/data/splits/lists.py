"""Text files that list images, one in each line."""

from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.data.preparation.image_files import is_inside


def read_list(path: Path, root: Path, layout: str, mend: str) -> list[tuple[str, list[str]]]:
    """The words of every line that is not empty, each with its place (``file:line``) for messages.

    Raises FewmaskError, with ``layout`` as what was expected and ``mend`` as what to do, if the
    file is missing, empty or not text, or a link out of ``root``, the folder of the dataset:
    messages must not show what other files contain.
    """
    if not is_inside(path, root):
        raise FewmaskError(
            f"{path}: found a file outside the dataset's folder\n"
            f"  expected: a file in {root}\n"
            f"  mend: copy it into the folder (the folder as a whole may be a link)"
        )
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        problem = "no such file"
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read: {error}"
    else:
        words = [(f"{path}:{i}", line.split()) for i, line in enumerate(lines, start=1)]
        problem = "an empty list"
        if found := [one for one in words if one[1]]:
            return found
    raise FewmaskError(f"{path}: {problem}\n  expected: {layout}\n  mend: {mend}")
