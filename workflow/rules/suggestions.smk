# Fractions whose images are suggested by the networks of another fraction.


localrules:
    split_suggested,


ruleorder: split_suggested > split


rule choose:
    input:
        unpack(lambda w: arguments.choose_inputs(w.dataset, w.fraction, int(w.draw))),
    output:
        layout.suggestions,
    log:
        layout.log("choose", "{dataset}/{fraction}/{draw}"),
    benchmark:
        layout.benchmark("choose", "{dataset}/{fraction}/{draw}")
    conda:
        "../../envs/fewmask.yaml"
    threads: from_stage(lambda stage: stage.resources.cpus)
    resources:
        **on_cluster(gpus_of_one),
        runtime=60,
        mem_mb=memory_for,
        gpu=from_stage(gpus_of_one),
        gpu_percent=from_stage(percent_of_one),
    params:
        splits=lambda w, input: repeated("--split", input.splits),
        weights=lambda w, input: repeated("--weights", input.weights),
        suggested=lambda w: grid.experiment.suggestions[w.fraction].count,
    shell:
        "fewmask choose --dataset {input.dataset} {params.splits} {params.weights}"
        " --count {params.suggested} --output {output} --threads {threads} > {log} 2>&1"


# With other images known, the rest is drawn as in rule split.
rule split_suggested:
    input:
        unpack(
            lambda w: arguments.suggested_split_inputs(
                w.dataset, w.fraction, int(w.seed)
            )
        ),
    output:
        layout.split,
    log:
        layout.log("split", "{dataset}/{fraction}/{seed}"),
    wildcard_constraints:
        fraction="|".join(grid.experiment.suggestions),
    conda:
        "../../envs/fewmask.yaml"
    params:
        settings=lambda w: arguments.split_settings(w.dataset),
    shell:
        "fewmask split --dataset {input.dataset} --settings {params.settings:q}"
        " --fraction {wildcards.fraction} --seed {wildcards.seed} --output {output}"
        " --extends {input.extends} --suggestions {input.suggestions} > {log} 2>&1"
