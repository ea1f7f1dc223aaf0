"""Errors of depths and normals agree with a loop over the pixels, in whatever batches they come."""

import subprocess
import sys
from math import acos, degrees, isnan, nan, sqrt
from statistics import mean, median

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fewmask.config.task import load
from fewmask.core.errors import FewmaskError
from fewmask.metrics import table
from fewmask.metrics.delta_m import delta_m
from fewmask.metrics.depth import NAMES as DEPTH_METRICS
from fewmask.metrics.depth import DepthErrors
from fewmask.metrics.normal import NAMES as NORMAL_METRICS
from fewmask.metrics.normal import NormalErrors, angles

TASK_METRICS = (*DEPTH_METRICS, *NORMAL_METRICS)

EVERY_KIND = {
    "segmentation": (torch.rand(3, 4, 6, 5), torch.randint(0, 4, (3, 6, 5))),
    "depth": (torch.rand(3, 6, 5), torch.rand(3, 6, 5)),
    "height": (torch.rand(3, 6, 5), torch.rand(3, 6, 5)),
    "normal": (torch.rand(3, 3, 6, 5), torch.rand(3, 3, 6, 5)),
}


@pytest.mark.parametrize("task", EVERY_KIND)
def test_an_image_may_come_in_parts(task):
    prediction, truth = EVERY_KIND[task]
    whole, parts = load(task).errors(), load(task).errors()
    whole.add(prediction, truth)
    for i in range(3):
        for top, bottom in ((0, 1), (1, 4), (4, 6)):
            part = (slice(i, i + 1), ..., slice(top, bottom), slice(None))
            parts.add(prediction[part], truth[part])
        parts.join(3)
    assert parts.scores() == pytest.approx(whole.scores(), nan_ok=True)
    for name, values in whole.image_scores().items():
        assert parts.image_scores()[name] == pytest.approx(values, nan_ok=True)


unhurried = settings(max_examples=40)


@st.composite
def images(draw, channels=()):
    """Predictions and truths of up to five images, of which few, many or all pixels are known."""
    count, *size = (draw(st.integers(1, 5)) for _ in range(3))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    prediction, truth = torch.rand(2, count, *channels, *size, generator=generator) * 4 - 1
    unknown = torch.rand(count, *size, generator=generator) < draw(st.sampled_from([0, 0.4, 0.9]))
    if channels:
        return prediction, truth.masked_fill(unknown[:, None], 0)
    return prediction, (truth + 1.5).masked_fill(unknown, 0)


def depth_loop(prediction, truth):
    """Pixel by pixel, in Python's numbers."""
    pairs = zip(prediction.flatten().tolist(), truth.flatten().tolist(), strict=True)
    pairs = [(p, t) for p, t in pairs if t > 0]
    if not pairs:
        return dict.fromkeys(DEPTH_METRICS, nan)
    return {
        "depth_absolute_error": mean(abs(p - t) for p, t in pairs),
        "depth_relative_error": mean(abs(p - t) / t for p, t in pairs),
    }


def normal_loop(prediction, truth):
    """The same for one image or several, (N, 3, H, W)."""
    sides = (side.movedim(1, -1).reshape(-1, 3).tolist() for side in (prediction, truth))
    found = []
    for p, t in zip(*sides, strict=True):
        if t == [0, 0, 0]:
            continue
        product = sum(a * b for a, b in zip(p, t, strict=True))
        lengths = sqrt(sum(a * a for a in p)) * sqrt(sum(b * b for b in t))
        found.append(degrees(acos(max(-1, min(1, product / lengths)))))
    if not found:
        return dict.fromkeys(NORMAL_METRICS, nan)
    return {
        "normal_mean_angle": mean(found),
        "normal_median_angle": median(found),
        "normal_within_11_25": mean(angle < 11.25 for angle in found),
        "normal_within_22_5": mean(angle < 22.5 for angle in found),
        "normal_within_30": mean(angle < 30 for angle in found),
    }


