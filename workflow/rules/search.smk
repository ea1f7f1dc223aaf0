# The trials of a search are trained by the rule of all trainings; here those of a rung are ranked.


localrules:
    rank,


rule rank:
    input:
        unpack(lambda w: arguments.rank_inputs(searched_cell(w), int(w.rung))),
    output:
        layout.ranking,
    log:
        layout.log("rank", "{dataset}/{method}/{fraction}/rung_{rung}"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        settings=lambda w: arguments.rank_settings(searched_cell(w), int(w.rung)),
        below=lambda w, input: f"--below {input.below}" if int(w.rung) > 1 else "",
    shell:
        "fewmask rank --settings {params.settings:q} {params.below}"
        " --output {output} > {log} 2>&1"
