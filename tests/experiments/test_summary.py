from dataclasses import replace

import pytest
from fake_experiment import CHECK, CONTROL, OTHER, STATEMENTS

from experiments.harness import summary
from experiments.harness.catalogue import Experiment
from experiments.harness.ledger import Settings, Tally, tally
from experiments.harness.statements import INSTRUMENT, Statement, in_order

ROW, FAILS, FIRST = (check.row(Settings()) for check in (CHECK, CONTROL, OTHER))
ROWS = [
    FIRST,
    ROW,
    FAILS,
    replace(ROW, id="C2-refuted", outcome="fails"),
    replace(FAILS, id="C2-control-that-holds", outcome="holds"),
    replace(ROW, id="L9-new", claim="L4"),
    replace(ROW, id="L4-open", claim="L4", outcome="open"),
]


def test_rows_are_counted_by_claim():
    assert tally(ROWS) == {"C1": Tally(1, 0, 0, 0), "C2": Tally(1, 1, 0, 2), "L4": Tally(1, 0, 1, 0)}
    assert not tally([])


@pytest.mark.parametrize(
    ("counted", "mark", "words"),
    [
        (Tally(12, 3, 0, 0), "✓", "12 hold, 3 controls fail"),
        (Tally(1, 1, 1, 0), "?", "1 holds, 1 control fails, 1 open"),
        (Tally(0, 0, 2, 1), "✗", "2 open, 1 refuted"),
    ],
)
def test_a_tally_in_words(counted, mark, words):
    assert (counted.mark, counted.words) == (mark, words)


@pytest.mark.parametrize("width", [10, 60, 80, 200])
def test_the_screen_has_a_line_a_claim(width):
    lines = summary.screen(ROWS, STATEMENTS, width)
    assert [line.split()[:2] for line in lines] == [["✗", "C2"], ["✓", "C1"], ["?", "L4"]]
    assert lines[0].endswith("1 holds, 1 control fails, 2 refuted") and lines[1].endswith(" 1 holds")
    assert max(map(len, lines)) <= max(width, 60)
    assert (STATEMENTS[0].title in lines[0]) == (width >= 60)


def test_claims_md_has_every_row_and_its_outcomes():
    text = summary.markdown(ROWS[:3], STATEMENTS, "profile quick, seed 0", {"C2-fake": ["holds", "open"]})
    lines = text.splitlines()
    assert "| C2 | A <loop> forgets | ✓ 1 holds, 1 control fails |" in lines
    assert "| row | what is claimed | outcome at seeds 0 to 1 | figure |" in lines
    assert r"| `C2-fake` | I(X;Z_t) ≥ I(X;Z_{t+1}) <script> | ✓? (exact) | fake |" in lines
    assert "| C2 | “task-relevant information can only decrease" in text and "| incomplete | " in text
    assert "| `C2-fake-control` | control: information goes to zero | ✗ | fake |" in lines and text.endswith("|\n")


def test_statements_are_in_order_and_the_instrument_comes_last():
    statements = (INSTRUMENT, *(Statement(id, "") for id in ("F1", "R2", "L4", "C10", "W1", "C2", "R10")))
    ordered = [statement.id for statement in in_order([Experiment("x", "x", (), statements, {})])]
    assert ordered == ["C2", "C10", "L4", "R2", "R10", "F1", "W1", "instrument"]
