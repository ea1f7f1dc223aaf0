# Tables and figures of all runs; `partial` makes do with the runs that are there.


localrules:
    summarise,


rule summarise:
    input:
        metrics=grid.metrics(),
    output:
        runs=report(
            f"{layout.tables}/runs.csv",
            caption="../report/runs.rst",
            category="Tables",
        ),
        summary=report(
            f"{layout.tables}/summary.csv",
            caption="../report/summary.rst",
            category="Tables",
        ),
        markdown=f"{layout.tables}/summary.md",
        latex=f"{layout.tables}/summary.tex",
        comparison=report(
            f"{layout.tables}/comparison.csv",
            caption="../report/comparison.rst",
            category="Tables",
        ),
        comparison_markdown=f"{layout.tables}/comparison.md",
        label_savings=report(
            f"{layout.tables}/label_savings.csv",
            caption="../report/label_savings.rst",
            category="Tables",
        ),
        label_savings_markdown=f"{layout.tables}/label_savings.md",
        pseudo_masks=report(
            f"{layout.tables}/pseudo_masks.csv",
            caption="../report/pseudo_masks.rst",
            category="Tables",
        ),
        pseudo_masks_markdown=f"{layout.tables}/pseudo_masks.md",
        cost=report(
            f"{layout.tables}/cost.csv",
            caption="../report/cost.rst",
            category="Tables",
        ),
        cost_markdown=f"{layout.tables}/cost.md",
        label_curve=report(
            f"{layout.figures}/label_curve.svg",
            caption="../report/label_curve.rst",
            category="Figures",
        ),
        label_curve_png=f"{layout.figures}/label_curve.png",
        label_savings_figure=report(
            f"{layout.figures}/label_savings.svg",
            caption="../report/label_savings_figure.rst",
            category="Figures",
        ),
        label_savings_png=f"{layout.figures}/label_savings.png",
        examples=report(
            f"{layout.figures}/examples.png",
            caption="../report/examples.rst",
            category="Figures",
        ),
        examples_svg=f"{layout.figures}/examples.svg",
    log:
        layout.log("summarise", "all"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        experiment=grid.asked(),
        tables=lambda w, output: folder_of(output.summary),
        figures=lambda w, output: folder_of(output.label_curve),
    shell:
        "fewmask summarise --experiment {params.experiment:q}"
        " --tables {params.tables} --figures {params.figures} > {log} 2>&1"


# Without output files, so that it runs whenever it is asked for.
rule partial:
    log:
        layout.log("summarise", "partial"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        experiment=grid.asked(),
        tables=f"{layout.results}/partial/tables",
        figures=f"{layout.results}/partial/figures",
    shell:
        "fewmask summarise --partial --experiment {params.experiment:q}"
        " --tables {params.tables} --figures {params.figures} 2>&1 | tee {log}"
