"""The rows of the thesis's limits come out as expected."""

import pytest

from experiments.ledger import Settings
from experiments.thesis.limits import CHECKS
from experiments.thesis.maps import FIGURES


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """The races run for longer than they compile."""


@pytest.mark.slow  # `infoloop verify` checks the same, in .ci/run too
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_rows_are_as_expected(check):
    """A twin fails, its slack below zero."""
    outcome = check.measure(Settings())
    assert outcome.verdict == check.expected
    if check.twin_of is not None:
        assert outcome.slack < 0


def test_figures_of_the_rows_exist():
    assert {check.figure for check in CHECKS} == set(FIGURES)
