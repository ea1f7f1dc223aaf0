"""Commands whose imports are done, which take longer than a plan or a job of a few steps.

Each is run in a fork of one process that has imported everything, with the arguments, the folder,
the environment and the files of whoever called it. A signal to the caller does not reach it, so
tests that end commands run the real ones, at least of those that they end.

    python -m tests.workflow.preloaded SOCKET
"""

import atexit
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from fewmask.core.compiler import postpone_compiler
from tests.processes import write_to

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1 << 20
"""Of a command with its environment."""

PROGRAMS = {"fewmask": "fewmask.cli", "snakemake": "snakemake.cli"}
"""The modules whose `main` they run."""

CLIENT = """\
#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({path!r})
    command = json.dumps([sys.argv, os.getcwd(), dict(os.environ)])
    socket.send_fds(connection, [command.encode()], [0, 1, 2])
    connection.shutdown(socket.SHUT_WR)
    code = connection.recv(1)
sys.exit(code[0] if code else "the command died")
"""

ALL_BUT_TRAININGS = """\
#!/bin/sh
case "$1" in
  train) exec {real} "$@" ;;
  *) exec {ready} "$@" ;;
esac
"""


@functools.cache
def everything() -> Path:
    """The folder of a `fewmask` and a `snakemake` that are ready, for PATH; as long as this process
    lives."""
    path = _server()
    folder = path.with_name("everything")
    folder.mkdir()
    for program in PROGRAMS:
        _write_script(folder / program, CLIENT.format(python=sys.executable, path=str(path)))
    return folder


@functools.cache
def jobs_but_trainings() -> Path:
    """The folder of a `fewmask` that is ready except to train, for PATH; as long as this process
    lives."""
    ready = everything() / "fewmask"
    folder = ready.parent.with_name("jobs_but_trainings")
    folder.mkdir()
    real = Path(sys.executable).with_name("fewmask")
    _write_script(folder / "fewmask", ALL_BUT_TRAININGS.format(real=real, ready=ready))
    return folder


def _write_script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@functools.cache
def _server() -> Path:
    """The socket of the process that has imported everything."""
    folder = Path(tempfile.mkdtemp(prefix="fewmask"))
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, str(folder / "socket")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    server.stdout.readline()  # it is ready
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.communicate)  # which waits for its end
    atexit.register(server.kill)
    return folder / "socket"


def serve(path: str) -> None:
    """Run commands until nobody holds the other end of stdin."""
    postpone_compiler()
    import_module("tests.commands")
    import_module("torch.fx.experimental.symbolic_shapes")  # where an encoder of timm is built
    mains = {program: import_module(module).main for program, module in PROGRAMS.items()}
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [])[0]):
            for one in ready:
                connection, _ = one.accept()
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    _run(connection, mains)
                connection.close()


def _run(connection: socket.socket, mains: Mapping[str, Callable[[], object]]) -> None:
    """Be the process of one command, to its end."""
    sent, files, *_ = socket.recv_fds(connection, MOST_BYTES, 3)
    while more := connection.recv(MOST_BYTES):
        sent += more
    stdin, *output = files
    os.dup2(stdin, 0)
    write_to(*output)
    for file in files:
        os.close(file)
    sys.argv, there, environment = json.loads(sent)
    os.chdir(there)
    os.environ.clear()
    os.environ.update(environment)
    code = _exit_code(mains[Path(sys.argv[0]).name])
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([code]))
    os._exit(code)


def _exit_code(main: Callable[[], object]) -> int:
    """What a program ends with, after it has said what Python itself would say of its end."""
    try:
        sys.exit(main())
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


if __name__ == "__main__":
    serve(sys.argv[1])
