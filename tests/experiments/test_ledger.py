import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
from fake_experiment import CHECK, CONTROL

from experiments.harness import ledger
from experiments.harness.ledger import Settings

ROW, OTHER = CHECK.row(Settings()), CONTROL.row(Settings())


def test_settings():
    assert hash(Settings()) == hash(Settings("quick", 0, Path("x"), True))
    assert Settings("full").full and not Settings().full
    with pytest.raises(ValueError, match="seed"):
        Settings(seed=-1)
    with pytest.raises(ValueError, match="quick, full"):
        Settings(profile="slow")


def test_the_row_has_the_fields_of_the_file(tmp_path):
    ledger.update(tmp_path / "ledger.json", OTHER)
    (row,) = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"))
    names = "id claim kind statement setting predicted measured stderr lower upper unit slack verdict expected twin_of"
    assert list(row) == [*names.split(), "test", "figure", "command"]
    assert row["command"] == "infoloop verify --row C2-fake-control" and row["lower"] is None
    assert ledger.read(tmp_path / "ledger.json")[0].as_expected


def test_an_update_keeps_the_other_rows(tmp_path):
    path = tmp_path / "ledger.json"
    rows = [replace(ROW, id=name) for name in "abc"]
    for row in rows:
        ledger.update(path, row)
    ledger.update(path, replace(ROW, id="b", slack=7.0))
    assert [(row.id, row.slack) for row in ledger.read(path)] == [("a", 0.25), ("b", 7.0), ("c", 0.25)]


def test_no_nan_reaches_the_file(tmp_path):
    path = tmp_path / "ledger.json"
    ledger.update(path, ROW)
    with pytest.raises(ValueError, match="JSON"):
        ledger.update(path, replace(ROW, slack=math.nan))
    assert ledger.read(path) == [ROW]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_between_writing_and_replacing_loses_nothing(tmp_path, monkeypatch, moment):
    path = tmp_path / "ledger.json"
    ledger.update(path, ROW)
    before = path.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, moment, killed)
        ledger.update(path, replace(ROW, id="new"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / ".ledger.json.1.part").write_text("[{")  # what kill -9 leaves behind
    assert len(ledger.update(path, replace(ROW, id="new"))) == 2


@pytest.mark.parametrize("content", ["[{", '{"a": 1}', '[{"id": "a"}]', "3"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "ledger.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"ledger\.json: no ledger"):
        ledger.update(path, ROW)
    assert path.read_text() == content


def test_numbers_fit():
    shown = [ledger.number(value) for value in (None, 0.0, 0.123456, -1.2345e-16, 1.5e20, -123456.7)]
    assert shown == ["—", "0", "0.1235", "-1.23e-16", "1.5e20", "-1.235e5"]


def test_decimals_follow_the_error():
    row = replace(ROW, measured=0.693147, predicted=0.6931, stderr=0.00042)
    assert ledger.numbers(row) == ("0.69310", "0.69315±0.00042")
    assert ledger.numbers(replace(row, stderr=0.0)) == ("0.6931", "0.6931±0")
    assert ledger.numbers(replace(row, measured=None)) == ("0.6931", "±0.00042")


def test_more_open_rows_than_are_allowed_are_said():
    rows = [replace(ROW, id=f"C2-{i}", outcome="open") for i in range(ledger.MOST_OPEN + 1)]
    assert f"; {len(rows)} open, more than {ledger.MOST_OPEN}: C2-0, " in ledger.summary(rows)
    assert ledger.status(rows, "quick") == 0 and ledger.status(rows, "full") == 1
