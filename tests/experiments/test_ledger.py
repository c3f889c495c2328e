import io
import json
import math
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from fake_experiment import CHECK, TWIN
from rich.console import Console

from experiments import ledger, verify
from experiments.ledger import Check, Outcome, Row, Settings, bracketed, equality, inequality
from experiments.verify import Printer

ROW = Row.of(CHECK, inequality(0.25, setting="s"))


@pytest.mark.parametrize(
    ("slack", "stderr", "verdict"),
    [
        (0.0, None, "holds"),
        (-1e-12, None, "holds"),
        (-1.01e-12, None, "fails"),
        (5.0, 1.0, "holds"),
        (4.99, 1.0, "open"),
        (-5.0, 1.0, "open"),
        (-5.01, 1.0, "fails"),
        (0.0, 0.0, "holds"),
        (-1e-15, 0.0, "fails"),
    ],
)
def test_inequality(slack: float, stderr: float | None, verdict: str) -> None:
    assert inequality(slack, stderr=stderr, setting="").verdict == verdict


@pytest.mark.parametrize(
    ("difference", "options", "verdict"),
    [
        (0.0, {}, "holds"),
        (0.9e-12, {}, "holds"),
        (-1.1e-12, {}, "fails"),
        (5.0, {"stderr": 1.0}, "holds"),
        (-5.01, {"stderr": 1.0}, "fails"),
        (1e-6, {"tolerance": 1e-5}, "holds"),
        (1e-4, {"tolerance": 1e-5}, "fails"),
    ],
)
def test_equality(difference: float, options: dict, verdict: str) -> None:
    outcome = equality(difference, 0.0, setting="", **options)
    assert outcome.verdict == verdict
    assert (outcome.slack >= 0) == (verdict == "holds")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_named(bad: float) -> None:
    with pytest.raises(ValueError, match="slack is"):
        inequality(bad, setting="")
    with pytest.raises(ValueError, match=r"stderr is .* 'n = 3'"):
        inequality(1.0, stderr=bad, setting="n = 3")
    with pytest.raises(ValueError, match="measured is"):
        equality(bad, 1.0, setting="")
    with pytest.raises(ValueError, match="predicted is"):
        equality(1.0, bad, setting="")
    with pytest.raises(ValueError, match="tolerance is"):
        equality(1.0, 1.0, tolerance=bad, setting="")


def test_a_negative_error_and_two_tolerances_are_refused() -> None:
    with pytest.raises(ValueError, match="stderr is -1"):
        inequality(1.0, stderr=-1.0, setting="")
    with pytest.raises(ValueError, match="tolerance"):
        equality(1.0, 1.0, stderr=1.0, tolerance=1.0, setting="")


def test_numpy_scalars_become_floats() -> None:
    outcome = inequality(np.float32(0.5), measured=np.array(0.25), setting="")
    assert type(outcome.slack) is float and type(outcome.measured) is float


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "two words"},
        {"id": "../up"},
        {"claim": "C13"},
        {"kind": "guess"},
        {"expected": "maybe"},
        {"test": "test_claims.py"},
        {"statement": " "},
        {"twin_of": "C2-other"},  # expected to hold
        {"twin_of": "C2-fake", "expected": "fails"},  # its own twin
    ],
)
def test_a_wrong_check_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))[:4]):
        replace(CHECK, **wrong)


def test_settings() -> None:
    assert hash(Settings()) == hash(Settings("quick", 0)) and not Settings().full and Settings("full").full
    with pytest.raises(ValueError, match="seed"):
        Settings(seed=-1)
    with pytest.raises(ValueError, match="quick, full"):
        Settings(profile="slow")  # pyright: ignore[reportArgumentType]


def test_the_row_has_the_fields_of_the_file(tmp_path: Path) -> None:
    ledger.update(tmp_path / "ledger.json", Row.of(TWIN, equality(0.1, 0.0, stderr=0.01, setting="s")))
    (row,) = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"))
    names = "id claim kind statement setting predicted measured stderr lower upper unit slack verdict expected twin_of"
    assert list(row) == [*names.split(), "test", "figure", "command"]
    assert row["command"] == "infoloop verify --row C2-fake-twin" and row["lower"] is None
    assert ledger.read(tmp_path / "ledger.json")[0].as_expected


def test_an_update_keeps_the_other_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    rows = [replace(ROW, id=name) for name in "abc"]
    for row in rows:
        ledger.update(path, row)
    ledger.update(path, replace(ROW, id="b", slack=7.0))
    assert [(row.id, row.slack) for row in ledger.read(path)] == [("a", 0.25), ("b", 7.0), ("c", 0.25)]


