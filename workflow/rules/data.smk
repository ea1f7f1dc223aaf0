# From files on disk to one HDF5 file for each dataset, and to its splits.


localrules:
    download,
    split,


rule download:
    output:
        layout.download,
    log:
        layout.log("download", "{dataset}"),
    conda:
        "../../envs/fewmask.yaml"
    shell:
        "fewmask download --dataset {wildcards.dataset} --output {output} > {log} 2>&1"


rule prepare:
    input:
        unpack(lambda w: arguments.prepare_inputs(w.dataset)),
    output:
        layout.dataset,
    log:
        layout.log("prepare", "{dataset}"),
    benchmark:
        layout.benchmark("prepare", "{dataset}")
    conda:
        "../../envs/fewmask.yaml"
    threads: 4
    resources:
        **on_cluster(lambda stage: 0),
        runtime=site.minutes(240, gpus=0),
        mem_mb=lambda w, attempt: memory_mb(8, attempt),
    params:
        settings=lambda w: arguments.prepare_settings(w.dataset),
    shell:
        "fewmask prepare --settings {params.settings:q} --workers {threads}"
        " --output {output} > {log} 2>&1"


rule split:
    input:
        layout.dataset,
    output:
        layout.split,
    log:
        layout.log("split", "{dataset}/{fraction}/{seed}"),
    conda:
        "../../envs/fewmask.yaml"
    params:
        settings=with_signature(lambda w: arguments.split_settings(w.dataset)),
        # Only here, so that a corrected table draws splits anew.
        groups=with_signature(lambda w: arguments.group_table(w.dataset)),
    shell:
        "fewmask split --dataset {input} --settings {params.settings:q}"
        " --fraction {wildcards.fraction} --seed {wildcards.seed} --output {output} > {log} 2>&1"
