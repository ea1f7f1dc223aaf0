"""Documents keep up with the code: keys are explained, files listed, and links lead somewhere."""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from fewmask.config import batch, dataset, evaluation, experiment, method, schedule, stage
from fewmask.config.choices import modules
from fewmask.config.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "config/README.md")
] + sorted((ROOT / "docs").glob("*.md"))


def settings_models() -> list[type[Settings]]:
    """Every settings class of experiments, datasets and methods."""
    packages = ("objectives", "objectives.weighting", "networks.architectures")
    by_name = (modules(f"fewmask.{package}") for package in packages)
    named = [one for found in by_name for one in found.values()]
    every = [batch, dataset, evaluation, experiment, method, schedule, stage, *named]
    classes = {one for module in every for one in vars(module).values() if isinstance(one, type)}
    return sorted((c for c in classes if issubclass(c, Settings)), key=lambda c: c.__name__)


@pytest.mark.parametrize("model", settings_models(), ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[Settings]):
    code = " ".join(re.findall(r"`([^`\n]+)`", (ROOT / "config/README.md").read_text()))
    for key in model.model_fields:
        if key not in ("name", "colour", "url", "checksum", "when", "settings"):
            assert re.search(rf"\b{key}\b", code), f"config/README.md misses {key}"


@pytest.mark.parametrize(
    ("folder", "page"),
    [("methods", "README.md"), ("experiments", "README.md"), ("datasets", "docs/datasets.md")],
)
def test_every_file_of_the_configuration_is_listed(folder: str, page: str):
    """By its name, or by a pattern such as `three_stage_...`."""
    code = re.findall(r"`([^`\n]+)`", (ROOT / page).read_text())
    patterns = {Path(word).name.removesuffix(".yaml").replace("...", "*") for word in code}
    names = [path.stem for path in sorted((ROOT / "config" / folder).glob("*.yaml"))]
    assert names
    missing = [name for name in names if not any(fnmatch(name, one) for one in patterns)]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
