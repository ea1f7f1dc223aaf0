"""Processes that share the work on a list of items, each with its own pipe.

The processes of `concurrent.futures` share one pipe: if one is killed while it writes (for lack of
memory, say), the reader waits for the rest forever. That happened in 3 of 25 kills while rows of
256 x 256 pixels were read. A pipe that only one process holds is closed when that process dies.
"""

import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pickle import PickleBuffer
from queue import SimpleQueue
from typing import Any

from fewmask.core.errors import FewmaskError

IN_FLIGHT = 4
"""Items per worker that are in progress at a time, so that memory does not grow with the list."""

# Spawned, because a forked process would inherit locks that threads of this process hold.
_context = get_context("spawn")


def work_on(
    items: Sequence[Any], work: Callable[[Any], Any], workers: int, in_flight: int = IN_FLIGHT
) -> Iterator[Any]:
    """The results of ``work`` for all items, in their order; computed here if ``workers`` is 1.

    ``work``, items and results are pickled; arrays in results may be read-only. Raises the first
    FewmaskError of ``work``, or one that says that a process ended early. The processes end when
    the iterator is closed, and with this process.
    """
    if workers == 1:
        yield from map(work, items)
        return
    with ExitStack() as stack:
        idle: SimpleQueue[Connection] = SimpleQueue()
        with _one_thread_each():
            for _ in items[:workers]:
                idle.put(stack.enter_context(_process(work)))
        # One thread waits for each process, so that no result waits for another one.
        threads = ThreadPoolExecutor(workers)
        stack.callback(threads.shutdown, cancel_futures=True)
        waiting: deque[Future] = deque()
        for item in items:
            if len(waiting) == in_flight * workers:
                yield waiting.popleft().result()
            waiting.append(threads.submit(_ask, idle, item))
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def _process(work: Callable[[Any], Any]) -> Iterator[Connection]:
    ours, theirs = _context.Pipe()
    process = _context.Process(target=_serve, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        process.terminate()
        process.join()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """Work on items until the other end is closed, or its process is gone."""
    # Ctrl-C reaches all processes; the main process cleans up and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, ConnectionError):
        while True:
            item = pipe.recv()
            try:
                answer = work(item)
            except FewmaskError as error:
                answer = error
            _send(pipe, answer)


def _send(pipe: Connection, answer: Any) -> None:
    """Send an answer; the raw memory of its arrays is 3 times as fast as pickling them."""
    arrays: list[PickleBuffer] = []
    rest = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL, buffer_callback=arrays.append)
    pipe.send((rest, len(arrays)))
    for array in arrays:
        pipe.send_bytes(array.raw())


def _receive(pipe: Connection) -> Any:
    """What `_send` sent: only a process that was started here can write to its pipe."""
    rest, arrays = pipe.recv()
    return pickle.loads(rest, buffers=[pipe.recv_bytes() for _ in range(arrays)])


def _ask(idle: "SimpleQueue[Connection]", item: Any) -> Any:
    """Have an idle process work on an item."""
    pipe = idle.get()
    try:
        pipe.send(item)
        answer = _receive(pipe)
    except (EOFError, OSError):  # before or during an answer
        raise FewmaskError(
            "a worker process ended early, most likely killed for lack of memory\n"
            "  mend: more memory, or fewer workers"
        ) from None
    finally:
        idle.put(pipe)
    if isinstance(answer, FewmaskError):
        raise answer
    return answer


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started here compute with one thread each: they share the cores."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before
