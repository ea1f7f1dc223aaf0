# Tables and figures of all runs; `partial` makes do with the runs that are there.
import os


localrules:
    summarise,


def experiment_of(w):
    """What tables are given; no text, for Snakemake would take braces in a title for wildcards."""
    return requested.as_json()


rule summarise:
    input:
        metrics=arguments.summarise_inputs(),
    output:
        **{file.name: with_caption(file) for file in files(requested)},
    log:
        layout.log("summarise", "all"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        experiment=experiment_of,
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
        experiment=experiment_of,
        tables=f"{layout.results}/partial/tables",
        figures=f"{layout.results}/partial/figures",
    shell:
        "fewmask summarise --partial --experiment {params.experiment:q}"
        " --tables {params.tables} --figures {params.figures} 2>&1 | tee {log}"
