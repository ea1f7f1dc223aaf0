"""The label curve shows the figures of the table, and nothing hides or overlaps."""

import itertools

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

from fewmask.report.figures.label_curve import label_curve
from fewmask.report.figures.style import COLOURS, text_width, wrap
from fewmask.report.figures.writing import write
from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary
from tests.report.synthetic_runs import assert_apart, requested, write_run

FRACTIONS = {"n10": 10, "n20": 20, "all": 300}


def write_grid(datasets, methods, fractions, seeds):
    random = np.random.default_rng(0)
    for dataset, method, fraction, seed in itertools.product(datasets, methods, fractions, seeds):
        miou = float(random.uniform(0.3, 0.8))
        write_run(dataset, method, fraction, seed, miou=miou, labelled=FRACTIONS[fraction])


def drawn(**axes):
    grid = requested(**axes)
    runs = collect(grid).table
    table = summary(grid, runs)
    return label_curve(grid, runs, table), table, runs


def markers_and_dots(axes):
    """The collections of means, and those of single seeds."""
    scatters = [one for one in axes.collections if isinstance(one, PathCollection)]
    return [[one for one in scatters if (one.get_sizes()[0] > 20) == is_mean] for is_mean in (1, 0)]


def test_figure_data_are_the_tables(project):
    axes = {"datasets": ["scenes", "pets"], "methods": ["a", "b"], "seeds": [0, 1, 2]}
    write_grid(**axes, fractions=FRACTIONS)
    # Requested for in another order than they are drawn in.
    figure, table, runs = drawn(**axes, fractions=["all", "n10", "n20"])

    assert [panel.get_title(loc="left") for panel in figure.axes] == ["scenes", "pets"]
    for panel, dataset in zip(figure.axes, axes["datasets"], strict=True):
        means, dots = markers_and_dots(panel)
        bars = [container.lines[2][0] for container in panel.containers]
        for i, method in enumerate(axes["methods"]):
            own = table[(table.dataset == dataset) & (table.method == method)]
            own = own.sort_values("masks")
            mean, std = 100 * own["miou_mean"].to_numpy(), 100 * own["miou_std"].to_numpy()
            points = np.stack([own["masks"].to_numpy(float), mean], axis=1)
            line = next(one for one in panel.lines if to_hex(one.get_color()) == COLOURS[i])
            np.testing.assert_allclose(line.get_xydata(), points)
            np.testing.assert_allclose(means[i].get_offsets(), points)
            ends = np.array([segment[:, 1] for segment in bars[i].get_segments()])
            np.testing.assert_allclose(ends, np.stack([mean - std, mean + std], axis=1))
            seeds = runs[(runs.dataset == dataset) & (runs.method == method)]
            expected = np.stack([seeds["masks"], 100 * seeds["miou"]], axis=1)
            np.testing.assert_allclose(dots[i].get_offsets(), expected)


@pytest.mark.parametrize(
    ("metric", "title", "shown"),
    [
        ("cross_entropy", "Cross-entropy on the test set", [0.25, 0.75]),
        ("iou_box", "IoU of box on the test set (%)", [20, 30]),
    ],
)
def test_it_shows_the_first_metric(project, metric, title, shown):
    for seed, (entropy, box) in enumerate([(0.25, 0.2), (0.75, 0.3)]):
        write_run(seed=seed, cross_entropy=entropy, classes={"wall": 0.8, "box": box})
    figure, *_ = drawn(seeds=[0, 1], metrics=[metric, "miou"])
    (panel,) = figure.axes
    (means,), (dots,) = markers_and_dots(panel)
    assert panel.get_ylabel() == title
    np.testing.assert_allclose(means.get_offsets(), [[10, np.mean(shown)]])
    np.testing.assert_allclose(dots.get_offsets()[:, 1], shown)
    low, high = panel.get_ylim()
    assert low < min(shown)
    assert high > max(shown)


