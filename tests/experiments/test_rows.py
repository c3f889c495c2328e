"""Every row of the ledger has a figure, a statement and a test that are there; `infoloop verify` decides it."""

from collections import Counter
from pathlib import Path

import pytest

import experiments
from experiments.harness import catalogue, statements

LOADED = catalogue.load_all()
CHECKS = [check for one in LOADED for check in one.checks]
ROOT = Path(__file__).parents[2]


def test_every_figure_has_a_row_and_every_claim_a_statement():
    for one in LOADED:
        assert set(one.figures) == {check.figure for check in one.checks} - {None}
    ids = {statement.id for statement in statements.in_order(LOADED)}
    assert {check.claim for check in CHECKS} == ids


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
