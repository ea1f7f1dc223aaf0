"""Damaged images are left out where that is requested, by the option or by the setting."""

import json
from pathlib import Path

from fewmask.data.preparation import prepare
from fewmask.data.store.store import Store
from tests.data.making import reading
from tests.data.preparation.commands import STORE, fewmask, options
from tests.data.preparation.spoiling import damage


def test_the_option_and_the_setting_make_one_store(workplace):
    damage(Path("data/mine"))
    set_in_yaml = options("prepare", {"skip_damaged": True})
    assert fewmask("prepare", *set_in_yaml)[0] == 0
    with Store(STORE) as store:
        by_setting = store.digest, json.loads(store.settings), store.left_out
    assert fewmask("prepare", *options("prepare", {}), "--skip-damaged")[0] == 0
    with Store(STORE) as store:
        assert (store.digest, json.loads(store.settings), store.left_out) == by_setting


def test_two_workers_leave_out_what_one_leaves_out(workplace):
    damage(Path("data/mine"))
    found = []
    for workers in (1, 2):
        prepare.prepare(reading(), STORE, workers, skip_damaged=True)
        with Store(STORE) as store:
            found.append((store.digest, store.left_out))
    assert found[0] == found[1]


def test_a_list_goes_without_those_who_were_left_out(workplace):
    damage(Path("data/mine"))
    Path("data/mine/list.txt").write_text("images/0.png\nimages/1.png\n")
    assert fewmask("prepare", *options("prepare", {}), "--skip-damaged")[0] == 0
    code, said = fewmask("split", *(a.replace("n2", "listed") for a in options("split", {})))
    assert code == 0, said
    assert "1 labelled, 1 unlabelled, 1 validation, 1 test" in said
    assert "1 of the 2 names on the list listed were left out as damaged" in said


def test_the_message_names_the_way_to_go_on(workplace):
    damage(Path("data/mine"))
    said = fewmask("prepare", *options("prepare", {}))[1]
    assert said.endswith("leave such images out: skip_damaged: true in the dataset's YAML\n")
