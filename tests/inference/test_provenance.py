"""A metrics file records what it was made from, and what that cost."""

import json
from pathlib import Path

import torch

from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.data.store.store import Store
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.metrics.records import write_record
from tests.inference.evaluating import RUN, evaluate


def test_provenance_says_what_it_was_made_from(result: Path, trained: Path, rooms: Path):
    record = json.loads(result.read_text())
    provenance = record["provenance"]
    with Store(rooms) as store:
        assert provenance["digests"]["dataset"] == store.digest
    assert provenance["training"]["steps"] == 20
    assert provenance["seed"] == 0
    assert {"torch", "fewmask"} <= provenance["versions"].keys()
    assert provenance["device"]
    assert record["images"] == {"labelled": 12, "unlabelled": 8, "validation": 6, "test": 10}
    training = json.loads((trained / TRAINING).read_text())
    assert record["cost"]["seconds"] == training["seconds"]
    assert record["cost"]["images_seen"] == 80


def test_every_stage_is_told_by_its_name_with_what_it_had(
    result: Path, trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    folder = tmp_path / "results/stages/rooms/simclr/all/0/pretrain"
    folder.mkdir(parents=True)
    earlier = json.loads((trained / TRAINING).read_text())
    write_record(folder / TRAINING, earlier | {"gpus": 7})
    trainings, output = [folder / TRAINING, trained / TRAINING], tmp_path / "0.json"
    evaluate(RUN, rooms, rooms_split, trained / WEIGHTS, trainings, output)
    record = json.loads(output.read_text())
    first, second = record["cost"]["stages"]
    assert first["cell"] == "rooms/simclr/all/0/pretrain"
    assert first["gpus"] == 7
    assert second["cell"].endswith(trained.name)
    assert second["gpus"] == record["provenance"]["gpus"] == int(torch.cuda.is_available())


def test_it_records_how_good_learnt_pseudo_masks_are(
    result: Path, trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    assert json.loads(result.read_text())["pseudo_masks"] == []
    for stage in ("first", "second"):
        pseudo_label(
            f"chain/{stage}", rooms, rooms_split, trained / WEIGHTS, tmp_path / f"{stage}.h5"
        )
    files = [tmp_path / f"{stage}.json" for stage in ("first", "second")]
    output = tmp_path / "0.json"
    evaluate(
        RUN, rooms, rooms_split, trained / WEIGHTS, [trained / TRAINING], output, pseudo_masks=files
    )
    record = json.loads(output.read_text())
    assert [one["stage"] for one in record["pseudo_masks"]] == ["chain/first", "chain/second"]
    first = json.loads(files[0].read_text())
    assert record["pseudo_masks"][0] == {key: first[key] for key in first if key != "digest"}
    assert record["metrics"] == json.loads(result.read_text())["metrics"]
