"""The loops and learners that search for the correct one of c candidates, against other routes."""

import math

import jax
import numpy as np
import pytest
import scipy.special
import scipy.stats

from experiments.candidates import capacity, claims, study
from experiments.candidates.study import CANDIDATES, ERROR
from experiments.harness.ledger import Settings
from theory import budget

QUICK = Settings()


def simulated(n, c, replicas, rng, num_rounds=None):
    """Verdicts of the loop itself, all candidates apart, and whether it is wrong: until one is left, or T rounds."""
    rates = np.where(np.arange(c) == 0, *CANDIDATES)
    share, used, t = np.full((replicas, c), 1 / c), np.zeros(replicas), 0
    while (running := share.max(1) < 1 if num_rounds is None else np.full(replicas, t < num_rounds)).any():
        accepted = share[running] * rates
        used[running] += n / accepted.sum(1)
        share[running] = rng.multinomial(n, accepted / accepted.sum(1, keepdims=True)) / n
        t += 1
    return used, share[:, 0] <= 0.5


@pytest.mark.parametrize(("c", "replicas"), [(4, 20_000), (16, 3000)])
def test_the_loop_until_one_is_left_is_that_of_a_simulation(c, replicas):
    """33.8 and 295 verdicts, where an oracle would stop at 29.6 and 203."""
    n, oracle = study.smallest(c)
    used, wrong = simulated(n, c, replicas, np.random.default_rng(1))
    expected = oracle + n / CANDIDATES[1] * study.rounds_after_loss(n, c)
    assert abs(used.mean() - expected) < 5 * used.std() / replicas**0.5
    assert used.mean() - oracle > 5 * used.std() / replicas**0.5
    assert abs(wrong.mean() - float(budget.fixation(n, CANDIDATES, 1 / c).wrong)) < 5 * wrong.std() / replicas**0.5


def test_the_loop_of_some_rounds_is_that_of_a_simulation():
    spent, n, num_rounds = study.after_rounds(16)
    used, wrong = simulated(n, 16, 20_000, np.random.default_rng(2), num_rounds)
    assert abs(used.mean() - spent) < 5 * used.std() / 20_000**0.5
    assert wrong.mean() < ERROR + 5 * wrong.std() / 20_000**0.5


def test_two_wrong_candidates_drift_as_two_neutral_symbols(monkeypatch):
    """The correct one of three lost at once: the neutral chain of two symbols from an even start; and none of two."""
    n = 30
    all_wrong, moves = np.eye(n + 1)[0], study.chain(n, 3)[1]
    assert study.rounds_after_loss(5, 2) == 0
    monkeypatch.setattr(study, "chain", lambda n, c: (all_wrong, moves, None, None))
    generations = budget.fixation(n, (1.0, 1.0), 0.5).generations
    np.testing.assert_allclose(study.rounds_after_loss(n, 3), generations - 1, rtol=1e-10)  # the first one is counted


def test_the_smallest_size_and_what_is_searched():
    """By bisection, against all sizes; none of the best rounds is at an end of those searched."""
    for c in (2, 8):
        right = np.asarray(budget.success(np.arange(1, 2 * c + 4), CANDIDATES, 1 / c)) >= 1 - ERROR
        assert study.smallest(c)[0] == 1 + right.argmax()
    for c in (8, 32):
        assert c < study.after_rounds(c)[1] < c + c // 2 + 15


def test_what_one_verdict_carries_and_fano():
    """.0122 nats of .2056 at 64 candidates; Fano's bound of a uniform prior."""
    carried, capacity = budget.verdict(CANDIDATES, [1 / 64, 0.3]), float(budget.verifier_capacity(CANDIDATES))
    np.testing.assert_allclose(study._carried(np.array([1 / 64, 0.3]), CANDIDATES), carried, rtol=1e-12)
    assert carried[0] == pytest.approx(0.0122, abs=5e-5) and capacity == pytest.approx(0.2056, abs=5e-5)
    for c in (2, 16):
        expected = budget.information_needed(0.05, np.full(c, 1 / c))
        np.testing.assert_allclose(study.fano(c, 0.05), expected, rtol=1e-12)


