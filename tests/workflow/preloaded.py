"""A `fewmask` whose imports are done: what jobs of a few steps take is nearly all for them.

Each command is run in a fork of one process that has imported everything, with the arguments, the
folder, the environment and the files of whoever called it. A signal to the caller does not reach
it, so tests that end jobs run the real one.

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
from importlib import import_module
from pathlib import Path

from fewmask.cli import main
from fewmask.core.compiler import postpone_compiler

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1 << 20
"""Of a command with its environment."""

IMPORTED = (
    "fewmask.data.preparation.prepare",
    "fewmask.data.splits.job",
    "fewmask.inference.evaluate",
    "fewmask.inference.pseudo_label",
    "fewmask.report.summarise",
    "fewmask.training.job",
    "torch.fx.experimental.symbolic_shapes",  # where an encoder of timm is built
)
"""What commands import when they run."""

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


@functools.cache
def folder() -> Path:
    """The folder of a `fewmask` that is ready, for PATH; as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix="fewmask"))
    listens = folder / "socket"
    server = subprocess.Popen(
        [sys.executable, "-m", __name__, str(listens)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    server.stdout.readline()  # it is ready
    client = folder / "bin/fewmask"
    client.parent.mkdir()
    client.write_text(CLIENT.format(python=sys.executable, path=str(listens)))
    client.chmod(0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    return client.parent


def serve(path: str) -> None:
    """Run commands until nobody holds the other end of stdin."""
    postpone_compiler()
    for name in IMPORTED:
        import_module(name)
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
                    _run(connection)
                connection.close()


def _run(connection: socket.socket) -> None:
    """Be the process of one command, to its end."""
    sent, files, *_ = socket.recv_fds(connection, MOST_BYTES, 3)
    while more := connection.recv(MOST_BYTES):
        sent += more
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww")
    )
    sys.argv, there, environment = json.loads(sent)
    os.chdir(there)
    os.environ.clear()
    os.environ.update(environment)
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(bytes([code]))
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
