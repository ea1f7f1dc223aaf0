"""Several tasks from one encoder: their losses, whom they reach, and which images count."""

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from fewmask.config.network import Network
from fewmask.core.errors import FewmaskError
from fewmask.data.batches import Batch, Images
from fewmask.data.store.store import Store
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.losses import mean
from fewmask.objectives.multi_task.objective import MultiTask
from fewmask.objectives.multi_task.settings import MultiTaskSettings as Options
from fewmask.objectives.objective import build
from fewmask.tasks.depth import depth_error, depth_squared_error
from fewmask.tasks.normal import normal_error
from fewmask.tasks.normal.codes import spread
from tests.conftest import SMALL_NETWORK, small_stage

TINY = Network.model_validate(SMALL_NETWORK)
CLASSES = 5
PAPER = ("segmentation", {"name": "depth", "loss": "l2"}, {"name": "normal", "codes": 40})


def objective(*tasks: str | dict[str, Any]) -> MultiTask:
    torch.manual_seed(0)
    options = Options(name="multi_task", **({"tasks": list(tasks)} if tasks else {}))
    return build(options, Blueprint(TINY, options.heads(CLASSES)))


def batch(images: int, masks: bool) -> Batch:
    size = (images, 32, 32)
    normal = torch.nn.functional.normalize(torch.randn(images, 3, 32, 32), dim=1)
    depth = 1 + torch.rand(size)
    depth[:, :8] = 0  # not known
    normal[:, :, :, :8] = 0
    mask = torch.randint(0, CLASSES, size)
    image = torch.rand(images, 3, 32, 32)
    truth = {"depth": depth, "normal": normal} | ({"segmentation": mask} if masks else {})
    return Batch(np.arange(images), image, torch.ones(images, 1, 32, 32), truth=truth)


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)
    return {"labelled": batch(2, masks=True), "unlabelled": batch(3, masks=False)}


def test_the_errors_are_those_of_a_naive_loop():
    torch.manual_seed(0)
    truth, predicted = torch.rand(2, 4, 5), torch.rand(2, 4, 5)
    truth[0, :2] = 0
    expected = [
        abs(p - t)
        for t, p in zip(truth.flatten().tolist(), predicted.flatten().tolist(), strict=True)
        if t > 0
    ]
    assert float(mean(*depth_error(predicted, truth))) == pytest.approx(np.mean(expected), rel=1e-5)
    squared = np.mean([error**2 for error in expected])
    assert float(mean(*depth_squared_error(predicted, truth))) == pytest.approx(squared, rel=1e-5)

    truth, predicted = (torch.nn.functional.normalize(torch.randn(2, 3, 4, 5), dim=1) for _ in "ab")
    truth[1, :, 0] = 0
    expected = []
    for n in range(2):
        for y in range(4):
            for x in range(5):
                one, other = truth[n, :, y, x].tolist(), predicted[n, :, y, x].tolist()
                if any(one):
                    cosine = sum(a * b for a, b in zip(one, other, strict=True))
                    expected.append(1 - cosine / (math.hypot(*one) * math.hypot(*other)))
    assert float(mean(*normal_error(predicted, truth))) == pytest.approx(
        np.mean(expected), rel=1e-5
    )


def test_where_nothing_is_known_nothing_is_lost():
    nothing = torch.zeros(1, 4, 4)
    assert float(mean(*depth_error(torch.rand(1, 4, 4), nothing))) == 0
    assert float(mean(*depth_squared_error(torch.rand(1, 4, 4), nothing))) == 0
    assert float(mean(*normal_error(torch.rand(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)))) == 0


def test_codes_are_learnt_by_the_cross_entropy_of_a_naive_loop():
    one, drawn = objective({"name": "normal", "codes": 6}).eval(), batches()
    directions = spread(6).double().numpy()
    expected = []
    for role in drawn.values():
        with torch.no_grad():
            logits = one.network(role.image, role.inside)["normal_logits"].double().numpy()
        for n, y, x in np.ndindex(len(role.rows), 32, 32):
            truth, scores = role.truth["normal"][n, :, y, x].double().numpy(), logits[n, :, y, x]
            if truth.any():
                code = np.argmax(directions @ truth)
                expected.append(np.log(np.exp(scores).sum()) - scores[code])
    with torch.no_grad():
        found = one.losses(drawn, step=0)["normal"]
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.parametrize("tasks", [(), PAPER], ids=["benchmark", "paper"])
def test_every_loss_falls_and_is_what_validation_tells(tasks: tuple):
    one, drawn = objective(*tasks), batches()
    optimiser = torch.optim.Adam(one.parameters(), lr=0.003)
    seen = []
    for step in range(30):
        losses = one.losses(drawn, step)
        seen.append({task: loss.item() for task, loss in losses.items()})
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
    assert all(seen[-1][task] < 0.9 * seen[0][task] for task in seen[0]), (seen[0], seen[-1])
    labelled = {"labelled": drawn["labelled"]}
    measured = one.validate(one.network, labelled.values(), nullcontext)
    one.eval()
    with torch.no_grad():
        losses = one.losses(labelled, 0)
    assert measured["loss"] == pytest.approx(float(sum(losses.values())), rel=1e-4)
    for task, loss in losses.items():
        assert measured[f"loss_{task}"] == pytest.approx(float(loss), rel=1e-4)


