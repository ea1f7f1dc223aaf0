"""SimCLR: its loss, its views, what it trains, and that what it learns is of use."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.core.paths import WEIGHTS
from fewmask.data.batches import Batch
from fewmask.data.preparation.prepare import prepare
from fewmask.data.splits import file as split_files
from fewmask.data.store.store import Store
from fewmask.networks.backbone import Backbone
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.segmenter import Segmenter
from fewmask.networks.transfer import transfer
from fewmask.networks.weights import load_segmenter, load_weights, read_description, save_weights
from fewmask.objectives.objective import build
from fewmask.objectives.simclr import objective as simclr
from fewmask.objectives.simclr.objective import nt_xent
from fewmask.objectives.simclr.settings import SimCLRSettings as Options
from fewmask.training.inputs import Inputs
from fewmask.training.job import train
from tests.conftest import SMALL_RESNET, small_stage

TINY = Network.model_validate(SMALL_RESNET)
PRETRAINING = {
    "network": SMALL_RESNET,
    "objective": {"name": "simclr"},
    "batch": {"all": 8},
    "evaluation": {"every": 5, "metric": "loss"},
}


def batch(images: int, size: int = 32) -> dict[str, Batch]:
    image = torch.rand(images, 3, size, size)
    return {"all": Batch(np.arange(images), image, torch.ones(images, 1, size, size))}


def naive_nt_xent(first: torch.Tensor, second: torch.Tensor, temperature: float) -> float:
    """Equation 2.1 as it is written: views 2k - 1 and 2k belong together."""
    views = [view for pair in zip(first.double(), second.double(), strict=True) for view in pair]

    def similarity(i: int, j: int) -> torch.Tensor:
        return torch.exp(functional.cosine_similarity(views[i], views[j], dim=0) / temperature)

    def loss(i: int, j: int) -> torch.Tensor:
        others = sum(similarity(i, k) for k in range(len(views)) if k != i)
        return -torch.log(similarity(i, j) / others)

    pairs = [(2 * k, 2 * k + 1) for k in range(len(first))]
    return float(sum(loss(i, j) + loss(j, i) for i, j in pairs) / len(views))


@given(
    images=st.integers(2, 6),
    length=st.integers(2, 9),
    temperature=st.floats(0.05, 5),
    seed=st.integers(0, 1000),
)
def test_nt_xent_is_its_formula(images: int, length: int, temperature: float, seed: int):
    torch.manual_seed(seed)
    first, second = torch.randn(2, images, length)
    expected = naive_nt_xent(first, second, temperature)
    loss = nt_xent(first, second, np.arange(images), temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_nt_xent_is_computed_in_full_precision():
    first, second = torch.randn(2, 16, 32)
    with torch.autocast("cpu", torch.bfloat16):
        loss = nt_xent(first.bfloat16(), second.bfloat16(), np.arange(16), 0.1)
    expected = naive_nt_xent(first.bfloat16(), second.bfloat16(), 0.1)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_a_copy_of_a_image_is_none_of_the_others():
    first, second = torch.randn(2, 5, 8).double()
    rows = np.array([3, 7, 3, 9, 7])
    views = functional.normalize(torch.cat([first, second]), dim=1)
    similarity = torch.exp(views @ views.T / 0.3)
    terms = []
    for i in range(10):
        partner = (i + 5) % 10
        others = [j for j in range(10) if rows[j % 5] != rows[i % 5]]
        total = similarity[i, partner] + similarity[i, others].sum()
        terms.append(-torch.log(similarity[i, partner] / total))
    expected = float(torch.stack(terms).mean())
    assert float(nt_xent(first, second, rows, 0.3)) == pytest.approx(expected, rel=1e-5)


def test_views_are_compared_part_by_part(monkeypatch: pytest.MonkeyPatch):
    first, second = torch.randn(2, 6, 8)
    whole = nt_xent(first, second, np.arange(6), 0.3)
    monkeypatch.setattr(simclr, "PART", 5)
    assert torch.allclose(nt_xent(first, second, np.arange(6), 0.3), whole)


def test_a_batch_of_more_images_than_there_are_is_refused(
    rooms: Path, rooms_split: Path, tmp_path: Path
):
    stage = small_stage(**PRETRAINING | {"batch": {"all": 21}})
    with pytest.raises(FewmaskError, match=r"batch\.all is 21, and .* has 20 such images: simclr"):
        train(Inputs(rooms, rooms_split), stage, 0, tmp_path / "stage")


def test_the_gradient_reaches_the_encoder_and_the_head():
    objective = build(Options(name="simclr"), Blueprint(TINY, {"segmentation": 0}))
    objective.losses(batch(4), step=0)["contrastive"].backward()
    reached = {n for n, p in objective.named_parameters() if p.grad is not None and p.grad.any()}
    assert {"network.encoder.conv1.weight", "head.0.weight", "head.2.weight"} <= reached
    assert [name for name, _ in objective.network.named_children()] == ["encoder"]


def test_the_two_views_are_different_images_of_the_same_thing(monkeypatch: pytest.MonkeyPatch):
    seen = []
    features = Backbone.features

    def spy(self: Backbone, image: torch.Tensor, inside: torch.Tensor) -> list[torch.Tensor]:
        seen.append(image)
        return features(self, image, inside)

    monkeypatch.setattr(Backbone, "features", spy)
    no_colours = dict.fromkeys(("brightness", "contrast", "saturation", "hue", "greyscale"), 0)
    options = Options(name="simclr", views={"crop_area": (0.5, 1.0), "blur": 0} | no_colours)
    # Every image has a colour of its own, which crops and flips leave as it is.
    colours = torch.rand(6, 3, 1, 1).expand(-1, -1, 32, 32).clone()
    colours[:, :, :16] *= 0.5
    drawn = {"all": Batch(np.arange(6), colours, torch.ones(6, 1, 32, 32))}
    build(options, Blueprint(TINY, {"segmentation": 0})).losses(drawn, 0)
    first, second = seen[0].chunk(2)
    assert torch.allclose(first.amax((2, 3)), colours.amax((2, 3)), atol=1e-6)
    assert torch.allclose(second.amax((2, 3)), colours.amax((2, 3)), atol=1e-6)
    assert not torch.equal(first, second)


def test_a_image_alone_is_refused():
    with pytest.raises(ValidationError, match=r"batch\.all must be at least 2: simclr pairs"):
        small_stage(**PRETRAINING | {"batch": {"all": 1}})


def test_only_the_loss_can_be_selected_by():
    with pytest.raises(ValidationError, match=r"metric is miou; .* simclr measures loss"):
        small_stage(**PRETRAINING | {"evaluation": {}})


def test_a_setting_of_the_views_leaves_the_others_as_they_are():
    views = Options(name="simclr", views={"blur": 0}).views
    assert (views.blur, views.hue, views.crop_area) == (0, 0.2, (0.2, 1.0))


def test_validation_draws_the_same_views_always():
    objective = build(Options(name="simclr"), Blueprint(TINY, {"segmentation": 0}))
    batches = [batch(4)["all"]]
    found = [objective.validate(objective.network, batches, torch.no_grad) for _ in range(2)]
    assert found[0] == found[1]
    assert 0 < found[0]["loss"] < 10


@pytest.fixture(scope="module")
def pretrained(rooms: Path, rooms_split: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a short pretraining with three channels."""
    folder = tmp_path_factory.mktemp("pretrained")
    assert train(Inputs(rooms, rooms_split), small_stage(steps=10, **PRETRAINING), 0, folder)
    return folder / WEIGHTS