@pytest.mark.parametrize(("kind", "c"), [("uniform", 8), ("probable", 8), ("own", 8), ("probable", 2), ("sets", 8)])
def test_learners_end_correct_often_enough(kind, c):
    """One that stops at a posterior of .95 is wrong in at most 5 %; one verdict is not enough: ln 7 < ln 19."""
    found = study.search(kind, c, 4000, np.random.default_rng(3))
    assert found.wrong.mean() <= ERROR + 5 * found.wrong.std() / 4000**0.5
    assert found.verdicts.min() >= 2
    assert (found.information <= math.log(c)).all()
    assert found.information.mean() >= study.fano(c, ERROR)


def test_learners_have_independent_randomness():
    """An exact number of replicas, and another kind: other verdicts."""
    few = [study.learner(Settings(), kind, num_replicas=12).mean for kind in ("uniform", "probable")]
    assert not np.allclose(*few)
    assert study.learner(jax.random.key(0), "uniform", num_replicas=12).count == 12


def test_rows_can_fail(monkeypatch):
    """Another law; twice the lower bound; uniform queries in the place of those of the likeliest."""
    few = dict.fromkeys(("uniform", "own", "probable"), study.learner(QUICK, "uniform", num_replicas=100))
    assert claims.spends("sets", 1.02, QUICK).decide().outcome == "fails"
    monkeypatch.setattr(study, "one_left_law", lambda c: 2600 * 1.1 * c / 64)
    monkeypatch.setattr(study, "learner", lambda settings, kind: few[kind])
    monkeypatch.setattr(budget, "candidate_verdicts", lambda c, verifier, error: 16.0 * c)
    assert claims.neutral_drift("one_left", QUICK).decide().outcome == "fails"
    assert claims.one_each(("probable",), QUICK).decide().outcome == "fails"
    assert claims.better_learners(QUICK).decide().outcome != "holds"


@pytest.mark.parametrize(("verifier", "replicas", "most"), [((0.9, 0.3), 200, 1.75), ((0.98, 0.05), 1000, 1.4)])
def test_the_lower_bound_for_one_candidate_each_is_near(verifier, replicas, most):
    """At 256 candidates whoever queries the likeliest needs 1.55 and 1.2 times as many: twice the bound fails."""
    used = study.search("probable", 256, replicas, np.random.default_rng(5), verifier).verdicts
    ratio = used / float(budget.candidate_verdicts(256, verifier, ERROR))
    error = 5 * ratio.std() / replicas**0.5
    assert ratio.mean() - error > 1 and ratio.mean() < most


def test_nats_bought_and_kept():
    """No dot is above the line; a loop by another route; and of all loops three in four keep less than half."""
    kinds = [capacity.even_start(), capacity.fitted_start(), capacity.candidates(QUICK)]
    shares = np.concatenate([loops.share for loops in kinds])
    assert (shares <= 1).all() and 0.7 < (shares < 0.5).mean() < 0.8
    n, fpr = 10, 0.8
    place = list(np.ndindex(capacity.FITTED_SIZES.size, capacity.FITTED_FPRS.size)).index((2, 3))
    end = budget.fixation(n, (1.0, fpr), 0.6, num_real=n)
    joint = scipy.stats.binom.pmf(np.arange(n + 1), n, [[0.6], [0.4]]) / 2
    first = scipy.special.rel_entr(joint, joint.sum(0) / 2).sum()
    wrong = float(end.wrong)
    gained = np.log(2) + wrong * np.log(wrong) + (1 - wrong) * np.log1p(-wrong) - first
    bought = float(end.verdicts) * float(budget.verifier_capacity((1.0, fpr)))
    np.testing.assert_allclose([loops[place] for loops in kinds[1]], [bought, gained], rtol=1e-9)
