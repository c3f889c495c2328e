"""The rows of the drift barrier come out as expected, and fail where their study is broken."""

import numpy as np
import pytest

import theory
from experiments.drift_barrier import CHECKS, FIGURES, chains, loops, rows
from experiments.ledger import Settings
from theory import drift

QUICK = Settings()
SIMULATED = [check for check in CHECKS if check.kind == "monte-carlo"]


@pytest.mark.parametrize("check", [check for check in CHECKS if check not in SIMULATED], ids=lambda check: check.id)
def test_rows_are_as_expected(check):
    """A twin fails, its slack below zero; simulated rows are shown by `make verify`."""
    outcome = check.measure(QUICK)
    assert outcome.verdict == check.expected
    if check.twin_of is not None:
        assert outcome.slack < 0


@pytest.mark.slow
@pytest.mark.parametrize("check", SIMULATED, ids=lambda check: check.id)
def test_simulated_rows_are_as_expected(check):
    assert check.measure(QUICK).verdict == check.expected


def test_figures_of_the_rows_exist():
    assert {check.figure for check in CHECKS} - {None} <= set(FIGURES)


def test_start_information_is_that_of_the_samples():
    n = 7
    joint = np.stack([np.asarray(drift.initial(n, law)) for law in ([0.6, 0.4], [0.4, 0.6])]) / 2
    expected = theory.mutual_information(joint)
    np.testing.assert_allclose(chains.start_information(np.array([n])), [expected], rtol=0, atol=1e-12)


def test_what_is_always_kept_is_not_wrong():
    """Without a blind spot more samples do end right more often: the spot is the reason."""
    sizes = (2, 8, 20)
    acceptance, start = np.array([0.9, 0.3, 0.3]), chains.BLIND_START
    right = [chains._ends(n, acceptance, start)[0] for n in sizes]
    assert right == sorted(right)


def test_a_row_can_fail(monkeypatch):
    """The mixture against the chain of another verifier, and Kimura's form with half the selection."""
    size = loops.sizes(QUICK)
    shifted = {fpr: theory.Estimate(np.full(len(size), 0.5), np.full(len(size), 0.01), 9) for fpr in loops.FPRS}
    ends = loops.Ends(size, shifted, {fpr: np.full(len(size), 0.6) for fpr in loops.FPRS})
    monkeypatch.setattr(loops, "mixture", lambda settings: ends)
    assert rows.mixture(QUICK).verdict == "fails"
    assert rows.barrier(loops.FPRS[0], QUICK).verdict == "fails"
