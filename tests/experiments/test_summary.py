from dataclasses import replace

import pytest
from fake_experiment import CHECK, OTHER, TWIN

from experiments import summary
from experiments.ledger import Row, Settings, Tally, inequality, tally
from experiments.statements import STATEMENTS, Statement

FAKE = replace(CHECK, id="C2-other"), replace(CHECK, id="L9-new", claim="L4")
CHECKS = (CHECK, TWIN, OTHER, *FAKE)


def rows() -> list[Row]:
    """Of C2 a row that fails and a twin that holds."""
    measured = [Row.of(check, check.measure(Settings())) for check in CHECKS]
    fails, holds = (inequality(slack, setting="not as expected") for slack in (-1.0, 1.0))
    return [Row.of(CHECK, fails), Row.of(replace(TWIN, id="C2-x-twin"), holds), *measured[1:]]


def test_rows_are_counted_by_claim() -> None:
    assert tally(rows()) == {"C2": Tally(1, 1, 0, 2), "C1": Tally(1, 0, 0, 0), "L4": Tally(1, 0, 0, 0)}
    assert tally(CHECKS)["C2"] == Tally(2, 1, 0, 0)
    assert tally([replace(CHECK, expected="open")])["C2"] == Tally(0, 0, 1, 0) and not tally([])


@pytest.mark.parametrize(
    ("counted", "mark", "words"),
    [
        (Tally(12, 3, 0, 0), "✓", "12 hold, 3 false twins fail"),
        (Tally(1, 1, 1, 0), "✓", "1 holds, 1 false twin fails, 1 stays open"),
        (Tally(0, 0, 2, 1), "✗", "2 stay open, 1 not as expected"),
    ],
)
def test_a_tally_in_words(counted: Tally, mark: str, words: str) -> None:
    assert (counted.mark, counted.words, counted.as_expected) == (mark, words, mark == "✓")


@pytest.mark.parametrize("width", [10, 60, 80, 200])
def test_the_screen_has_a_line_a_claim(width: int) -> None:
    lines = summary.screen(rows(), width)
    titles = {statement.id: statement.title for statement in STATEMENTS}
    assert [line.split()[:2] for line in lines] == [["✓", "C1"], ["✗", "C2"], ["✓", "L4"]]
    assert lines[0].endswith(" 1 holds") and lines[1].endswith("1 holds, 1 false twin fails, 2 not as expected")
    assert max(map(len, lines)) <= max(width, 60)
    assert (titles["C2"] in lines[1]) == (width == 200)


def test_the_order_is_that_of_the_statements_and_what_has_none_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    known = [Statement(id, f"of {id} | x", "", "", "", "", "", "tests/x.py", ("a", "b")) for id in ("L4", "C1", "R1")]
    monkeypatch.setattr(summary, "STATEMENTS", tuple(known))
    assert [line.split()[1] for line in summary.screen(CHECKS, 80)] == ["L4", "C1", "C2"]
    text = summary.markdown(CHECKS)
    assert text.splitlines()[2:] == [
        r"| L4 | of L4 \| x | ✓ 1 holds | `tests/x.py` | `a`, `b` | `infoloop verify --claim L4` |",
        r"| C1 | of C1 \| x | ✓ 1 holds | `tests/x.py` | `a`, `b` | `infoloop verify --claim C1` |",
        "| C2 |  | ✓ 2 hold, 1 false twin fails |  |  | `infoloop verify --claim C2` |",
    ]
    assert text.endswith("|\n")
