"""The drift barrier by other routes; its rows fail where their study is broken."""

import numpy as np

import theory
from experiments.drift_barrier import claims, study
from experiments.harness.ledger import Settings
from theory import budget, drift

QUICK = Settings()


def test_start_information_is_that_of_the_samples():
    n = 7
    joint = np.stack([np.asarray(drift.initial(n, probs)) for probs in ([0.6, 0.4], [0.4, 0.6])]) / 2
    expected = theory.mutual_information(joint)
    np.testing.assert_allclose(study.start_information(np.array([n])), [expected], rtol=0, atol=1e-12)


def test_without_a_blind_spot_more_samples_help():
    """Then the loop ends correct more often: the blind spot is the reason."""
    sizes = (2, 6, 12)
    acceptance, start = np.array([0.9, 0.3, 0.3]), study.BLIND_START
    correct = [study._ends(n, acceptance, start)[0] for n in sizes]
    assert correct == sorted(correct)


def test_if_nothing_wrong_is_accepted_a_blind_spot_leaves_two_symbols():
    """Three symbols against two: two routes to one number; 1e-10 for linear systems."""
    n, (correct, _, blind) = 12, study.BLIND_START
    three = study._ends(n, study.BLIND_ACCEPTANCE * np.array([1, 0, 1]), study.BLIND_START)[0]
    two = budget.success(n, (study.BLIND_ACCEPTANCE[0], study.BLIND_ACCEPTANCE[2]), correct / (correct + blind))
    np.testing.assert_allclose(three, two, rtol=0, atol=1e-10)


def test_at_the_break_even_a_loop_ends_with_what_it_began_with():
    """The ratio from a root finder, put into the chain that is run to its end."""
    n, share = 50, study.SHARE
    ratio = float(budget.break_even(n, share))
    kernels = np.stack([drift.selection_kernel(n, np.array(a)) for a in ([1.0, ratio], [ratio, 1.0])])
    starts = np.stack([drift.initial(n, [share, 1 - share]), drift.initial(n, [1 - share, share])])
    information = drift.information([0.5, 0.5], starts, kernels, 4000)
    np.testing.assert_allclose(information[-1], information[0], rtol=0, atol=1e-9)


def test_a_row_can_fail(monkeypatch):
    """The mixture against the chain of another verifier, and a loop that is not past the barrier."""
    sizes = (5, 20)
    shifted = theory.Estimate(np.full((3, 2), 0.5), np.full((3, 2), 0.01), 99)
    monkeypatch.setattr(study, "mixture", lambda settings: study.FinalAccuracy(sizes, shifted))
    monkeypatch.setattr(study, "exact", lambda sizes: np.full((3, 2), 0.6))
    assert claims.mixture(QUICK).decide().outcome == "fails"
    assert claims.barrier(claims.GOOD, QUICK).decide().outcome == "fails"
