"""Changed files about the results of jobs are refused."""

import json
from pathlib import Path

import pytest

from fewmask.core.errors import FewmaskError
from fewmask.metrics.records import read_training, write_record
from fewmask.report.results.histories import TrainedStage, histories
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import small_stage
from tests.report.synthetic_runs import RECORD


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_record(tmp_path / "training.json", RECORD)
    record = read_training(tmp_path / "training.json")
    assert {name: getattr(record, name) for name in RECORD} == RECORD


@pytest.mark.parametrize(
    ("old", "new"), [('"seconds": 12.5', '"seconds": 13.5'), ("0.0003", "0.003")]
)
def test_a_changed_number_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "training.json"
    write_record(path, RECORD)
    path.write_text(path.read_text().replace(old, new))
    json.loads(path.read_text())
    with pytest.raises(FewmaskError, match=rf"{path}.*does not match its digest"):
        read_training(path)


def test_another_order_is_refused(tmp_path: Path) -> None:
    """What is made of a record, such as the provenance of a run, keeps its order."""
    path = tmp_path / "training.json"
    write_record(path, RECORD)
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))
    with pytest.raises(FewmaskError, match=rf"{path}.*does not match its digest"):
        read_training(path)


def test_a_record_without_digest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    path.write_text(json.dumps(RECORD))
    with pytest.raises(FewmaskError, match=rf"{path}.*digest: Field required"):
        read_training(path)


def test_a_changed_history_is_refused(rooms: Path, rooms_split: Path, project: Path) -> None:
    cell = "rooms/supervised/n12/0/supervised"
    folder = project / "results/stages" / cell
    assert train(Inputs(rooms, rooms_split), small_stage(steps=5), 0, folder)
    [history] = histories("results", [TrainedStage(cell, "miou")], "rooms")
    assert history.evaluations["step"].tolist() == [5]
    path = folder / "history.csv"
    path.write_text(path.read_text().replace("\n5,", "\n4,"))
    with pytest.raises(FewmaskError, match=r"history.csv: .*does not match its digest"):
        histories("results", [TrainedStage(cell, "miou")], "rooms")
