"""Every row of the ledger comes out as expected, and names a figure and a test that are there."""

from pathlib import Path

import pytest

from experiments.ledger import Settings
from experiments.verify import catalogue

ENTRIES = catalogue()
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes as long as compiling."""


@pytest.mark.slow  # `infoloop verify` checks the same, in .ci/run too
@pytest.mark.parametrize("check", [entry.check for entry in ENTRIES], ids=lambda check: check.id)
def test_rows_are_as_expected(check):
    """A twin fails, its slack below zero."""
    outcome = check.measure(Settings())
    assert outcome.verdict == check.expected
    if check.twin_of is not None:
        assert outcome.slack < 0


def test_figures_of_the_rows_exist():
    assert all(check.figure in {None, *figures} for check, figures in ENTRIES)


@pytest.mark.parametrize("node", sorted({entry.check.test for entry in ENTRIES}))
def test_tests_of_the_rows_exist(node):
    file, name = node.split("::")
    assert f"\ndef {name.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8")