def test_fine_tuning_starts_from_the_pretrained_encoder(
    pretrained: Path, rooms: Path, rooms_split: Path, tmp_path: Path
):
    # No update that could be seen: what comes out is what went in.
    still = small_stage(
        network=SMALL_RESNET,
        steps=1,
        optimiser={"name": "sgd", "learning_rate": 1e-30},
        schedule={"name": "constant"},
        transfer=["encoder"],
    )
    assert train(Inputs(rooms, rooms_split, start_from=pretrained), still, 0, tmp_path)
    given, found = load_weights(pretrained), load_weights(tmp_path / WEIGHTS)
    compared = [name for name in given if "running" not in name and "num_batches" not in name]
    assert len(compared) > 50
    for name in compared:
        assert torch.equal(found[name], given[name]), name


def test_a_padding_channel_may_come_and_go(pretrained: Path, tmp_path: Path, capsys):
    image, inside = torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32)
    three = Backbone(TINY).eval()
    transfer(three, pretrained, ["encoder"])
    four = Segmenter(TINY.model_copy(update={"padding_channel": True}), {"segmentation": 7}).eval()
    capsys.readouterr()
    transfer(four, pretrained, ["encoder"])
    printed = capsys.readouterr().err
    assert (
        "loaded encoder (120 tensors), encoder.conv1.weight fitted to the input channels" in printed
    )
    assert "newly initialised: decoder, segmentation_head" in printed
    # The first of the features is what the encoder was given.
    for network in (three, four):
        assert network.features(image, inside)[0].shape[1] == (3 if network is three else 4)
    pairs = zip(three.features(image, inside)[1:], four.features(image, inside)[1:], strict=True)
    for known, widened in pairs:
        assert torch.allclose(known, widened, atol=1e-5)

    description = read_description(pretrained).record
    description["network"] |= {"padding_channel": True}
    save_weights(tmp_path / "four.safetensors", four.state_dict(), description)
    again = Backbone(TINY).eval()
    transfer(again, tmp_path / "four.safetensors", ["encoder"])
    for name, tensor in three.encoder.state_dict().items():
        assert torch.equal(again.encoder.state_dict()[name], tensor), name