KINDS = {"depth": (DepthErrors, depth_loop, ()), "normal": (NormalErrors, normal_loop, (3,))}


def errors_of(kind, prediction, truth, batch=2):
    errors = KINDS[kind][0]()
    for start in range(0, len(truth), batch):
        errors.add(prediction[start : start + batch], truth[start : start + batch])
    return errors


def same(found, expected):
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
class TestBoth:
    @unhurried
    @given(st.data(), st.integers(1, 5))
    def test_a_loop_over_all_pixels_gives_the_same(self, kind, data, batch):
        _, loop, channels = KINDS[kind]
        prediction, truth = data.draw(images(channels))
        errors = errors_of(kind, prediction, truth, batch)
        of_images = errors.image_scores()
        for i in range(len(truth)):
            expected = loop(prediction[i : i + 1], truth[i : i + 1])
            same({name: values[i] for name, values in of_images.items()}, expected)
        same(errors.scores(), loop(prediction, truth))

    def test_what_is_not_known_may_be_predicted_as_anything(self, kind):
        errors, loop, channels = KINDS[kind]
        errors = errors()
        prediction, truth = torch.rand(2, 2, *channels, 4, 6) + 0.1
        truth[..., 2:] = 0
        expected = loop(prediction, truth)
        prediction[..., 2:] = nan
        errors.add(prediction, truth)
        same(errors.scores(), expected)

    def test_a_prediction_that_is_no_number_is_not_passed_over(self, kind):
        errors, _, channels = KINDS[kind]
        errors = errors()
        prediction = torch.ones(1, *channels, 4, 6)
        prediction[..., 0, 0] = nan
        errors.add(prediction, torch.ones(1, *channels, 4, 6))
        values = errors.scores()
        assert all(isnan(value) for name, value in values.items() if "within" not in name)

    def test_without_a_known_pixel_or_a_image_all_is_nan(self, kind):
        errors, _, channels = KINDS[kind]
        empty, errors = errors(), errors()
        errors.add(torch.ones(2, *channels, 3, 3), torch.zeros(2, *channels, 3, 3))
        for one, count in ((empty, 0), (errors, 2)):
            assert all(isnan(value) for value in one.scores().values())
            for values in one.image_scores().values():
                assert values.shape == (count,)
                assert np.isnan(values).all()

    def test_figures_can_be_asked_for_in_any_order_and_between_batches(self, kind):
        channels = KINDS[kind][2]
        torch.manual_seed(0)
        prediction, truth = torch.rand(2, 4, *channels, 16, 16)
        once = errors_of(kind, prediction, truth)
        errors = errors_of(kind, prediction[:2], truth[:2])
        errors.scores()
        errors.image_scores()
        errors.add(prediction[2:], truth[2:])
        assert errors.scores() == errors.scores() == once.scores()

    def test_shapes_that_would_be_broadcast_are_refused(self, kind):
        errors, _, channels = KINDS[kind]
        with pytest.raises(ValueError, match="expected"):
            errors().add(torch.ones(2, 1, 4, 4), torch.ones(2, *channels, 4, 4))

    def test_half_precision_predictions(self, kind):
        _, loop, channels = KINDS[kind]
        torch.manual_seed(0)
        prediction, truth = torch.rand(2, 2, *channels, 4, 6) + 0.1
        halved = prediction.bfloat16()
        same(errors_of(kind, halved, truth).scores(), loop(halved.float(), truth))

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_on_a_gpu(self, kind):
        _, loop, channels = KINDS[kind]
        prediction, truth = torch.rand(2, 3, *channels, 8, 8)
        same(errors_of(kind, prediction.cuda(), truth.cuda()).scores(), loop(prediction, truth))


