# From wildcards to what grid.py knows. Nothing else: logic lives in src/fewmask, where it is tested.
from pathlib import Path


def stage_of(w):
    return StageKey(w.dataset, w.method, w.fraction, w.stage)


def run_of(w):
    return Run(w.dataset, w.method, w.fraction, int(w.seed))


def resources_of(w):
    key = stage_of(w) if "stage" in w.keys() else grid.stages(run_of(w))[-1]
    return grid.stage(key).resources


def gpus_of_one(w):
    """The GPUs of a job of one process, whatever its training has."""
    return min(1, resources_of(w).gpus)


def on_cluster(gpus):
    """Resources that say where on a cluster a job goes; ``gpus`` of its wildcards."""
    return {
        name: lambda w, name=name: site.resources(gpus(w))[name] for name in RESOURCES
    }


def repeated(option, files):
    return " ".join(f"{option} {file}" for file in files)


def with_caption(file):
    """A file of the experiment's, shown in the report where it is meant to be."""
    if not file.category:
        return file.path
    caption = f"../report/{file.caption}.rst"
    about = {"Shows": file.shows}
    return report(file.path, caption=caption, category=file.category, labels=about)


def folder_of(file):
    return str(Path(file).parent)