def test_no_nan_reaches_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    ledger.update(path, ROW)
    with pytest.raises(ValueError, match="JSON"):
        ledger.update(path, replace(ROW, slack=math.nan))
    assert ledger.read(path) == [ROW]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_kill_between_writing_and_replacing_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = tmp_path / "ledger.json"
    ledger.update(path, ROW)
    before = path.read_bytes()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, moment, killed)
        with pytest.raises(KeyboardInterrupt):
            ledger.update(path, replace(ROW, id="new"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / ".ledger.json.1.part").write_text("[{")  # what kill -9 leaves behind
    assert len(ledger.update(path, replace(ROW, id="new"))) == 2


@pytest.mark.parametrize("content", ["[{", '{"a": 1}', '[{"id": "a"}]', "3"])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ledger.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"ledger\.json is not a ledger"):
        ledger.update(path, ROW)
    assert path.read_text() == content


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "—"),
        (0.0, "0"),
        (0.123456, "0.1235"),
        (-1.2345e-16, "-1.23e-16"),
        (1.5e20, "1.5e20"),
        (-123456.7, "-1.235e5"),
    ],
)
def test_numbers_fit(value: float | None, text: str) -> None:
    assert ledger.number(value) == text


def test_decimals_follow_the_error() -> None:
    row = Row.of(CHECK, equality(0.693147, 0.6931, stderr=0.00042, setting=""))
    assert ledger.numbers(row) == ("0.69310", "0.69315±0.00042")
    assert ledger.numbers(replace(row, stderr=0.0)) == ("0.6931", "0.6931±0")
    assert ledger.numbers(replace(row, measured=None)) == ("0.6931", "±0.00042")


def printed(row: Row, **console: object) -> list[str]:
    file = io.StringIO()
    printer = Printer.on(Console(file=file, **console), [row.id])  # pyright: ignore[reportArgumentType]
    printer.header()
    printer.row(row, 1.23)
    return file.getvalue().splitlines()


def test_a_pipe_gets_plain_text_in_one_line_a_row() -> None:
    row = Row.of(TWIN, equality(0.1, 0.0, stderr=1e-3, setting="s", unit="nats per generation"))
    _, line = printed(row, width=80)
    assert (
        " ".join(line.split()) == "C2-fake-twin C2 0.0000 0.1000±0.0010 -0.095 ✗ fails fails 1.2 s nats per generation"
    )


def test_80_columns_are_enough_for_a_long_id() -> None:
    row = replace(ROW, id="C2-an-id-that-is-much-too-long-for-its-column")
    lines = printed(row, width=80, force_terminal=True, color_system=None)
    assert max(map(len, lines)) <= 80 and lines[1] == row.id
    assert lines[0].index("verdict") == lines[2].index("✓")


def test_an_unexpected_verdict_is_marked() -> None:
    row = Row.of(TWIN, Outcome(setting="", slack=1.0, verdict="holds"))
    assert "✓ holds ≠ fails" in printed(row)[1]
    assert ledger.summary([ROW, row]) == "1 of 2 rows as expected; 1 not: C2-fake-twin (holds, not fails)"


def test_dataclasses_are_plain() -> None:
    assert Row(**asdict(ROW)) == ROW
    assert isinstance(CHECK, Check)


def test_the_tests_that_the_real_rows_name_exist() -> None:
    for check, _ in verify.catalogue():
        file, *names = check.test.partition("[")[0].split("::")
        text = (Path(__file__).parents[2] / file).read_text(encoding="utf-8")
        missing = [name for name in names if not re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE)]
        assert not missing, f"{check.id} names {check.test}"


@pytest.mark.parametrize(
    ("lower", "upper", "verdict"),
    [(0.05, 0.2, "holds"), (0.049, 0.2, "open"), (-0.2, -0.051, "fails"), (-0.2, -0.05, "open"), (-1, 1, "open")],
)
def test_a_bracket_decides_by_the_end_that_is_clear_of_zero(lower, upper, verdict):
    """Each end has an error of .01: five of them are .05."""
    outcome = bracketed(lower, 0.01, upper, 0.01, setting="")
    assert outcome.verdict == verdict
    assert outcome.slack == (upper if verdict == "fails" else lower)
    with pytest.raises(ValueError, match="stderr"):
        bracketed(lower, -0.01, upper, 0.01, setting="")
