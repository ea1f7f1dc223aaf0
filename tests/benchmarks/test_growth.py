"""How a command is measured that grows with the number of runs."""

import subprocess
import sys

import pytest
from benchmarks.growth import timed

WORK = "import time; large = bytearray(b'1') * (200 << 20); time.sleep(0.5); sum(range(10**6))"


def test_a_command_is_measured_and_not_the_process_that_starts_it(tmp_path):
    own = bytearray(b"1") * (500 << 20)
    elapsed, seconds, megabytes = timed([sys.executable, "-c", WORK], tmp_path)
    assert len(own) >> 20 == 500
    assert 200 <= megabytes < 300
    assert 0 < seconds < elapsed - 0.4  # it slept


def test_one_that_fails_is_not_measured(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        timed([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
