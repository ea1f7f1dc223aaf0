"""Files that do not belong together are refused, and nothing is written."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from fewmask.core.errors import FewmaskError
from fewmask.core.paths import TRAINING, WEIGHTS
from fewmask.data.store.hdf5 import seal
from fewmask.inference.pseudo_label import pseudo_label
from fewmask.metrics.records import write_record
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.inference.evaluating import RUN, changed_role, evaluate


def test_weights_of_other_data_are_refused(
    trained: Path, rooms_split: Path, rooms: Path, tmp_path: Path
):
    other = tmp_path / "rooms.h5"
    other.write_bytes(rooms.read_bytes())
    with h5py.File(other, "r+") as file:
        file.attrs["digest"] = "0" * 64
        seal(file)
    with pytest.raises(FewmaskError, match="trained on other data than"):
        evaluate(RUN, other, rooms_split, trained / WEIGHTS, [], tmp_path / "0.json")
    assert not (tmp_path / "0.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: changed_role(text, "test", "unlabelled"), "trained with another split than"),
        (lambda text: changed_role(text, "validation", "test"), "trained with another split than"),
        (lambda text: changed_role(text, "unlabelled", "labelled"), "trained with another split"),
        (lambda text: text.replace("scene_00035,35,test,\n", ""), "35 of the dataset's 36 images"),
        (lambda text: text.replace(",35,", ",9999,"), "scene_00035' in row 9999"),
        (lambda text: text.replace("scene_00035", "scene_00034"), "which is scene_00035"),
    ],
)
def test_a_split_that_was_changed_is_refused(
    trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path, change, message: str
):
    split = tmp_path / "split.csv"
    split.write_text(change(rooms_split.read_text()))
    outputs = [tmp_path / "out/0.json", tmp_path / "out/pseudo_masks.h5"]
    with pytest.raises(FewmaskError, match=message):
        evaluate(RUN, rooms, split, trained / WEIGHTS, [trained / TRAINING], outputs[0])
    with pytest.raises(FewmaskError, match=message):
        pseudo_label("chain/first", rooms, split, trained / WEIGHTS, outputs[1])
    if "trained" not in message:  # else a training may well take it, but not this one's weights
        with pytest.raises(FewmaskError, match=message):
            train(Inputs(rooms, split), small_stage(precision="fp32"), 0, tmp_path / "stage")
    assert not (tmp_path / "out").exists()


def test_weights_of_another_seed_or_training_are_refused(
    trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    output, weights, own = tmp_path / "0.json", trained / WEIGHTS, trained / TRAINING
    with pytest.raises(FewmaskError, match="another seed\n  found: 0\n  expected: 4"):
        evaluate(replace(RUN, seed=4), rooms, rooms_split, weights, [own], output)
    record = json.loads(own.read_text())
    for change, message in [
        ({"seed": 4}, "another seed"),
        ({"training": record["training"] | {"steps": 21}}, "of another training than"),
        ({"digests": record["digests"] | {"dataset": "0"}}, "of another training than"),
    ]:
        other = tmp_path / TRAINING
        write_record(other, record | change)
        with pytest.raises(FewmaskError, match=message):
            evaluate(RUN, rooms, rooms_split, weights, [other], output)
    for text in ("", "[]", "{}", "null", own.read_text()[:200], "\0"):
        other.write_text(text)
        with pytest.raises(FewmaskError, match="not the record of a training"):
            evaluate(RUN, rooms, rooms_split, weights, [other, own], output)
        with pytest.raises(FewmaskError, match="not the quality of pseudo-masks"):
            evaluate(RUN, rooms, rooms_split, weights, [own], output, pseudo_masks=[other])
    assert not output.exists()


def test_weights_that_saw_all_masks_are_judged_with_the_split_of_any_fraction(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    """Who is labelled differs, who is held out does not."""
    stage = small_stage(precision="fp32", labels="all", steps=5)
    assert train(Inputs(rooms, rooms_split), stage, 0, tmp_path)
    files = [tmp_path / WEIGHTS, [tmp_path / TRAINING], tmp_path / "0.json"]
    split = tmp_path / "split.csv"
    split.write_text(changed_role(rooms_split.read_text(), "labelled", "unlabelled"))
    evaluate(RUN, rooms, split, *files)
    split.write_text(changed_role(rooms_split.read_text(), "test", "unlabelled"))
    with pytest.raises(FewmaskError, match="trained with another split than"):
        evaluate(RUN, rooms, split, *files)


@pytest.mark.parametrize("damaged", ["", "[]", '{"seconds": 1', '{"seconds": "1"}', "\0"])
@pytest.mark.parametrize("name", [TRAINING, "pseudo_masks.json"])
def test_a_damaged_record_is_named_and_nothing_is_written(
    trained: Path, rooms: Path, rooms_split: Path, tmp_path: Path, name: str, damaged: str
):
    path, output = tmp_path / name, tmp_path / "metrics/0.json"
    path.write_text(damaged)
    training, pseudo_masks = ([path], []) if name == TRAINING else ([trained / TRAINING], [path])
    files = (rooms, rooms_split, trained / WEIGHTS, training, output)
    with pytest.raises(FewmaskError, match="run the workflow again") as error:
        evaluate(RUN, *files, pseudo_masks=pseudo_masks)
    assert str(error.value).startswith(f"{path}: not the ")
    assert not output.parent.exists()
