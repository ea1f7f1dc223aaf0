# From wildcards to what grid.py knows. Nothing else: logic lives in src/fewmask, where it is tested.
from inspect import signature


def stage_of(w):
    return StageKey(w.dataset, w.method, w.fraction, w.stage)


def run_of(w):
    return Run(w.dataset, w.method, w.fraction, int(w.seed))


def stage_for(w):
    return grid.stage(
        stage_of(w) if "stage" in w.keys() else grid.stages(run_of(w))[-1]
    )


def with_signature(function):
    """The function, its signature worked out once: Snakemake asks for it anew for every job, which
    takes longer than most functions do."""
    function.__signature__ = signature(function)
    return function


@with_signature
def memory_for(w, attempt):
    return memory_mb(stage_for(w).resources.memory_gb, attempt)


def from_stage(told):
    """What ``told`` says of a job's stage. No function where all stages of the grid agree: planning
    calls every function for every job."""
    answers = {told(stage) for stage in grid.all_stages()}
    if len(answers) == 1:
        return answers.pop()
    return with_signature(lambda w: told(stage_for(w)))


def gpus_of_one(stage):
    """The GPUs of a job of one process, whatever its training has."""
    return min(1, stage.resources.gpus)


def on_cluster(gpus):
    """Resources that say where on a cluster a job goes; ``gpus`` of its stage."""
    found = {
        name: from_stage(lambda stage, name=name: site.resources(gpus(stage))[name])
        for name in RESOURCES
    }
    return {name: value for name, value in found.items() if value is not None}


def repeated(option, files):
    return " ".join(f"{option} {file}" for file in files)


def with_caption(file):
    """A file of the experiment's, shown in the report where it is meant to be."""
    if not file.category:
        return file.path
    caption = f"../report/{file.caption}.rst"
    about = {"Shows": file.shows}
    return report(file.path, caption=caption, category=file.category, labels=about)
