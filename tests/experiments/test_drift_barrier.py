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
    acceptance, start = study.blind_acceptance(study.ERRS) * np.array([1, 1, 0.3]), study.BLIND_START
    correct = [float(budget.ends_with(n, acceptance, start)[0]) for n in sizes]
    assert correct == sorted(correct)


def test_if_nothing_wrong_is_accepted_a_blind_spot_leaves_two_symbols():
    """Three symbols against two: two routes to one number; 1e-10 for linear systems."""
    n, (correct, _, blind) = 12, study.BLIND_START
    three = budget.ends_with(n, study.blind_acceptance(study.ERRS) * np.array([1, 0, 1]), study.BLIND_START)[0]
    two = budget.success(n, (study.ERRS, study.BLIND_ACCEPTED), correct / (correct + blind))
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
    assert claims.barrier(-1, QUICK).decide().outcome == "fails"


def test_kimura_is_worse_beyond_its_edge():
    """.007 for n ≤ 100 at s = .12, where it is worst; n = 200 from rare starts is beyond."""
    starts = np.array([0.02, 0.025])
    errors = [
        np.abs(np.asarray(budget.kimura(n, 0.12, starts) - budget.success(n, (1.0, np.exp(-0.12)), starts))).max()
        for n in (100, 200)
    ]
    assert errors[0] < 0.007 < errors[1]


def test_a_verifier_that_rejects_nothing_correct_has_no_best_size():
    """φ = 1: P(ends correct) rises with n to p/(p+b) = .8; φ = .9: it peaks in between."""
    ends = {tpr: [study.blind_ends(n, tpr)[0] for n in (2, 6, 12)] for tpr in (study.ERRS, study.NEVER_REJECTS)}
    np.testing.assert_allclose(ends[1.0], [0.588, 0.785, 0.7998], atol=1e-2)
    assert np.argmax(ends[study.ERRS]) == 1
