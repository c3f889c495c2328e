"""The rows of the race come out as expected."""

import pytest

from experiments.ledger import Settings
from experiments.thesis.rows import CHECKS

QUICK = Settings()


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Here running takes as long as compiling."""


@pytest.mark.slow  # `infoloop verify` checks the same, in .ci/run too
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_rows_are_as_expected(check):
    """A twin fails, its slack below zero."""
    outcome = check.measure(QUICK)
    assert outcome.verdict == check.expected
    if check.twin_of is not None:
        assert outcome.slack < 0
