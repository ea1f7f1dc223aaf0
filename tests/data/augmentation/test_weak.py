"""Weak augmentation as a whole: images, masks and padding change alike, at random."""

import pytest
import torch

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.warp import Warp
from tests.data.augmentation.changing import EVERYTHING, NOTHING, augment, patches, random_images


class TestNothingToDo:
    def test_gives_back_the_very_tensors(self):
        batch = random_images(), patches(4, 24, 40, size=5), torch.ones(4, 1, 24, 40)
        for chosen in (NOTHING, Augmentation(flip=0, crop=(24, 40))):
            assert Warp.draw(chosen, 4, 24, 40).is_identity
            assert all(a is b for a, b in zip(batch, augment(*batch, chosen), strict=True))

    def test_absent_masks_and_padding_stay_absent(self):
        images, masks, inside = augment(random_images(), None, None, EVERYTHING)
        assert images.shape == (4, 3, 24, 40)
        assert masks is None
        assert inside is None

    def test_whole_numbers_become_fractions(self):
        images = (random_images() * 255).to(torch.uint8)
        assert torch.equal(augment(images, None, None, NOTHING)[0], images.float() / 255)


class TestRandomness:
    def test_one_seed_gives_one_result(self):
        results = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            results.append(
                augment(random_images(), patches(4, 24, 40, size=5), None, EVERYTHING)[:2]
            )
        for one, same, other in zip(*results, strict=True):
            assert torch.equal(one, same)
            assert not torch.equal(one, other)

    def test_one_setting_does_not_change_what_others_draw(self):
        matrices = []
        for chosen in (Augmentation(), Augmentation(scale=(0.5, 2.0), brightness=0.4)):
            torch.manual_seed(0)
            matrices.append(Warp.draw(chosen, 50, 8, 8).matrices[:, 0, 0].sign())
        assert torch.equal(*matrices)

    def test_images_differ_from_one_another(self):
        images, _, _ = augment(random_images(1).repeat(4, 1, 1, 1), None, None, EVERYTHING)
        assert all(not torch.equal(images[0], image) for image in images[1:])


@pytest.mark.parametrize("chosen", [Augmentation(flip=1), EVERYTHING, NOTHING])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
def test_memory_format_is_kept(chosen, memory_format):
    images, _, _ = augment(
        random_images().contiguous(memory_format=memory_format), None, None, chosen
    )
    assert images.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("chosen", [Augmentation(), Augmentation(crop=16), EVERYTHING])
def test_nothing_waits_for_the_device(chosen):
    """Tensors without values show what is read on the host, or is left there."""
    images, masks = random_images().to("meta"), patches(4, 24, 40, size=5).to("meta")
    changed = augment(images, masks, torch.ones(4, 1, 24, 40, device="meta"), chosen)
    assert all(one.is_meta for one in changed)


def test_mixed_precision_does_not_move_anything():
    torch.manual_seed(0)
    plain = augment(random_images(), None, None, EVERYTHING)[0]
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(augment(random_images(), None, None, EVERYTHING)[0], plain)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("chosen", [Augmentation(), Augmentation(crop=16), EVERYTHING])
def test_a_gpu_does_the_same_and_is_not_waited_for(chosen):
    on_cpu = random_images(), patches(4, 24, 40, size=5), torch.ones(4, 1, 24, 40)
    on_gpu = [one.cuda() for one in on_cpu]
    torch.manual_seed(0)
    expected = augment(*on_cpu, chosen)
    torch.manual_seed(0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = augment(*on_gpu, chosen)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    torch.testing.assert_close(found[0].cpu(), expected[0], atol=1e-4, rtol=0)
    for one, other in zip(found[1:], expected[1:], strict=True):
        # A place half-way between two pixels may round to either.
        assert (one.cpu() == other).float().mean() > 0.999
