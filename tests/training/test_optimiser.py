"""Which parameter is trained with which rate, weight decay and optimiser."""

import copy

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from pydantic import ValidationError
from timm.optim import param_groups_layer_decay
from torch import nn
from torch.nn import functional

from fewmask.config.encoders import find
from fewmask.config.network import Network
from fewmask.config.optimiser import SGD, Adam
from fewmask.networks.blueprint import Blueprint
from fewmask.networks.encoder_layers import layer_scales
from fewmask.objectives.objective import Objective, build
from fewmask.objectives.parameter_group import ParameterGroup
from fewmask.training.optimiser import Optimisers
from tests.conftest import SMALL_RESNET, small_stage

RATE, DECAY = 0.5, 0.25
PLAIN = {"name": "sgd", "learning_rate": RATE, "momentum": 0.0, "weight_decay": DECAY}
SCALER = torch.amp.GradScaler("cpu", enabled=False)


def objective_of(**changes) -> tuple[Objective, Optimisers]:
    stage = small_stage(**{"network": SMALL_RESNET, "optimiser": PLAIN} | changes)
    objective = build(stage.objective, Blueprint(stage.network, {"segmentation": 7}))
    return objective, Optimisers(stage, objective, objective.parameter_groups())


def rates(optimisers: Optimisers) -> dict[nn.Parameter, float]:
    groups = [group for one in optimisers.optimisers for group in one.param_groups]
    return {one: group["lr"] for group in groups for one in group["params"]}


def test_parts_have_multiples_of_the_rate_which_the_schedule_multiplies():
    objective, optimisers = objective_of(rate_factors={"encoder": 0.1, "segmentation_head": 4})
    optimisers.set_learning_rates(0.5)
    found, network = rates(optimisers), objective.network
    expected = {"encoder": 0.025, "decoder": 0.25, "segmentation_head": 1.0}
    for part, rate in expected.items():
        for one in getattr(network, part).parameters():
            assert found.pop(one) == pytest.approx(rate)
    assert not found


def test_the_auxiliary_head_has_the_rates_of_the_parts_that_it_copies():
    objective, optimisers = objective_of(
        objective={"name": "self_training"},
        batch={"labelled": 2, "unlabelled": 2},
        pseudo_masks="supervised",
        rate_factors={"encoder": 0.1},
    )
    optimisers.set_learning_rates(1)
    found = rates(optimisers)
    assert {found[one] for one in objective.auxiliary.encoder.parameters()} == {0.1 * RATE}
    assert {found[one] for one in objective.auxiliary.decoder.parameters()} == {RATE}


def test_what_is_no_part_of_the_network_is_refused():
    with pytest.raises(
        ValidationError,
        match="rate_factors names decoder; the parts that simclr trains are encoder",
    ):
        small_stage(
            objective={"name": "simclr"},
            batch={"all": 4},
            evaluation={"metric": "loss"},
            rate_factors={"decoder": 2},
        )


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_may_spare_norms_and_biases(name: str):
    """Without gradients, weight decay is all that moves a parameter."""
    settings = {"name": name, "learning_rate": RATE, "weight_decay": DECAY}
    for spares in (False, True):
        objective, optimisers = objective_of(
            optimiser=settings | {"decay_norms_and_biases": not spares}
        )
        before = copy.deepcopy(objective)
        for one in objective.parameters():
            one.grad = torch.zeros_like(one)
        optimisers.set_learning_rates(1)
        optimisers.step(SCALER)
        kinds = (nn.BatchNorm2d, nn.Conv2d)
        for then, now in zip(before.modules(), objective.modules(), strict=True):
            if isinstance(now, kinds):
                kept = 1 if spares and isinstance(now, nn.BatchNorm2d) else 1 - RATE * DECAY
                torch.testing.assert_close(now.weight, then.weight * kept)
            if isinstance(now, kinds) and now.bias is not None:
                kept = 1 if spares else 1 - RATE * DECAY
                torch.testing.assert_close(now.bias, then.bias * kept)


def timm_scales(model: nn.Module, decay: float) -> dict[str, float]:
    names = {one: name for name, one in model.named_parameters()}
    groups = param_groups_layer_decay(model, layer_decay=decay)
    return {names[one]: group["lr_scale"] for group in groups for one in group["params"]}


@pytest.mark.parametrize(
    "name", ["vit_tiny_patch16_224", "vit_small_patch14_dinov2", "beit_base_patch16_224"]
)
def test_layer_decay_of_a_transformer_is_timms(name: str):
    # With a classifier, which is the layer above the blocks.
    model = timm.create_model(name, num_classes=9, depth=3, embed_dim=48, num_heads=3)
    expected = timm_scales(model, 0.75)
    model.reset_classifier(0)
    scales = layer_scales(model, 0.75)
    for parameter, one in model.named_parameters():
        if not parameter.startswith("fc_norm"):  # it belongs to the classifier
            assert scales[one] == pytest.approx(expected[parameter]), parameter


def test_layer_decay_of_a_residual_network_is_timms():
    encoder = smp.encoders.get_encoder("resnet18", weights=None)
    scales = layer_scales(encoder, 0.5)
    expected = timm_scales(timm.create_model("resnet18"), 0.5)
    found = {name: scales[one] for name, one in encoder.named_parameters()}
    assert found == pytest.approx({name: expected[name] for name in found})


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("efficientnet-b0", 7), ("tu-convnext_atto", 12), ("mit_b0", 8), ("mobilenet_v2", 18)],
)
def test_encoders_of_other_families_have_blocks(name: str, blocks: int):
    encoder = smp.encoders.get_encoder(name, weights=None)
    scales = layer_scales(encoder, 0.5)
    first = next(encoder.parameters())
    inner = {scale for scale in scales.values() if scale < 1}
    assert scales[first] == min(inner)
    assert inner >= {0.5**k for k in range(1, blocks + 1)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": {"encoder": "vgg16_bn"}}, "layer_decay is below 1, but vgg16_bn has no block"),
        (
            {"network": {"frozen": "encoder"}},
            "layer_decay needs a trained encoder, but network.frozen",
        ),
    ],
)
def test_layer_decay_of_what_has_no_layers_to_train_is_refused(changes: dict, message: str):
    with pytest.raises(ValidationError, match=message):
        small_stage(**changes, layer_decay=0.5)


