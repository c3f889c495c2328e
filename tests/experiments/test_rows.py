"""Every row of the ledger has a figure, a statement and a test that are there; `infoloop verify` decides it."""

from collections import Counter
from pathlib import Path

import pytest

import experiments
from experiments.harness import catalogue, scorecard, statements

LOADED = catalogue.load_all()
CHECKS = [check for one in LOADED for check in one.checks]
ROOT = Path(__file__).parents[2]


def test_every_figure_has_a_row_and_every_claim_a_statement():
    for one in LOADED:
        assert set(one.figures) == {check.figure for check in one.checks} - {None}
    ids = {statement.id for statement in statements.in_order(LOADED)}
    assert {check.claim for check in CHECKS} == ids


def test_every_claim_names_the_row_that_decides_it_and_where_it_would_fail():
    """That row is of the claim, and has a control, the world in which the claim fails."""
    controlled = {check.original.id: check.claim for check in CHECKS if check.original}
    for statement in statements.in_order(LOADED):
        if statement.id != statements.INSTRUMENT.id:
            assert controlled.get(statement.decided_by) == statement.id, statement.id
            assert statement.fails_where.startswith("Where ") and statement.fails_where.endswith("."), statement.id


def test_the_scorecard_has_the_twelve_claims_of_the_paper():
    table = scorecard.table(statements.in_order(LOADED), [])
    assert [score["claim"] for score in table] == [f"C{i}" for i in range(1, 13)]
    assert {score["row"] for score in table} <= {check.id for check in CHECKS} and not any(s["outcome"] for s in table)


def test_the_tests_that_rows_and_statements_name_exist():
    nodes = {check.test for check in CHECKS} | {statement.test for one in LOADED for statement in one.statements}
    for node in filter(None, nodes):
        file, _, name = node.partition("::")
        assert f"\ndef {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), node


@pytest.mark.parametrize("name", experiments.EXPERIMENTS)
def test_experiments_are_cut_the_same_way(name):
    """A title that fits a line; a folder has study.py, claims.py and figures.py; its studies bear its name."""
    title, _ = catalogue.about(name)
    assert 10 < len(title) <= 110
    (one,) = (one for one in LOADED if one.name == name)
    folder = ROOT / one.module.replace(".", "/")
    assert not folder.is_dir() or {"__init__.py", "claims.py", "figures.py"} <= {path.name for path in folder.iterdir()}
    found = catalogue.studies(one.module)
    assert found and all(study.startswith(f"{name}/") for study in found)


def test_a_row_is_there_once():
    """No two rows of a claim have one finder with the same arguments."""
    finders = Counter(
        (getattr(find, "func", find), getattr(find, "args", ()), tuple(sorted(getattr(find, "keywords", {}).items())))
        for find in (check.find for check in CHECKS)
    )
    assert not [find for find, count in finders.items() if count > 1]