class TestPooling:
    def test_a_image_counts_as_often_as_it_has_known_pixels(self):
        """9 pixels that are 1 m off and one that is 5 m off: 1.4 m, where batches would say 3."""
        truth = torch.tensor([[2.0] * 9, [2.0] + [0.0] * 8])[:, None]
        prediction = torch.tensor([[3.0] * 9, [7.0] * 9])[:, None]
        found = errors_of("depth", prediction, truth, batch=1).scores()
        assert found == pytest.approx({"depth_absolute_error": 1.4, "depth_relative_error": 0.7})

    def test_the_median_is_that_of_all_angles(self):
        """0, 0, 0, 90 and 90 degrees; the batches' medians, 0 and 90, have the mean 45."""
        truth = torch.zeros(2, 3, 1, 3)
        truth[:, 2] = -1
        truth[1, :, 0, 2] = 0
        prediction = truth.clone()
        prediction[1] = prediction[1].roll(1, 0)
        found = errors_of("normal", prediction, truth, batch=1).scores()
        assert found["normal_median_angle"] == 0
        assert found["normal_mean_angle"] == pytest.approx(36)
        assert found["normal_within_11_25"] == pytest.approx(0.6)


class TestAngles:
    def test_have_their_whole_range_and_no_length(self):
        truth = torch.tensor([0.0, 0, -1]).view(1, 3, 1, 1).expand(1, 3, 1, 5)
        turned = torch.tensor([0.0, 11, 90, 135, 180]).deg2rad()
        prediction = 7 * torch.stack([turned.sin(), 0 * turned, -turned.cos()])[None, :, None]
        found = angles(prediction, truth)
        assert found.flatten().tolist() == pytest.approx([0, 11, 90, 135, 180], abs=1e-4)

    def test_of_equal_vectors_are_zero(self):
        vectors = torch.randn(4, 3, 20, 20, generator=torch.Generator().manual_seed(0))
        assert angles(vectors, vectors).max() < 1e-5

    def test_with_nothing_are_right_angles(self):
        found = angles(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2))
        assert (found == 90).all()


class TestDeltaM:
    def test_by_hand(self):
        """A tenth better, a tenth worse, and an error twice as large."""
        values = {"miou": 0.55, "normal_within_30": 0.45, "depth_absolute_error": 1.0}
        baselines = {"miou": 0.5, "normal_within_30": 0.5, "depth_absolute_error": 0.5}
        assert delta_m(values, baselines) == pytest.approx((-10 + 10 + 100) / 3)

    @given(st.dictionaries(st.sampled_from(list(TASK_METRICS)), st.floats(0.01, 100), min_size=1))
    def test_of_the_baselines_is_zero_and_better_is_below(self, baselines):
        assert delta_m(baselines, baselines) == 0
        better = {
            name: value * (1.5 if table.find(name).higher_is_better else 0.5)
            for name, value in baselines.items()
        }
        assert delta_m(better, baselines) == pytest.approx(-50)

    def test_is_not_known_where_a_figure_is_not(self):
        names = dict.fromkeys(DEPTH_METRICS, 0.5)
        assert isnan(delta_m(names | {"depth_absolute_error": nan}, names))

    def test_a_baseline_of_zero_is_refused(self):
        with pytest.raises(FewmaskError, match="baseline of normal_within_30 is 0"):
            delta_m({"normal_within_30": 0.1}, {"normal_within_30": 0.0})

    @pytest.mark.parametrize("values", [{}, {"miou": 1.0}, {"miou": 1.0, "f1": 1.0}])
    def test_values_without_their_baselines_are_refused(self, values):
        with pytest.raises(FewmaskError, match="same metrics"):
            delta_m(values, {"f1": 1.0} if values else {})


@pytest.mark.parametrize(("task", "names"), [("depth", DEPTH_METRICS), ("normal", NORMAL_METRICS)])
def test_every_error_is_in_the_table(task, names):
    assert table.names(table.measured_on("test", task)) == list(names)
    assert table.in_delta_m(task) == table.measured_on("test", task)


def test_importing_does_not_import_torch():
    code = "import sys, fewmask.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
