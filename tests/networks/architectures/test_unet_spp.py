"""U-Net with spatial pyramid pooling: pooled grids reach the decoder; nothing else differs."""

import torch
from torch.nn import functional as F  # noqa: N812

from fewmask.config.network import Network
from fewmask.networks.architectures.unet_spp.network import pyramid_pooling
from fewmask.networks.segmenter import Segmenter

CHANNELS = [16, 8, 4]


def network(name: str, heads: dict[str, int], **options) -> Segmenter:
    torch.manual_seed(0)
    architecture = {"name": name, "decoder_channels": CHANNELS, **options}
    settings = Network(architecture=architecture, encoder="resnet18", weights="none")
    return Segmenter(settings, heads).eval()


def test_grids_are_averaged_projected_and_enlarged():
    torch.manual_seed(0)
    pooling, maps = pyramid_pooling(8, [1, 2]).eval(), torch.rand(2, 8, 4, 6)
    module, fuse = pooling
    beside = []
    for grid, block in zip([1, 2], module.blocks, strict=True):
        cells = maps.reshape(2, 8, grid, 4 // grid, grid, 6 // grid).mean((3, 5))
        projected = block.pool[1](cells)
        assert projected.shape == (2, 4, grid, grid)
        beside.append(F.interpolate(projected, (4, 6), mode="bilinear", align_corners=True))
    torch.testing.assert_close(pooling(maps), fuse(torch.cat([*beside, maps], dim=1)))


def test_every_task_has_a_pyramid_of_its_own_and_the_rest_is_a_u_net():
    heads = {"segmentation": 3, "depth": 1}
    plain, pooled = (network(name, heads) for name in ("unet", "unet_spp"))
    own = [name for name in pooled.state_dict() if ".center." in name]
    assert {name.split(".")[0] for name in own} == {"decoder", "tasks"}
    assert pooled.state_dict().keys() - set(own) == plain.state_dict().keys()
    image, inside = torch.rand(2, 3, 32, 64), torch.ones(2, 1, 32, 64)
    outputs = pooled(image, inside)
    assert outputs["segmentation"].shape == (2, 3, 32, 64)
    assert outputs["depth"].shape == (2, 32, 64)


def test_the_grids_are_a_setting():
    pooled = network("unet_spp", {"segmentation": 3}, pyramid=[1, 4])
    assert len(pooled.decoder.center[0].blocks) == 2
