"""How the two executors for SLURM send many small jobs: calls of SLURM, and how long jobs wait.

    uv run python -m benchmarks.executors 200

starts a SLURM on this machine (tests/slurm/cluster.py) and runs a grid of trivial jobs with each:
half of them need nothing, the other half need one of those each.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import mean, median

from tests.slurm.cluster import Cluster
from tests.workflow.snakemake import BIN

SNAKEFILE = """\
rule all:
    input: expand("out/{{i}}.b", i=range({pairs}))
rule a:
    output: "out/{{i}}.a"
    resources: runtime=5, mem_mb=500, slurm_account="masks"
    shell: "date +%s.%N > {{output}}"
rule b:
    input: "out/{{i}}.a"
    output: "out/{{i}}.b"
    resources: runtime=5, mem_mb=500, slurm_account="masks"
    shell: "date +%s.%N > {{output}}"
"""

EXECUTORS = {
    "slurm": ["--slurm-status-command", "squeue", "--max-status-checks-per-second", "0.2"],
    "submitit": ["--seconds-between-status-checks", "20"],
}
"""Options of both profiles, with their intervals between checks of jobs."""


def measure(cluster: Cluster, executor: str, pairs: int) -> dict[str, float]:
    """Run the grid; what it took."""
    folder = Path(tempfile.mkdtemp())
    (folder / "Snakefile").write_text(SNAKEFILE.format(pairs=pairs))
    cluster.calls.unlink(missing_ok=True)
    command = [str(BIN / "snakemake"), "--executor", executor, *EXECUTORS[executor]]
    started = time.time()
    with (folder / "out.log").open("w") as log:
        subprocess.run(
            [*command, "--jobs", "1000", "--nolock", "--scheduler", "greedy"],
            cwd=folder,
            env=cluster.environment | {"PATH": f"{BIN}:{cluster.environment['PATH']}"},
            stdout=log,
            stderr=log,
            check=True,
        )
    minutes = (time.time() - started) / 60
    calls = Counter(line.split()[1] for line in cluster.calls.read_text().splitlines())
    times = {path.name: float(path.read_text()) for path in (folder / "out").iterdir()}
    waits = [times[f"{i}.b"] - times[f"{i}.a"] for i in range(pairs)]
    return {
        "minutes": minutes,
        "sbatch calls": calls["sbatch"],
        "squeue and sacct calls a minute": (calls["squeue"] + calls["sacct"]) / minutes,
        "seconds from ready to running, median": median(waits),
        "seconds from ready to running, mean": mean(waits),
    }


def main() -> None:
    """Print a column for each executor."""
    jobs = int(sys.argv[1])
    cluster = Cluster()
    try:
        found = {name: measure(cluster, name, jobs // 2) for name in EXECUTORS}
    finally:
        cluster.stop()
    print(f"{'':40}" + "".join(f"{name:>12}" for name in found))
    for measurement in found["slurm"]:
        print(f"{measurement:40}" + "".join(f"{one[measurement]:12.1f}" for one in found.values()))


if __name__ == "__main__":
    main()