def test_every_task_has_a_validation_score():
    one, drawn = objective("depth", "segmentation").eval(), batches()["labelled"]
    values = one.validate(one.network, [drawn], nullcontext)
    with torch.no_grad():
        outputs = one.network(drawn.image, drawn.inside)
    known = drawn.truth["depth"] > 0
    error = (outputs["depth"] - drawn.truth["depth"]).abs()[known].mean()
    assert values["depth_absolute_error"] == pytest.approx(float(error), rel=1e-5)
    hit = (outputs["segmentation"].argmax(1) == drawn.mask).float().mean()
    assert values["pixel_accuracy"] == pytest.approx(float(hit), rel=1e-5)
    selectable = Options(name="multi_task", tasks=["depth", "segmentation"]).validates
    assert set(values) == {*selectable, "loss_depth", "loss_segmentation"}


def test_weights_are_selected_by_a_metric_of_what_is_learnt():
    depth = {"objective": {"name": "multi_task", "tasks": ["depth"]}, "batch": {"all": 4}}
    small_stage(**depth, evaluation={"metric": "depth_absolute_error"})
    with pytest.raises(ValidationError, match="metric is miou; on validation images"):
        small_stage(**depth, evaluation={"metric": "miou"})


def test_every_task_reaches_the_encoder_and_its_own_decoder_only():
    for task in ("segmentation", "depth", "normal"):
        one = objective()
        one.losses(batches(), step=0)[task].backward()
        reached = {name for name, p in one.network.named_parameters() if p.grad is not None}
        is_first = task == one.network.first
        own = ("decoder.", "segmentation_head.") if is_first else (f"tasks.{task}.",)
        assert any(name.startswith("encoder.") for name in reached)
        assert {n for n in reached if not n.startswith("encoder.")} == {
            name for name, _ in one.network.named_parameters() if name.startswith(own)
        }


def test_unlabelled_images_count_for_depth_and_normals_but_not_for_masks():
    one, drawn = objective().eval(), batches()
    with torch.no_grad():
        whole = one.losses(drawn, step=0)
        alone = one.losses({"labelled": drawn["labelled"]}, step=0)
    assert torch.allclose(whole["segmentation"], alone["segmentation"], atol=1e-6)
    assert not torch.allclose(whole["depth"], alone["depth"])
    assert not torch.allclose(whole["normal"], alone["normal"])


@pytest.mark.parametrize("tasks", [(), PAPER], ids=["benchmark", "paper"])
def test_a_network_tells_metres_and_unit_vectors(tasks: tuple):
    network = objective(*tasks).network.eval()
    outputs = network(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))
    assert outputs["segmentation"].shape == (2, CLASSES, 32, 32)
    assert outputs["depth"].shape == (2, 32, 32)
    assert torch.allclose(outputs["normal"].norm(dim=1), torch.ones(2, 32, 32), atol=1e-5)


def test_single_tasks_are_asked_for_alone():
    assert list(objective("depth").losses({"all": batch(2, masks=False)}, 0)) == ["depth"]
    stage = small_stage(objective={"name": "multi_task", "tasks": ["depth"]},
                        batch={"all": 4}, evaluation={"metric": "loss"})  # fmt: skip
    assert not stage.depends_on_fraction
    with pytest.raises(ValidationError, match="needs labelled, and may draw unlabelled, all"):
        small_stage(objective={"name": "multi_task"}, batch={"all": 4})
    with pytest.raises(ValidationError, match="named twice"):
        Options(name="multi_task", tasks=["depth", "depth"])


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ({"name": "normal", "codes": 3}, "greater than 3"),
        ({"name": "normal", "codes": 256}, "less than or equal to 255"),
        ({"name": "depth", "codes": 40}, "Extra inputs"),
        ("depths", "does not match any of the expected tags"),
    ],
)
def test_settings_that_make_no_sense_are_refused(task: str | dict[str, Any], expected: str):
    with pytest.raises(ValidationError, match=expected):
        Options(name="multi_task", tasks=[task])


def test_depths_and_normals_come_with_all_images(tmp_path: Path, rooms: Path):
    from fewmask.data.rendered.scenes import render
    from tests.data.making import scenes_store

    path = scenes_store(tmp_path / "rooms.h5", images=3)
    with Store(path) as store:
        images = Images(store, np.arange(3), torch.device("cpu"), ["depth", "normal"])
        drawn = images.batch(np.array([2, 0]), labelled=False)
        scene = render(0, 2, 32, 32)
        assert drawn.mask is None
        assert np.array_equal(drawn.truth["depth"][0].numpy(), scene.depth)
        assert np.array_equal(drawn.truth["normal"][0].permute(1, 2, 0).numpy(), scene.normal)
    with Store(rooms) as store, pytest.raises(FewmaskError, match="has no depth, which"):
        Images(store, np.arange(3), torch.device("cpu"), ["depth"])
