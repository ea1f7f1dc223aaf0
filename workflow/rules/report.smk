# Tables and figures of all runs; `partial` makes them of the runs that are done.
import os


localrules:
    summarise,


rule summarise:
    input:
        metrics=arguments.summarise_inputs(),
    output:
        **{file.name: with_caption(file) for file in files(requested)},
    log:
        layout.log("summarise", "all"),
    conda:
        "../../envs/fewmask.yaml"
    threads: 4
    params:
        # A function, for Snakemake takes braces in a text for wildcards.
        experiment=lambda w: requested.as_json(),
        tables=lambda w, output: os.path.dirname(output.runs),
        figures=lambda w, output: os.path.dirname(output.figure_label_curve_svg),
    shell:
        # Through a pipe: one argument of a command may have at most 128 KB, which 8,000 cells fill.
        "printf %s {params.experiment:q} | fewmask summarise --experiment -"
        " --tables {params.tables} --figures {params.figures} --processes {threads} > {log} 2>&1"


# Without output files, so that it runs whenever it is requested.
rule partial:
    log:
        layout.log("summarise", "partial"),
    conda:
        "../../envs/fewmask.yaml"
    threads: 4
    params:
        experiment=lambda w: requested.as_json(),
        tables=f"{layout.results}/partial/tables",
        figures=f"{layout.results}/partial/figures",
    shell:
        "printf %s {params.experiment:q} | fewmask summarise --partial --experiment -"
        " --tables {params.tables} --figures {params.figures} --processes {threads} 2>&1 | tee {log}"
