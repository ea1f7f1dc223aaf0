"""Self-training: its losses, whom their gradients reach, and its teacher."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.config.network import Network
from fewmask.data.batches import Batch
from fewmask.networks.blueprint import Blueprint
from fewmask.objectives.objective import build
from fewmask.objectives.self_training.objective import SelfTraining
from fewmask.objectives.self_training.settings import SelfTrainingSettings as Options
from fewmask.training.loop import Training
from tests.conftest import SMALL_RESNET, small_stage
from tests.networks.test_teacher import shares

CLASSES = 5
TINY = Network.model_validate(SMALL_RESNET)
DEEP = Network(architecture="deeplabv2", encoder="resnet18", weights="none")


def objective(network: Network = TINY, **options: object) -> SelfTraining:
    torch.manual_seed(0)
    options = {"strong_augmentation": {"boxes": 1, "box_size": 0.25}} | options
    return build(
        Options(name="self_training", **options), Blueprint(network, {"segmentation": CLASSES})
    )


def batch(images: int, masks: bool, size: int = 32) -> Batch:
    inside = torch.ones(images, 1, size, size)
    inside[0, :, size - 4 :] = 0
    found = torch.randint(0, CLASSES, (2, images, size, size))
    image = torch.rand(images, 3, size, size)
    truth = {"segmentation": found[0]} if masks else {}
    return Batch(np.arange(images), image, inside, pseudo_mask=found[1], truth=truth)


def batches() -> dict[str, Batch]:
    torch.manual_seed(1)
    return {"labelled": batch(2, masks=True), "unlabelled": batch(3, masks=False)}


def test_the_losses_are_their_formulas():
    one = objective(strong_augmentation=None)
    drawn = batches()
    found = one.losses(drawn, step=0)

    image = torch.cat([b.image for b in drawn.values()])
    inside = torch.cat([b.inside for b in drawn.values()])
    pseudo_masks = torch.cat([b.pseudo_mask for b in drawn.values()])
    labelled = drawn["labelled"]
    # In training mode, so that the batch-norms see all that the objective concatenates.
    again = objective(strong_augmentation=None)
    features = again.network.features(
        torch.cat([labelled.image, image]), torch.cat([labelled.inside, inside])
    )
    logits = again.network.segmentation_head(again.network.decoder(features))
    expected = functional.cross_entropy(logits[:2], labelled.mask)
    assert torch.allclose(found["cross_entropy"], expected, atol=1e-6)

    teacher = objective(strong_augmentation=None).network.eval()
    with torch.no_grad():
        classes = teacher(image, inside)["segmentation"].argmax(1)
    classes[inside[:, 0] == 0] = IGNORE
    expected = functional.cross_entropy(logits[2:], classes, ignore_index=IGNORE)
    assert torch.allclose(found["consistency"], expected, atol=1e-6)

    of_both = [feature[2:] for feature in features]
    of_both[-1] = again.auxiliary.encoder(of_both[-2])
    scores = again.auxiliary.segmentation_head(again.auxiliary.decoder(of_both))
    expected = functional.cross_entropy(scores, pseudo_masks)
    assert torch.allclose(found["pseudo_masks"], expected, atol=1e-6)


@pytest.mark.parametrize("network", [TINY, DEEP], ids=["unet", "deeplabv2"])
@pytest.mark.parametrize("own_blocks", [1, 2])
def test_the_auxiliary_gradient_reaches_exactly_the_shared_blocks(network, own_blocks: int):
    one = objective(network, auxiliary={"own_blocks": own_blocks})
    one.losses(batches(), step=0)["pseudo_masks"].backward()
    reached = {name for name, p in one.network.named_parameters() if p.grad is not None}
    last = "encoder.layer4." if network is DEEP else "encoder.layer2."
    # What the encoder holds beyond its depth is part of no forward pass.
    used = ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"][: 6 if network is DEEP else 4]
    encoder = {
        name
        for name, _ in one.network.named_parameters()
        if name.startswith("encoder.") and name.split(".")[1] in used
    }
    shared = encoder if own_blocks == 1 else {n for n in encoder if not n.startswith(last)}
    assert reached == shared
    assert all(p.grad is not None for p in one.auxiliary.parameters())


def test_no_gradient_reaches_the_teacher_and_no_optimiser_moves_it():
    one = objective()
    sum(one.losses(batches(), step=0).values()).backward()
    assert all(p.grad is None and not p.requires_grad for p in one.teacher.parameters())
    student = {id(p) for p in one.network.parameters()}
    assert not student & {id(p) for p in one.teacher.parameters()}
    assert not student & {id(p) for p in one.auxiliary.parameters()}


def test_the_teacher_is_the_closed_form_of_the_average():
    decay, steps = 0.8, 5
    one = objective(teacher_decay=decay)
    optimiser = torch.optim.SGD([p for p in one.parameters() if p.requires_grad], lr=0.1)
    one.train()
    seen = []
    for step in range(steps):
        losses = one.losses(batches(), step)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        optimiser.step()
        one.after_update()
        seen.append({n: t.clone().double() for n, t in one.network.state_dict().items()})
    held = shares(steps, decay)
    for name, tensor in one.teacher.network.state_dict().items():
        if tensor.is_floating_point():
            expected = sum(s * weights[name] for s, weights in zip(held, seen, strict=True))
            assert torch.allclose(tensor.double(), expected, atol=1e-5), name
        else:
            assert torch.equal(tensor, one.network.state_dict()[name]), name
    assert any("running_mean" in name for name in one.teacher.network.state_dict())


def test_the_decay_of_the_teacher_may_rise():
    options = Options(name="self_training", teacher_decay=0.5, later_decays={3: 0.7, 6: 0.9})
    assert [options.decay_after(k) for k in (0, 2, 3, 5, 6, 99)] == [0.5, 0.5, 0.7, 0.7, 0.9, 0.9]
    one = objective(teacher_decay=0.5, later_decays={3: 0.7})
    weight, kept = (of.segmentation_head[0].weight for of in (one.network, one.teacher.network))
    for k in range(5):
        with torch.no_grad():
            weight.fill_(k)
        expected = float(kept.flatten()[0])
        one.after_update()
        decay = min(1 - 1 / (k + 1), 0.5 if k < 3 else 0.7)
        assert float(kept.flatten()[0]) == pytest.approx(decay * expected + (1 - decay) * k)


def test_labelled_images_may_stay_as_they_are():
    drawn = batches()
    image = torch.cat([one.image for one in drawn.values()])
    one = objective(strong_augmentation={"probability": 1, "box_size": 0.5})
    torch.manual_seed(0)
    spared = one._draw(image, spared=2, is_rgb=True)
    torch.manual_seed(0)
    changed = one._draw(image, spared=0, is_rgb=True)
    torch.testing.assert_close(spared.images(image)[:2], image[:2], atol=1e-5, rtol=0)
    assert spared.counts[:2].all()
    assert torch.equal(spared.images(image)[2:], changed.images(image)[2:])
    assert all((changed.images(image)[i] - image[i]).abs().max() > 0.1 for i in range(5))


def test_the_teacher_starts_from_what_was_transferred_to_the_student():
    one = objective()
    with torch.no_grad():
        for parameter in one.network.parameters():
            parameter.add_(0.5)
    one.started()
    for mine, its in zip(one.network.parameters(), one.teacher.parameters(), strict=True):
        assert torch.equal(mine, its)


def test_the_teacher_judges_in_evaluation_mode_and_stays_so():
    one = objective()
    one.train()
    before = {name: tensor.clone() for name, tensor in one.teacher.network.named_buffers()}
    one._classes_of_teacher(torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32))
    for name, tensor in one.teacher.network.named_buffers():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize("result", ["student", "teacher"])
def test_the_result_is_the_one_asked_for(result: str):
    one = objective(result=result)
    assert one.result is (one.network if result == "student" else one.teacher.network)


def test_parts_can_be_left_out():
    drawn = batches()
    assert list(objective(consistency=False).losses(drawn, 0)) == ["cross_entropy", "pseudo_masks"]
    assert objective(consistency=False).teacher is None
    without = {role: replace(b, pseudo_mask=None) for role, b in drawn.items()}
    assert list(objective(auxiliary=None).losses(without, 0)) == ["cross_entropy", "consistency"]


def test_masks_are_moved_as_their_images_are(monkeypatch: pytest.MonkeyPatch):
    """The pseudo-mask of an image that shows its class as a grey value still fits it."""
    seen = {}

    class Spy(torch.nn.Module):
        def forward(self, features):
            return torch.zeros(5, CLASSES, 32, 32, requires_grad=True)

    strong = {"operations": 14, "probability": 0.5, "box_size": 0.2, "ignore_boxes": True}
    one = objective(strong_augmentation=strong)
    one.auxiliary = Spy()
    features = one.network.features
    monkeypatch.setattr(
        one.network, "features", lambda x, i: (seen.update(image=x), features(x, i))[1]
    )
    monkeypatch.setattr(
        "fewmask.objectives.self_training.objective.cross_entropy",
        lambda logits, mask: (seen.update(mask=mask), logits.sum() * 0)[1],
    )
    # Colours off: whatever is drawn only moves pixels.
    from fewmask.data.augmentation import operations

    for name in operations.COLOURS:
        monkeypatch.setitem(operations.COLOURS, name, lambda images, levels: images)
    drawn = batches()
    for b in drawn.values():
        blocks = torch.randint(0, CLASSES, (len(b.rows), 2, 2)).float()
        b.pseudo_mask = functional.interpolate(blocks[:, None], scale_factor=16)[:, 0].long()
        b.image = (b.pseudo_mask[:, None] / 10).expand(-1, 3, -1, -1).clone()
    one.losses(drawn, step=0)
    image, mask = seen["image"][2:], seen["mask"]  # after the labelled ones as they were
    assert (mask == IGNORE).any()
    counts = mask != IGNORE
    fits = (10 * image[:, 0] - mask).abs() < 1e-3
    # But for the seams between blocks, where images are interpolated and masks are not.
    assert fits[counts].double().mean() > 0.85
    assert (10 * image[:, 0] - mask).abs()[counts].median() < 1e-4


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_weak_augmentation_moves_pseudo_masks_as_it_moves_masks(seed: int):
    torch.manual_seed(seed)
    chosen = Augmentation(flip=0.5, vertical_flip=0.5, scale=(0.5, 2), rotate=45, crop=24)
    mask = torch.randint(0, 9, (3, 32, 40))
    given_batch = Batch(np.arange(3), torch.rand(3, 3, 32, 40), torch.ones(3, 1, 32, 40))
    given_batch.truth["segmentation"] = mask
    given_batch.pseudo_mask = mask.clone()
    loop = SimpleNamespace(stage=SimpleNamespace(augmentation=chosen))
    changed = Training.augmented(loop, given_batch)
    assert torch.equal(changed.mask, changed.pseudo_mask)
    assert changed.mask.shape == (3, 24, 24)
    assert not torch.equal(changed.mask, mask[:, :24, :24])


def test_an_encoder_without_stages_is_refused():
    network = Network(encoder="vgg11", weights="none")
    of_two_blocks = {"objective": {"name": "self_training"}, "pseudo_masks": "first"}
    drawn = {"batch": {"labelled": 2, "unlabelled": 2}}
    with pytest.raises(ValidationError, match="vgg11 has none\n  mend: own_blocks: 1"):
        small_stage(network=network.model_dump(), **of_two_blocks, **drawn)
    assert objective(network, auxiliary={"own_blocks": 1}).auxiliary is not None


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path):
    common = {"batch": {"labelled": 2, "unlabelled": 2}}
    with pytest.raises(ValidationError, match="self_training needs pseudo_masks"):
        small_stage(network=SMALL_RESNET, objective={"name": "self_training"}, **common)
    with pytest.raises(ValidationError, match="supervised has no use for pseudo_masks"):
        small_stage(pseudo_masks="first")
