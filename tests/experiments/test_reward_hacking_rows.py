"""The rows of reward hacking come out as expected."""

import pytest

from experiments.ledger import Settings
from experiments.reward_hacking import CHECKS


@pytest.mark.slow  # `infoloop verify` checks the same, in .ci/run too
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_rows_are_as_expected(check):
    """A twin fails, its slack below zero."""
    outcome = check.measure(Settings())
    assert outcome.verdict == check.expected
    if check.twin_of is not None:
        assert outcome.slack < 0
