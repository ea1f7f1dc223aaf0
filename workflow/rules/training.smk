# Stages are trained, and the last stage of a run is evaluated on the test images.


localrules:
    fetch_encoder,


# Compute nodes have no internet, so this runs where Snakemake runs.
rule fetch_encoder:
    output:
        layout.encoder,
    log:
        layout.log("fetch_encoder", "{encoder}"),
    conda:
        "../../envs/fewmask.yaml"
    shell:
        "fewmask fetch-encoder --encoder {wildcards.encoder} --output {output} > {log} 2>&1"


rule train:
    input:
        unpack(with_signature(lambda w: arguments.train_inputs(stage_of(w), w.seed))),
    output:
        weights=f"{layout.stage}/weights.safetensors",
        history=f"{layout.stage}/history.csv",
        training=f"{layout.stage}/training.json",
    log:
        layout.log("train", layout.stage_cell),
    benchmark:
        layout.benchmark("train", layout.stage_cell)
    conda:
        "../../envs/fewmask.yaml"
    threads: from_stage(lambda stage: stage.resources.cpus)
    resources:
        **on_cluster(lambda stage: stage.resources.gpus),
        runtime=from_stage(
            lambda stage: site.minutes(stage.resources.minutes, stage.resources.gpus)
        ),
        mem_mb=memory_for,
        gpu=from_stage(lambda stage: stage.resources.gpus),
        gpu_share=from_stage(lambda stage: stage.resources.gpu_share),
        gpu_percent=from_stage(lambda stage: stage.resources.gpu_percent),
        # Not in params: a change of it changes no result and must not rerun anything. In seconds, for
        # resources are whole numbers.
        checkpoint_seconds=from_stage(
            lambda stage: round(60 * stage.checkpoint_minutes)
        ),
        # Nor these.
        processes=from_stage(lambda stage: stage.resources.processes),
        tensorboard=(
            (lambda w: arguments.tensorboard_option(stage_of(w), w.seed))
            if grid.experiment.tensorboard
            else ""
        ),
    params:
        settings=with_signature(lambda w: arguments.train_settings(stage_of(w))),
        options=with_signature(lambda w: arguments.train_options(stage_of(w), w.seed)),
        folder=layout.stage,
    shell:
        # exec: a signal for the job reaches the training itself, and its exit code Snakemake.
        "exec fewmask train --dataset {input.dataset} --split {input.split} {params.options}"
        " --settings {params.settings:q} --seed {wildcards.seed} --output {params.folder}"
        " --checkpoint-seconds {resources.checkpoint_seconds} {resources.tensorboard}"
        " --threads {threads} --processes {resources.processes} >> {log} 2>&1"


rule pseudo_label:
    input:
        dataset=layout.dataset,
        split=layout.split,
        weights=f"{layout.stage}/weights.safetensors",
    output:
        masks=f"{layout.stage}/pseudo_masks.h5",
        quality=f"{layout.stage}/pseudo_masks.json",
    log:
        layout.log("pseudo_label", layout.stage_cell),
    benchmark:
        layout.benchmark("pseudo_label", layout.stage_cell)
    conda:
        "../../envs/fewmask.yaml"
    threads: from_stage(lambda stage: stage.resources.cpus)
    resources:
        **on_cluster(gpus_of_one),
        runtime=60,
        mem_mb=memory_for,
        gpu=from_stage(gpus_of_one),
        gpu_percent=from_stage(percent_of_one),
    shell:
        "fewmask pseudo-label --stage {wildcards.method}/{wildcards.stage}"
        " --dataset {input.dataset} --split {input.split} --weights {input.weights}"
        " --output {output.masks} --threads {threads} > {log} 2>&1"


rule evaluate:
    input:
        unpack(with_signature(lambda w: arguments.evaluate_inputs(run_of(w)))),
    output:
        metrics=layout.metrics,
        images=layout.images,
        examples=layout.examples,
    log:
        layout.log("evaluate", layout.run_cell),
    benchmark:
        layout.benchmark("evaluate", layout.run_cell)
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
        training=with_signature(lambda w, input: repeated("--training", input.training)),
        pseudo_masks=with_signature(
            lambda w, input: repeated("--pseudo-masks", input.pseudo_masks)
        ),
        restored_by=with_signature(
            lambda w, input: repeated("--restored-by", input.restored_by)
        ),
        size=grid.experiment.evaluation_size,
    shell:
        "fewmask evaluate"
        " --run {wildcards.dataset} {wildcards.method} {wildcards.fraction} {wildcards.seed}"
        " --dataset {input.dataset} --split {input.split} --weights {input.weights}"
        " {params.training} {params.pseudo_masks} {params.restored_by} --size {params.size}"
        " --output {output.metrics} --threads {threads} > {log} 2>&1"
