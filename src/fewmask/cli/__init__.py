"""The command line.

Commands import what they need when they run, so that --help and planning stay fast.
"""

import sys
from contextlib import suppress

from fewmask.cli import people, results, rules, suggestions  # noqa: F401  they add their commands
from fewmask.cli.group import commands
from fewmask.cluster.job_log import ERROR
from fewmask.core.compiler import postpone_compiler
from fewmask.core.errors import FewmaskError
from fewmask.core.files import NO_ROOM, cannot_write


def main() -> None:
    """Run a command. A mistake that the user can mend gives one message and exit code 1."""
    postpone_compiler()
    try:
        commands(prog_name="fewmask")
    except FewmaskError as error:
        print(f"{ERROR}{error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        with suppress(OSError):  # the disk without room may be that of the log
            print(f"{ERROR}{cannot_write(error.filename or 'the log', error)}", file=sys.stderr)
        sys.exit(1)
