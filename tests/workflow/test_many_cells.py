"""What an experiment of many cells hands to its tables."""

import subprocess
from pathlib import Path

from tests.workflow.snakemake import ROOT, preloaded_environment

SNAKEFILE = f"""
from fewmask.core.paths import Layout
from fewmask.planning.requested import Requested

requested = Requested(
    title="It's a {{brace}} and 10,000 cells",
    datasets=["rooms"],
    methods=[f"method_{{i}}" for i in range(100)],
    fractions=[f"n{{i}}" for i in range(1, 101)],
    seeds=[0],
    trainings=["0123abcd"] * 10_000,
    restored_by=[None] * 10_000,
)
layout = Layout("results")

rule summarise:
    shell: "true"

include: "{ROOT}/workflow/rules/common.smk"
"""
"""The rules of tables by themselves: planning the jobs of 10,000 cells takes half a minute."""


def test_10_000_cells_reach_the_tables(tmp_path: Path):
    """They are more than one argument of a command can hold: 128 KB on Linux."""
    report = (ROOT / "workflow/rules/report.smk").read_text()
    partial = report[report.index("rule partial:") :].replace("../..", str(ROOT))
    (tmp_path / "Snakefile").write_text(SNAKEFILE + partial)
    command = ["snakemake", "--cores", "1", "--directory", tmp_path, "partial"]
    answer = subprocess.run(
        command, cwd=tmp_path, env=preloaded_environment(), text=True, capture_output=True
    )
    assert "none of the 10000 runs is finished" in answer.stdout, answer.stderr