def test_the_encoders_without_blocks_are_those_that_settings_know():
    for name in ("vgg11", "densenet121", "resnet18", "mobileone_s0", "xception"):
        scales = layer_scales(smp.encoders.get_encoder(name, weights=None), 0.5)
        assert (len(set(scales.values())) == 1) == ("blocks" not in find(name).traits), name


def test_layers_and_parts_multiply():
    objective, optimisers = objective_of(rate_factors={"encoder": 0.1}, layer_decay=0.5)
    optimisers.set_learning_rates(1)
    encoder = objective.network.encoder
    found = rates(optimisers)
    blocks = [block for stage in (1, 2, 3, 4) for block in getattr(encoder, f"layer{stage}")]
    assert len(blocks) == 8
    for k, block in enumerate(reversed(blocks), 1):
        assert found[block.conv1.weight] == pytest.approx(RATE * 0.1 * 0.5**k)
    assert found[objective.network.segmentation_head[0].weight] == RATE


class WithDiscriminator(Objective):
    """A network, and a discriminator with an optimiser of its own."""

    def __init__(self) -> None:
        super().__init__(Blueprint(Network(encoder="resnet18", weights="none"), {}).backbone())
        self.discriminator = nn.Linear(3, 1)

    def losses(self, batches, step):
        raise NotImplementedError

    def parameter_groups(self) -> list[ParameterGroup]:
        own = Adam(name="adam", learning_rate=0.01, betas=(0.5, 0.9))
        return [ParameterGroup(list(self.discriminator.parameters()), optimiser=own)]


def test_a_group_may_have_an_optimiser_of_its_own_and_goes_on_exactly():
    def begin() -> tuple[WithDiscriminator, Optimisers]:
        torch.manual_seed(0)
        objective = WithDiscriminator()
        stage = small_stage(optimiser=PLAIN)
        return objective, Optimisers(stage, objective, objective.parameter_groups())

    def steps(objective: WithDiscriminator, optimisers: Optimisers, first: int, last: int) -> None:
        for k in range(first, last):
            optimisers.zero_grad()
            image = torch.full((2, 3), float(k + 1))
            functional.softplus(objective.discriminator(image)).mean().backward()
            optimisers.set_learning_rates(1 / (k + 1))
            optimisers.step(SCALER)

    (whole, updates), alone = begin(), begin()[0].discriminator
    untouched = copy.deepcopy(whole.network.state_dict())
    steps(whole, updates, 0, 4)
    adam = torch.optim.Adam(alone.parameters(), lr=0.01, betas=(0.5, 0.9))
    for k in range(4):
        adam.zero_grad()
        functional.softplus(alone(torch.full((2, 3), float(k + 1)))).mean().backward()
        adam.param_groups[0]["lr"] = 0.01 / (k + 1)
        adam.step()
    torch.testing.assert_close(whole.discriminator.state_dict(), alone.state_dict())
    for name, tensor in whole.network.state_dict().items():
        assert torch.equal(tensor, untouched[name]), "no gradient, no update"

    (stopped, before), (resumed, after) = begin(), begin()
    steps(stopped, before, 0, 2)
    resumed.load_state_dict(stopped.state_dict())
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    steps(resumed, after, 2, 4)
    for name, tensor in whole.discriminator.state_dict().items():
        assert torch.equal(resumed.discriminator.state_dict()[name], tensor)


def test_what_has_an_optimiser_of_its_own_is_clipped_by_itself():
    objective = WithDiscriminator()
    stage = small_stage(optimiser=PLAIN, clip_gradient_norm=0.5)
    optimisers = Optimisers(stage, objective, objective.parameter_groups())
    for one in objective.parameters():
        one.grad = torch.ones_like(one)
    optimisers.set_learning_rates(0)
    optimisers.step(SCALER)
    for side in (objective.network, objective.discriminator):
        gradients = torch.cat([one.grad.flatten() for one in side.parameters()])
        assert gradients.norm().item() == pytest.approx(0.5, rel=1e-2)


def test_in_fp16_an_optimiser_may_have_nothing_to_update():
    objective = WithDiscriminator()
    optimisers = Optimisers(small_stage(optimiser=PLAIN), objective, objective.parameter_groups())
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    before = objective.discriminator.bias.item()
    scaler.scale(objective.discriminator(torch.ones(1, 3)).sum()).backward()
    optimisers.set_learning_rates(1)
    optimisers.step(scaler)
    # Adam's first step is its learning rate, whatever the gradient.
    assert objective.discriminator.bias.item() == pytest.approx(before - 0.01)


def test_a_rate_of_its_own_is_not_multiplied():
    objective, _ = objective_of()
    stage = small_stage(optimiser=PLAIN, rate_factors={"encoder": 0.1}, layer_decay=0.5)
    own = ParameterGroup(list(objective.network.encoder.parameters()), learning_rate=0.3)
    optimisers = Optimisers(stage, objective, [own])
    optimisers.set_learning_rates(1)
    found = rates(optimisers)
    assert {found[one] for one in own.parameters} == {0.3}
    assert len(optimisers.optimisers) == 1
    assert isinstance(stage.optimiser, SGD)
