"""Searches as jobs leave them: rankings and splits."""

from pathlib import Path

from fewmask.core.paths import Layout
from fewmask.data.splits import file as split_files
from fewmask.metrics.records import write_record

RATE = "optimiser.learning_rate"
METHODS = ["fixmatch", "fixmatch_searched", "supervised", "supervised_searched"]


def write_ranking(path, scores, rung_of="m_trial_{}", rate=0.001, as_written=0.0005):
    trials = [
        {
            "trial": trial,
            "method": f"m_trial_{trial}",
            "changes": {RATE: rate * trial} if trial else {},
            "trained_as": rung_of.format(trial),
            "scores": {} if score is None else {"100": score},
            "score": score,
            "steps": 10,
            **({"diverged": "the loss is not finite at step 3"} if score is None else {}),
        }
        for trial, score in scores.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    tried = {RATE: {"kind": "log", "values": [0.0001, 0.1], "as_written": as_written}}
    write_record(path, {"metric": "miou", "tried": tried, "trials": trials})


def search(method, rate=0.001):
    """A search whose rankings and split, of ten images, are there."""
    first, second = (
        Path(f"results/search/scenes/{method}/n10/rung_{rung}.json") for rung in (1, 2)
    )
    write_ranking(first, {2: 0.5, 0: 0.4, 1: None}, f"{method}_trial_{{}}", rate)
    write_ranking(second, {2: 0.6}, f"{method}_slot", rate)
    write_split("n10", 100, range(8), (8, 9))
    names = {"dataset": "scenes", "method": method, "fraction": "n10"}
    return names | {"rungs": 2, "seeds": [100], "stages": ["scenes/{trained_as}/n10/{seed}/last"]}


def write_split(fraction, seed, labelled, validation):
    """A split of 40 images, whose labelled and validation images are given by their rows."""
    roles = ["unlabelled"] * 40
    for role, rows in {"labelled": labelled, "validation": validation}.items():
        for row in rows:
            roles[row] = role
    path = Path(Layout().split.format(dataset="scenes", fraction=fraction, seed=seed))
    path.parent.mkdir(parents=True, exist_ok=True)
    split_files.write(path, [f"scene_{row}" for row in range(40)], roles)
