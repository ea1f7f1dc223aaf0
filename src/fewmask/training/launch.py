"""Starts the processes of a training on this machine."""

import os
import signal
import socket
import subprocess
import sys
import time

GRACE = 100
"""Seconds that the others have to end once one has failed, or all were asked to stop."""


def launch(processes: int) -> int:
    """Run this very command so many times, side by side, to its end.

    SIGTERM and SIGINT are handed on. When one process fails, the others are ended.

    Returns:
        The exit code of the first that fails; 0 if none does.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    command = [sys.executable, *sys.argv]
    started = [
        subprocess.Popen(command, env=os.environ | meeting | {"RANK": f"{i}", "LOCAL_RANK": f"{i}"})
        for i in range(processes)
    ]

    def hand_on(number: int, frame: object) -> None:
        for one in started:
            one.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hand_on)
    failed = None
    while failed is None and any(one.poll() is None for one in started):
        time.sleep(0.1)
        failed = next((one.returncode for one in started if one.poll()), None)
    if failed is None:
        return 0
    _end(started)
    return failed if failed > 0 else 128 - failed


def _end(started: list[subprocess.Popen]) -> None:
    """Ask for the end of those that still run, and see to it."""
    for one in started:
        if one.poll() is None:
            one.terminate()
    deadline = time.monotonic() + GRACE
    for one in started:
        try:
            one.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
