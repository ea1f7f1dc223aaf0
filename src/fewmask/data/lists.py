"""Text files that list pictures, one in each line."""

from pathlib import Path

from fewmask.errors import FewmaskError


def read_list(path: Path, layout: str, mend: str) -> list[tuple[str, list[str]]]:
    """The words of every line that has any, each with its place (``file:line``) for messages.

    ``layout`` says what was expected and ``mend`` what to do, should the file be missing, empty or
    no text: then FewmaskError is raised.
    """
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