def test_parts_that_are_not_in_the_file_are_refused(pretrained: Path):
    with pytest.raises(FewmaskError, match=r"it has no decoder; .*\n.*in the file: encoder$"):
        transfer(Segmenter(TINY, {"segmentation": 7}), pretrained, ["encoder", "decoder"])
    with pytest.raises(FewmaskError, match="the network has no decoder"):
        transfer(Backbone(TINY), pretrained, ["decoder"])
    with pytest.raises(FewmaskError, match="weights of simclr, which predicts nothing"):
        load_segmenter(pretrained, torch.device("cpu"))


# What is learnt, on real images.


def accuracy_of_a_linear_probe(network: Backbone, store: Store, train_rows, test_rows) -> float:
    """How many cats and dogs a ridge regression on a network's features tells apart."""

    @torch.no_grad()
    def features(rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        image = torch.from_numpy(store.read("image", rows)).permute(0, 3, 1, 2) / 255
        found = [
            network.features(part, torch.ones_like(part[:, :1]))[-1].mean((2, 3))
            for part in image.split(250)
        ]
        return torch.cat(found).double(), torch.from_numpy(store.read("category", rows))

    network.eval()
    (x, y), (x_test, y_test) = features(train_rows), features(test_rows)
    mean, spread = x.mean(0), x.std(0) + 1e-6
    x, x_test = (torch.cat([(f - mean) / spread, torch.ones(len(f), 1)], 1) for f in (x, x_test))
    ridge = 100 * torch.eye(x.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(x.T @ x + ridge, x.T @ (2.0 * y - 1).double())
    return float(((x_test @ weights > 0).long() == y_test).double().mean())


@pytest.mark.nightly
def test_features_of_cats_and_dogs_are_better_than_random_ones(real_data: Path, tmp_path: Path):
    settings = {
        "dataset": "cats_vs_dogs",
        "reader": {"name": "class_folders", "folder": "PetImages"},
        "root": "cats-vs-dogs",
        "size": 32,
        "fit": "crop",
    }
    prepare(json.dumps(settings), tmp_path / "cats_vs_dogs.h5", workers=2)
    with Store(tmp_path / "cats_vs_dogs.h5") as store:
        order = np.random.default_rng(0).permutation(len(store.names))
        train_rows, test_rows = np.sort(order[:2000]), np.sort(order[2000:])
        roles = np.full(len(order), "", dtype="<U10")
        roles[train_rows] = "unlabelled"
        split_files.write(tmp_path / "0.csv", store.names, roles.tolist())
        stage = small_stage(
            network={"encoder": "resnet18", "weights": "none"},
            objective={"name": "simclr", "temperature": 0.2},
            optimiser={"name": "adamw", "learning_rate": 0.001},
            schedule={"name": "constant"},
            augmentation={},
            batch={"all": 64},
            steps=140,
            evaluation={"metric": "none"},
        )
        inputs = Inputs(tmp_path / "cats_vs_dogs.h5", tmp_path / "0.csv")
        assert train(inputs, stage, 0, tmp_path / "stage")
        found = {}
        for name in ("random", "learnt"):
            torch.manual_seed(0)
            network = Backbone(stage.network)
            if name == "learnt":
                transfer(network, tmp_path / "stage" / WEIGHTS, ["encoder"])
            else:  # its batch-norms know the images, as those of the other do
                image = torch.from_numpy(store.read("image", train_rows)).permute(0, 3, 1, 2) / 255
                with torch.no_grad():
                    for part in image.split(100):
                        network.features(part, torch.ones_like(part[:, :1]))
            found[name] = accuracy_of_a_linear_probe(network, store, train_rows, test_rows)
    # On 4,000 images the accuracy is known to 0.8 points (one standard deviation).
    assert found["learnt"] > found["random"] + 0.02, found
