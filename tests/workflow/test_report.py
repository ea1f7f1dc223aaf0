"""The report of a real run, opened in a browser as its readers do."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.small_project import change_config, write_project, write_refined
from tests.workflow.snakemake import snakemake

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]

HOSTILE = """</script><img src=x onerror="console.error('ran')">"""
"""What must not run wherever it is put; 64 letters are the most that a class may have."""

CLASSES = ["wall", "floor", HOSTILE, "ball", "cylinder", "cone", "pyramid"]

EXPERIMENT = {
    "title": f'What "few" masks do: 4 or 8 <of them> & *more*? {HOSTILE}',
    "datasets": ["rooms"],
    "methods": ["supervised", "refined"],
    "fractions": ["n4", "n8"],
    "seeds": [0, 1],
    "metrics": ["miou", f"iou_{HOSTILE}"],
    "published": {
        "source": f"A paper, Table 1 {HOSTILE}",
        "remark": HOSTILE,
        "values": [{"values": {"miou": 0.5}}],
    },
}

SHOWN = {
    "1 Results": [
        "01 Scores of all methods",
        "02 Figure: score against masks",
        "03 Is it better? Every method compared with the reference",
        "04 Figure: difference from the reference",
        "05 Label savings, with intervals",
        "06 Figure: label savings",
        "07 Published beside measured",
        "08 Figure: IoU of every class",
        "09 Cost of all methods",
        "10 Figure: cost against score",
    ],
    "2 Images": ["1 Masks of the same test images", "2 Worst and median test images"],
    "3 Training": [
        "1 Figure: training curves",
        "2 Quality of pseudo-masks",
        "3 Figure: quality of pseudo-masks by stage",
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose grid has run, with its report as report.html and report.zip."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    write_refined(folder)
    change_config(
        folder,
        "datasets/rooms",
        description=HOSTILE,
        classes=CLASSES,
        mask_values=dict(enumerate(CLASSES)),
    )
    change_config(folder, "methods/refined", description=f"Learns *its own*: {HOSTILE}")
    change_config(folder, "config", **EXPERIMENT)
    for more in ((), ("--report", "report.html"), ("--report", "report.zip")):
        answer = snakemake(folder, *more)
        assert answer.returncode == 0, answer.stdout
    return folder


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser complained of."""
    return []


@pytest.fixture(scope="module")
def page(folder: Path, complaints: list[str]) -> Iterator[Page]:
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto((folder / "report.html").as_uri())
        yield page
        browser.close()


def entries(page: Page, category: str) -> list[str]:
    page.get_by_text(category, exact=True).first.click()
    rows = page.locator("tbody tr")
    rows.first.wait_for()
    return [text.strip() for text in rows.all_inner_texts()]


def test_it_opens_with_what_the_experiment_is(page: Page):
    text = page.locator(".prose").inner_text()
    assert EXPERIMENT["title"] in text
    assert "8 runs" in text
    assert f"refined: Learns *its own*: {HOSTILE}" in text
    assert "label fractions: n4, n8" in text
    assert "over 2 seeds" in text
    assert "{{" not in text


@pytest.mark.parametrize("category", SHOWN)
def test_every_entry_shows_something(page: Page, category: str):
    page.reload()
    assert entries(page, category) == SHOWN[category]
    for i, name in enumerate(SHOWN[category]):
        page.locator("tbody tr").nth(i).locator("a, button").first.click()
        is_table = "Figure" not in name and category != "2 Images"
        if is_table:
            table = page.frame_locator("iframe").locator("tbody tr")
            table.first.wait_for()
            assert table.count() >= 2
        else:
            image = page.locator("img").last
            image.wait_for()
            assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") > 300
        pixels = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
        assert pixels[:, 450:].std() > 5, f"{name}: nothing is to be seen"


def test_captions_say_how_it_was_made(page: Page):
    page.reload()
    captions = page.evaluate("Object.entries(results).map(([name, one]) => [name, one.caption])")
    assert len(captions) == sum(map(len, SHOWN.values())) + 7  # and the tables as CSV
    for name, caption in captions:
        assert len(caption) > 100, name
        assert "{{" not in caption, name
        assert "system-message" not in caption, name
        # Whether it is of the test set, and how many seeds or runs; CSV have columns for these.
        if not name.endswith(".csv") and "cost.html" not in name:
            assert "test" in caption, name
            assert any(word in caption for word in ("seeds", "n = 1", "Each")), name


def test_the_link_of_the_text_leads_to_the_results(page: Page):
    page.reload()
    page.locator(".prose a", has_text="1 Results").click()
    page.get_by_text("01 Scores of all methods").wait_for()


def test_the_zip_holds_the_same_results(folder: Path):
    with zipfile.ZipFile(folder / "report.zip") as archive:
        names = archive.namelist()
    assert any(name.endswith("report.html") or name.endswith("index.html") for name in names)
    assert sum(name.endswith(".svg") for name in names) >= 8


def test_files_that_are_opened_by_themselves_show_text_as_it_is(page: Page, folder: Path):
    tables, figures = folder / "results/tables", folder / "results/figures"
    for path in [*figures.rglob("*.svg"), *tables.glob("*.html")]:
        page.goto(path.as_uri())
    renderer = MarkdownIt("commonmark", {"html": True}).enable("table")
    for path in tables.glob("*.md"):
        page.set_content(renderer.render(path.read_text()))
        assert HOSTILE in page.locator("h1").inner_text(), path.name
        if path.stem == "summary":
            assert page.locator("th", has_text=f"IoU of {HOSTILE} (%)").count() == 1
    page.goto((folder / "report.html").as_uri())


def test_the_browser_had_nothing_to_complain_of(page: Page, complaints: list[str]):
    assert complaints == []
