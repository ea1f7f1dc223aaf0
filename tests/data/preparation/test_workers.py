"""Processes share the work in order, and their end is noticed."""

import os
import signal
import time
from contextlib import closing
from functools import partial

import numpy as np
import psutil
import pytest

from fewmask.core.errors import ConfigError, FewmaskError
from fewmask.data.preparation import workers
from fewmask.data.preparation.workers import IN_FLIGHT, work_on


def square(item):
    return item**2


def dawdle(item):
    time.sleep(0.02 * (item % 3))
    return item


def refuse_seven(item):
    if item == 7:
        raise ConfigError("seven: found 7, expected another number")
    return item


def large(item):
    """More than fits into a pipe, so that a process is nearly always writing."""
    return np.full(3_000_000, item % 256, np.uint8)


def threads(_):
    return os.environ["OMP_NUM_THREADS"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_are_in_the_order_of_the_items(count):
    assert list(work_on(range(20), square, count)) == [i**2 for i in range(20)]


def test_slow_items_do_not_change_the_order():
    assert list(work_on(range(20), dawdle, 2)) == list(range(20))


def test_fewer_items_than_workers():
    assert list(work_on([3], square, 2)) == [9]
    assert list(work_on([], square, 2)) == []


def test_one_worker_is_this_process():
    assert list(work_on([0], lambda _: os.getpid(), 1)) == [os.getpid()]


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_a_person_can_mend_comes_through_at_its_turn(count):
    results = work_on(range(20), refuse_seven, count)
    assert [next(results) for _ in range(7)] == list(range(7))
    with pytest.raises(ConfigError, match="seven: found 7, expected another number"):
        next(results)


def test_few_items_are_handed_out_at_a_time(monkeypatch):
    handed = []
    ask = workers._ask
    monkeypatch.setattr(workers, "_ask", lambda idle, item: (handed.append(item), ask(idle, item)))
    for done, _ in enumerate(work_on(range(50), square, 2), start=1):
        assert len(handed) - done <= 2 * IN_FLIGHT
    assert sorted(handed) == list(range(50))


def test_processes_end_with_the_iterator():
    with closing(work_on(range(100), dawdle, 2)) as results:
        next(results)
        processes = own_workers()
        assert len(processes) == 2
    assert not any(process.is_running() for process in processes)


def test_each_process_computes_with_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert list(work_on(range(2), threads, 2)) == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.008])
def test_a_process_killed_while_it_writes_is_noticed(delay):
    results = work_on(range(10_000), large, 2)
    next(results)
    time.sleep(delay)
    os.kill(own_workers()[0].pid, signal.SIGKILL)
    with pytest.raises(FewmaskError) as error:
        list(zip(results, range(50), strict=False))
    assert str(error.value) == (
        "a worker process ended early, most likely killed for lack of memory\n"
        "  mend: more memory, or fewer workers"
    )


def test_a_bug_is_not_silent(capfd):
    with pytest.raises(FewmaskError, match="ended early"):
        list(work_on(["text"], partial(divmod, 1), 2))
    assert "TypeError" in capfd.readouterr().err


def own_workers():
    """The processes that this one has started to work."""
    children = psutil.Process().children()
    return [one for one in children if "spawn_main" in " ".join(one.cmdline())]