def test_a_metric_that_no_run_has_is_told(project):
    write_run()
    figure, *_ = drawn(metrics=["depth_absolute_error"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["no run with this metric yet"]


def test_ticks_are_the_counts_on_a_logarithmic_axis(project):
    write_grid(["scenes"], ["supervised"], FRACTIONS, [0])
    figure, *_ = drawn(fractions=list(FRACTIONS))
    (panel,) = figure.axes
    assert panel.get_xscale() == "log"
    assert [label.get_text() for label in panel.get_xticklabels()] == ["10", "20", "300"]
    assert panel.get_xticks().tolist() == [10, 20, 300]
    assert len(panel.get_xticks(minor=True)) == 0
    assert panel.get_xlabel() == "Masks (log scale)"
    assert panel.get_ylabel() == "mIoU on the test set (%)"


def test_ticks_too_close_for_their_names_stay_unnamed(project):
    counts = {"n100": 100, "n101": 101, "n102": 102, "n900": 900}
    for fraction, masks in counts.items():
        write_run(fraction=fraction, labelled=masks)
    figure, *_ = drawn(fractions=list(counts))
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["100", "", "", "900"]


def test_one_seed_draws_neither_dots_nor_bars(project):
    write_grid(["scenes"], ["a"], FRACTIONS, [0])
    figure, *_ = drawn(methods=["a"], fractions=list(FRACTIONS))
    means, dots = markers_and_dots(figure.axes[0])
    assert (len(means), len(dots)) == (1, 0)
    (bars,) = figure.axes[0].containers[0].lines[2]
    assert not any(len(segment) for segment in bars.get_segments())
    assert any("One seed" in text.get_text() for text in figure.texts)


def test_incomplete_points_are_hollow(project):
    write_run(fraction="n10", seed=0, labelled=10)
    write_run(fraction="n20", seed=0, labelled=20)
    write_run(fraction="n20", seed=1, labelled=20)
    figure, *_ = drawn(fractions=["n10", "n20"], seeds=[0, 1])
    (means,), _ = markers_and_dots(figure.axes[0])
    assert [to_hex(colour) for colour in means.get_facecolors()] == ["#ffffff", COLOURS[0]]
    assert any("3 of 4 runs" in text.get_text().replace("\n", " ") for text in figure.texts)


def test_published_figures_are_dashed_in_the_colour_of_their_method(project):
    write_grid(["scenes", "pets"], ["a"], FRACTIONS, [0])
    entries = [
        {"when": {"method": "b", "fraction": "n20"}, "values": {"miou": 0.9}},
        {"when": {"method": "b", "fraction": "n10"}, "values": {"miou": [0.85, 0.1]}},
        {"when": {"method": "a"}, "values": {"dice": 0.1}},
    ]
    published = {"source": "A paper", "values": entries}
    axes = {"datasets": ["scenes", "pets"], "methods": ["a", "b"], "fractions": list(FRACTIONS)}
    figure, *_ = drawn(**axes, published=published)
    for panel in figure.axes:
        lines = [line for line in panel.lines if line.is_dashed()]
        assert [to_hex(line.get_color()) for line in lines] == [COLOURS[1]], "dice is not drawn"
        assert lines[0].get_xydata().tolist() == [[10, 85], [20, 90]]
        assert lines[0].get_marker() == "_"
        assert panel.get_ylim()[1] > 90
    shown = [text.get_text().replace("\n", " ") for text in figure.texts]
    assert "published" in shown
    assert any("Published: A paper." in text for text in shown)


def test_a_dataset_without_a_run_says_so(project):
    write_run("scenes")
    figure, *_ = drawn(datasets=["scenes", "pets"])
    assert [text.get_text() for text in figure.axes[1].texts] == ["no run yet"]


@pytest.mark.parametrize(
    ("datasets", "methods", "fractions", "seeds"),
    [(1, 1, 1, 1), (1, 5, 1, 3), (3, 5, 3, 2), (4, 2, 3, 2)],
)
def test_no_text_is_cut_off_or_overlaps(project, monkeypatch, datasets, methods, fractions, seeds):
    axes = {
        "datasets": [f"dataset_{i}_" + "with_a_long_name" * 3 for i in range(datasets)],
        "methods": [f"a_method_with_a_long_name_{i}" for i in range(methods)],
        "fractions": list(FRACTIONS)[:fractions],
        "seeds": list(range(seeds)),
    }
    write_grid(**axes)
    figure, *_ = drawn(**axes, title="A title that goes on and on and on " * 4)
    texts = []
    monkeypatch.setattr(Text, "draw", lambda text, renderer: texts.append(text))
    figure.draw_without_rendering()
    shown = [text for text in texts if text.get_visible() and text.get_text()]
    boxes = [text.get_window_extent() for text in shown]
    assert len(boxes) > datasets * 5
    assert_apart(boxes, figure.bbox)


def test_lines_and_dots_lie_inside_the_panel(project):
    write_grid(["scenes"], list("abcde"), FRACTIONS, [0, 1])
    figure, *_ = drawn(methods=list("abcde"), fractions=list(FRACTIONS), seeds=[0, 1])
    (panel,) = figure.axes
    inside = panel.get_window_extent()
    for scatter in itertools.chain(*markers_and_dots(panel)):
        for x, y in scatter.get_offset_transform().transform(scatter.get_offsets()):
            assert inside.contains(x, y)


def test_saving_twice_gives_the_same_bytes(project, tmp_path):
    write_grid(["scenes"], ["a", "b"], FRACTIONS, [0, 1])
    for folder in ("first", "second"):
        figure, *_ = drawn(methods=["a", "b"], fractions=list(FRACTIONS), seeds=[0, 1])
        (tmp_path / folder).mkdir()
        write(figure, *(tmp_path / folder / f"label_curve.{kind}" for kind in ("svg", "png")))
    for kind in ("svg", "png"):
        first, second = (tmp_path / f"{n}/label_curve.{kind}" for n in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()


def test_wrap_keeps_all_and_exceeds_no_width():
    text = "a_method-with many_parts and words"
    lines = wrap(text, 0.8, 9)
    assert len(lines) > 1
    assert all(text_width(line, 9) <= 0.8 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_wrap_shortens_a_word_that_fits_nowhere():
    (line,) = wrap("m" * 60, 1.0, 9)
    assert "…" in line
    assert text_width(line, 9) <= 1.0
