# From wildcards to the keys of the grid, and nothing else: logic is in src/fewmask, where it is tested.
from inspect import signature


def stage_of(w):
    return StageKey(w.dataset, w.method, w.fraction, w.stage)


def run_of(w):
    return Run(w.dataset, w.method, w.fraction, int(w.seed))


def searched_cell(w):
    return w.dataset, w.method, w.fraction


def suggesting_run(w):
    return grid.suggesting(w.dataset, w.fraction, int(w.draw))[0]


def stage_for(w):
    if "draw" in w.keys():
        return grid.stage(grid.stages(suggesting_run(w))[-1])
    return grid.stage(
        stage_of(w) if "stage" in w.keys() else grid.stages(run_of(w))[-1]
    )


def with_signature(function):
    """The function with its signature computed once: Snakemake computes it for every job, which takes
    longer than most functions do."""
    function.__signature__ = signature(function)
    return function


@with_signature
def memory_for(w, attempt):
    return memory_mb(stage_for(w).resources.memory_gb, attempt)


def from_stage(property_of):
    """A property of a job's stage: its value where all stages of the grid agree, else a function, which
    Snakemake calls for every job."""
    values = {property_of(stage) for stage in grid.all_stages()}
    if len(values) == 1:
        return values.pop()
    return with_signature(lambda w: property_of(stage_for(w)))


def gpus_of_one(stage):
    """The GPUs of a job that runs as one process, however many its training uses."""
    return min(1, stage.resources.gpus)


def percent_of_one(stage):
    """The same in percents of a GPU, which it shares as its training does."""
    return min(100, stage.resources.gpu_percent)


def on_cluster(gpus):
    """The resources that tell a cluster where a job runs; ``gpus`` gives its GPUs from its stage."""
    resources = {
        name: from_stage(lambda stage, name=name: site.resources(gpus(stage))[name])
        for name in RESOURCES
    }
    return {name: value for name, value in resources.items() if value is not None}


def repeated(option, files):
    return " ".join(f"{option} {file}" for file in files)


def with_caption(file):
    """A table or figure of the experiment, with its caption if it belongs to the report."""
    if not file.category:
        return file.path
    caption = f"../report/{file.caption}.rst"
    about = {"Shows": file.shows}
    return report(file.path, caption=caption, category=file.category, labels=about)
