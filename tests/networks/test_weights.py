"""Files of weights: what is written is read again, and what is foreign or damaged is refused."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.weights import (
    KEY,
    load_segmenter,
    load_weights,
    read_description,
    save_weights,
)
from tests.conftest import SMALL_RESNET, small_stage

CPU = torch.device("cpu")
TINY = SMALL_RESNET


def describe(network: dict[str, Any] = TINY, **changes: Any) -> dict[str, Any]:
    """What `fewmask train` says of the weights of a network for two classes."""
    reader = {"name": "scenes", "images": 9}
    dataset = {"dataset": "rooms", "reader": reader, "classes": ["wall", "floor"], "size": 32}
    return {
        "version": "0",
        "network": Network(**network).model_dump(mode="json"),
        "training": json.loads(small_stage(network=network).shaping()),
        "dataset": dataset,
        "seed": 3,
        "digests": {"dataset": "a", "split": "b", "tested": "c"},
    } | changes


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return Segmenter(Network(**TINY), {"segmentation": 2}).state_dict()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_weights(tmp_path / "weights.safetensors", tensors(), describe())
    return tmp_path / "weights.safetensors"


@pytest.mark.parametrize(
    "network",
    [
        TINY,
        {"architecture": "unetplusplus", "encoder": "resnet18", "weights": "none"},
        {"architecture": "fpn", "encoder": "resnet18", "weights": "none", "padding_channel": True},
        {"architecture": "deeplabv2", "encoder": "resnet18", "weights": "none"},
        {"architecture": "deeplabv3plus", "encoder": "resnet18", "weights": "none"},
        {"architecture": "segnet", "encoder": "vgg11_bn", "weights": "none"},
    ],
    ids=lambda network: network.get("architecture", "unet"),
)
def test_what_is_saved_is_loaded(tmp_path: Path, network: dict[str, Any]):
    path, description = tmp_path / "weights.safetensors", describe(network)
    saved = Segmenter(Network(**network), {"segmentation": 2})
    save_weights(path, saved.state_dict(), description)
    loaded, found = load_segmenter(path, CPU)
    assert found.record == description
    assert found.trained_on.height_width == (32, 32)
    for name, tensor in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor), name
    again = tmp_path / "again.safetensors"
    save_weights(again, saved.state_dict(), description)
    assert again.read_bytes() == path.read_bytes()


DESCRIPTIONS = {
    "no JSON": "{",
    "empty": "{}",
    "list": "[]",
    "null": "null",
    "number": "1e999",
    "nested": "[" * 100_000,
    "long": json.dumps(describe(version="x" * 2**21)),
    "a key missing": json.dumps({k: v for k, v in describe().items() if k != "digests"}),
    "a key too many": json.dumps(describe(more=1)),
    "digests null": json.dumps(describe(digests=None)),
    "seed of 5,000 digits": json.dumps(describe()).replace('"seed": 3', f'"seed": {"9" * 5000}'),
    "no such encoder": json.dumps(describe()).replace("resnet18", "resnet1800"),
    "channels without end": json.dumps(describe()).replace("[16, 8, 4]", f"[16, 8, {10**12}]"),
    "another encoder": json.dumps(describe()).replace("resnet18", "resnet34"),
    "no decoder for it": json.dumps(describe({"encoder": "mit_b0", "weights": "none"})).replace(
        '"unet"', '"deeplabv3"'
    ),
    "more classes": json.dumps(describe()).replace('"floor"', '"floor", "door"'),
    "no classes": json.dumps(describe()).replace('["wall", "floor"]', "[]"),
    "rates without end": json.dumps(
        describe(
            {
                "architecture": {"name": "deeplabv2", "aspp_rates": [6]},
                "encoder": "resnet18",
                "weights": "none",
            }
        )
    ).replace("[6]", str([6] * 10_000)),
    "a size of 0": json.dumps(describe()).replace('"size": 32', '"size": 0'),
    "no such objective": json.dumps(describe()).replace('"supervised"', '"unsupervised"'),
}


@pytest.mark.parametrize("text", DESCRIPTIONS.values(), ids=DESCRIPTIONS.keys())
def test_a_description_that_makes_no_sense_is_refused(path: Path, text: str):
    """Also where its digest is right, as a file of somebody else's may have it."""
    from fewmask.networks.weights import _digest

    found = load_file(path)
    entry = json.dumps({"description": text, "digest": _digest(text, found)})
    save_file(found, path, {KEY: entry})
    with pytest.raises(FewmaskError, match=str(path)):
        load_segmenter(path, CPU)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"other": "1"},
        *({KEY: text} for text in ("", "{", "{}", "[]", "null", "3", '"description"', "[" * 10**5)),
        {KEY: json.dumps({"description": {}, "digest": ""})},
        {KEY: json.dumps({"description": "{}"})},
    ],
)
def test_files_of_others_are_refused(tmp_path: Path, metadata: dict[str, str] | None):
    path = tmp_path / "weights.safetensors"
    save_file(tensors(), path, metadata)
    for read in (read_description, load_weights):
        with pytest.raises(FewmaskError, match="were not written by fewmask train"):
            read(path)


def test_no_file_and_no_weights_are_told(tmp_path: Path):
    (tmp_path / "text").write_text("no weights")
    for name in ("nothing", "text", "."):
        for read in (read_description, load_weights):
            with pytest.raises(FewmaskError, match="cannot be read as weights"):
                read(tmp_path / name)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_neither_written_nor_read(
    tmp_path: Path, value: float, monkeypatch: pytest.MonkeyPatch
):
    broken = tensors()
    broken["segmentation_head.0.bias"][0] = value
    path = tmp_path / "weights.safetensors"
    with pytest.raises(FewmaskError, match=r"not finite: segmentation_head\.0\.bias"):
        save_weights(path, broken, describe())
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr("fewmask.networks.weights._not_finite", lambda tensors: "")
    save_weights(path, broken, describe())
    monkeypatch.undo()
    with pytest.raises(FewmaskError, match=r"not finite: segmentation_head\.0\.bias"):
        load_weights(path)


def test_no_changed_byte_goes_unnoticed(tmp_path: Path):
    """Anywhere in the file, or it is cut short: refused, or what is read is what was written."""
    path, small = tmp_path / "weights.safetensors", {"a": torch.rand(40), "b": torch.arange(3)}
    save_weights(path, small, describe())
    whole, draw = path.read_bytes(), random.Random(0)
    unnoticed = 0
    for _ in range(400):
        changed = bytearray(whole)
        changed[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(changed if draw.random() < 0.8 else whole[: draw.randrange(len(whole))])
        try:
            found = load_weights(path)
        except FewmaskError:
            continue
        unnoticed += 1
        assert all(torch.equal(found[name], small[name]) for name in small)
    assert unnoticed < 40
