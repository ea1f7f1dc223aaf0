"""Tables in LaTeX."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fewmask.report.tables.latex import latex
from tests.report.synthetic_runs import requested, write_run
from tests.report.tables.reading import summarised


@pytest.mark.parametrize("methods", [["one_method"], ["one_method", "two"]])
def test_latex_has_a_table_a_dataset_with_equal_rows(project, methods):
    axes = {"datasets": ["my_scenes", "pets"], "fractions": ["n10", "0.05"], "methods": methods}
    for dataset in axes["datasets"]:
        for method in methods:
            for fraction in axes["fractions"]:
                write_run(dataset, method, fraction)
    text = latex(*summarised(requested(title="50 % of R&D_x {a} $b$ #1 ~^\\", **axes)))

    escaped = (
        r"50 \% of R\&D\_x \{a\} \$b\$ \#1 \textasciitilde{}\textasciicircum{}\textbackslash{}."
    )
    assert text.count(escaped) == 2
    assert r"Dataset: my\_scenes." in text
    for environment in ("table*", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == 2
        assert text.count(rf"\end{{{environment}}}") == 2
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 2
    rows = [line for line in text.splitlines() if " & " in line]
    assert len(rows) == 2 * (1 + 2 * len(methods))
    assert all(row.count(" & ") == 6 and row.endswith(r" \\") for row in rows)
    unescaped = text.replace(r"\{", "").replace(r"\}", "")
    assert unescaped.count("{") == unescaped.count("}")
    assert (r"\textbf" in text) == (len(methods) > 1)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_compiles(project):
    names = ["normal_mean_angle", "delta_m", "cross_entropy"]
    for method, miou in {"a_b": 0.5, "c": 0.6, "d": 0.7}.items():
        write_run(method=method, miou=miou)
    title = "50 % of R&D_x {a} $b$ #1 ~^\\ <|> Δm 30° ± ×"
    grid, table = summarised(
        requested(title=title, methods=["a_b", "c", "d"], metrics=["miou", *names])
    )
    Path("table.tex").write_text(latex(grid, table.assign(mark="↑", label_savings="> ×2.0 –")))
    Path("paper.tex").write_text(
        r"\documentclass[twocolumn]{article}\usepackage{booktabs}"
        r"\begin{document}\input{table}\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"], capture_output=True
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
