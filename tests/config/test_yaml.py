"""YAML: what is read as what, and that no text brings planning down."""

from pathlib import Path

import pytest

from fewmask.config.layers import load_yaml, parse_changes
from fewmask.config.yaml_text import MOST_CHARACTERS, parse_yaml
from fewmask.core.errors import ConfigError

BOMB = "".join(
    f"{name}: &{name} [{', '.join([f'*{before}' if before else 'lol'] * 9)}]\n"
    for before, name in zip(["", *"abcdefgh"], "abcdefghi", strict=True)
)


def test_dates_and_times_of_day_stay_text():
    values, lines = parse_yaml("a: 2026-01-02\nb: [0.5, 1, yes, ~]\nc: {0: x}\n", "here")
    assert values == {"a": "2026-01-02", "b": [0.5, 1, True, None], "c": {0: "x"}}
    assert lines[("b", 3)] == 2
    assert lines[("c", 0)] == 3


def test_an_alias_stands_for_what_it_names():
    assert parse_yaml("a: &one [1]\nb: [*one, *one]\n", "here")[0] == {"a": [1], "b": [[1], [1]]}


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        pytest.param(BOMB, 1, "more than 100000 values, aliases included", id="alias bomb"),
        pytest.param("a: " + "[" * 100_000, 1, "more than 50 levels deep", id="brackets"),
        pytest.param("a: " + "9" * 5000, 1, "is no int", id="digits"),
        pytest.param("a: " + "9" * 20, 1, "too large a number", id="integer"),
        ("a: &a [*a]\n", 1, "an alias leads back to itself"),
        ("a: &a\n  b: *a\n", 1, "an alias leads back to itself"),
        ("b: 1\na: !!int abc\n", 2, "abc is no int"),
        ("b: 1\na: !!float _\n", 2, "_ is no float"),
        ("? [a, b]\n: 1\n", 1, "a key must be text or a whole number, found sequence"),
        ("no: 1\n", 1, "found no; text may need quotes"),
        ("a: 1\na: 2\n", 2, "a is given twice"),
        ("a:\n  0: wall\n  0x0: floor\n", 3, "0 is given twice"),
        ("a: !!python/object:os.system [ls]\n", 1, "python/object:os.system has no meaning here"),
        ("a: !!timestamp 2026-01-02\n", 1, "timestamp has no meaning here"),
        ("b: 1\na: [1\n", 2, "did not find expected"),
        ("a:\n\tb: 1\n", 2, "cannot start any token"),
        ("a: 1\nb: \0\n", 2, "a character that YAML does not allow, #x00"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: *b\n", 1, "undefined alias"),
    ],
)
def test_what_is_no_yaml_of_settings_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, expected: str
):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_yaml(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: not valid YAML: ")
    assert expected in message
    assert len(message) < len(str(path)) + 200


def test_what_is_no_text_file_is_told(tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"title: a\nb: caf\xe9\n")
    with pytest.raises(ConfigError, match=rf"{path}:2: cannot be read as UTF-8"):
        load_yaml(path)
    path.write_text("a: " + "b" * MOST_CHARACTERS)
    with pytest.raises(ConfigError, match=r"bad\.yaml: too large for settings"):
        load_yaml(path)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path)


def test_changes_are_yaml():
    pairs = ("title=[1", "seeds=[0, 1]", "results=", "reference='null'")
    assert parse_changes(pairs[1:]) == {"seeds": [0, 1], "results": None, "reference": "null"}
    for pair, expected in {
        pairs[0]: "--config title:1: not valid YAML",
        "seeds": "--config seeds: expected KEY=VALUE",
        "extends=other": "--config extends=other: only a file can extend another",
    }.items():
        with pytest.raises(ConfigError) as caught:
            parse_changes([pair])
        assert expected in str(caught.value)
