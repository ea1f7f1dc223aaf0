"""Each room of the package imports only from the rooms below it, no modules import each other in
a circle, and planning imports nothing heavy.

Read from the source. What is found by name (`import_module`) is the only way up, and is not seen
here.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import fewmask

PACKAGE = Path(fewmask.__file__).parent
ROOT = Path(__file__).parents[2]
FLOORS = (
    "core",
    "metrics",
    "config",
    "cluster",
    "planning",
    "data",
    "tasks",
    "networks",
    "objectives",
    "training",
    "inference",
    "monitor",
    "report",
    "cli",
)
"""The rooms of the package from the ground floor up."""

MOST_LINES = 300


def module_name(path: Path) -> str:
    parts = ("fewmask", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module of the package that a syntax tree imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in SOURCES)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            inner = [f"{node.module}.{one.name}" for one in node.names]
            yield from (name for name in (node.module, *inner) if name in SOURCES)


def outside_functions(tree: ast.Module) -> ast.Module:
    """The part of a module that runs when it is imported."""

    class Remover(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    return Remover().visit(tree)


def room(module: str) -> str | None:
    """The room that a module lies in; None for the package itself."""
    return module.split(".")[1] if "." in module else None


def test_every_module_lies_in_a_room():
    assert {room(module) for module in SOURCES} - {None} <= set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_a_room_imports_only_from_rooms_below(floor: str):
    upwards = [
        f"{module} imports {imported}"
        for module, path in SOURCES.items()
        if room(module) == floor
        for imported in imports(ast.parse(path.read_text()))
        if room(imported) and FLOORS.index(room(imported)) > FLOORS.index(floor)
    ]
    assert not upwards


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module: set(imports(outside_functions(ast.parse(path.read_text())))) - {module, "fewmask"}
        for module, path in SOURCES.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_planning_and_the_command_line_import_nothing_heavy():
    light = [module for module in SOURCES if room(module) in ("planning", "cli")]
    program = (
        f"import sys, importlib\nfor name in {light}: name.endswith('__main__') "
        f"or importlib.import_module(name)\n"
        f"print(*sorted({{'torch', 'torchvision', 'pandas', 'h5py'}} & sys.modules.keys()))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == ""


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_no_module_is_long(folder: str):
    paths = (ROOT / folder).rglob("*.py")
    lines = {path: len(path.read_text().splitlines()) for path in paths}
    assert lines
    assert not {str(path): count for path, count in lines.items() if count > MOST_LINES}
