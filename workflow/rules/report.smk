# Tables and figures of all runs; `partial` makes do with the runs that are there.
import os


localrules:
    summarise,


def requested(w):
    """What tables are handed; no text, for Snakemake would take braces in a title for wildcards."""
    return grid.requested.as_json()


rule summarise:
    input:
        metrics=grid.metrics(),
    output:
        **{file.name: with_caption(file) for file in files(grid.requested)},
    log:
        layout.log("summarise", "all"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        experiment=requested,
        tables=lambda w, output: os.path.dirname(output.runs),
        figures=lambda w, output: os.path.dirname(output.figure_label_curve_svg),
    shell:
        "fewmask summarise --experiment {params.experiment:q}"
        " --tables {params.tables} --figures {params.figures} > {log} 2>&1"


# Without output files, so that it runs whenever it is requested.
rule partial:
    log:
        layout.log("summarise", "partial"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        experiment=requested,
        tables=f"{layout.results}/partial/tables",
        figures=f"{layout.results}/partial/figures",
    shell:
        "fewmask summarise --partial --experiment {params.experiment:q}"
        " --tables {params.tables} --figures {params.figures} 2>&1 | tee {log}"
