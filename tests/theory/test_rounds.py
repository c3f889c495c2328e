"""The best round size under three budgets: hand iteration, simulation, the laws."""

import jax
import numpy as np
import pytest
from oracles import EXACT
from test_schedule import START, VERIFIER, by_hand

from theory import budget

PUBLISHED = {100: 8, 200: 12, 400: 19, 800: 28, 1600: 42, 3200: 60}


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes longer."""


@pytest.mark.parametrize("verdicts", [100, 400, *(pytest.param(v, marks=pytest.mark.slow) for v in (1600, 3200))])
def test_fixed_rounds(verdicts):
    """(.8, .4), p = .3: N = 100 … 3200 is best spent in rounds of 8 … 60; each neighbour leaves more wrong."""
    size, wrong, _ = budget.fixed_rounds(VERIFIER, START, verdicts)
    assert size == PUBLISHED[verdicts]
    is_best(size, wrong, VERIFIER, verdicts, verdicts // size + 1, 1e-9)


def is_best(size, wrong, verifier, verdicts, rounds, rtol):
    """Its share of wrong ones is what is reached by hand, and the neighbours leave more."""
    reached = []
    for n in (size - 1, size, size + 1):
        wrongs, spent = by_hand([n] * rounds, *verifier, START)
        reached.append(wrongs[spent <= verdicts][-1])
    np.testing.assert_allclose(reached[1], wrong, rtol=rtol)
    assert min(reached) >= wrong * (1 - rtol)


@pytest.mark.slow
def test_best_sizes_do_not_depend_on_the_default_precision():
    """The wrong share, 4e-51, is zero in float32."""
    with jax.enable_x64(False):
        size, wrong, _ = budget.fixed_rounds(np.float32([0.9, 0.2]), np.float32(0.3), np.float32(10_000))
        assert budget.spend([3], VERIFIER, START).wrong.dtype == np.float32
    is_best(size, wrong, (0.9, 0.2), 10_000, 9_000 // size, 1e-5)


def test_fixed_rounds_law():
    """Where the exponents sφN/n and nθ agree; the ratio best/law rises to 1."""
    n, exponent = budget.fixed_rounds_law(VERIFIER, START, 1000)
    theta = float(budget.wrong_exponent(VERIFIER, START))
    np.testing.assert_allclose([np.log(2) * 800 / n, n * theta], exponent, rtol=EXACT)
    ratios = [best / budget.fixed_rounds_law(VERIFIER, START, N)[0] for N, best in PUBLISHED.items()]
    assert 0.7 < ratios[0] < ratios[-1] < 1 and (np.diff(ratios)[::2] > 0).all()


def test_until_fixation():
    """The largest size that is paid on average; the next one is not, and a smaller one ends wrong more often."""
    best = budget.until_fixation(VERIFIER, START, 400)
    near = budget.fixation(np.arange(best.size - 2, best.size + 2), VERIFIER, START)
    assert near.verdicts[2] <= 400 < near.verdicts[3] and (np.diff(near.wrong) < 0).all()
    np.testing.assert_allclose(best, (36, near.wrong[2], near.verdicts[2]), rtol=EXACT)
    np.testing.assert_allclose(best.wrong, 9.9e-8, rtol=5e-3)


def simulated(n, limit, runs, rng):
    """Accuracies and verdicts spent of runs that judge one candidate at a time and own `limit` verdicts."""
    phi, psi = VERIFIER
    share, spent, ended = np.full(runs, START), np.zeros(runs, int), np.zeros(runs, bool)
    while not ended.all():
        kept, correct, used = (np.zeros(runs, int) for _ in range(3))
        while (open_ := ~ended & (kept < n) & (spent + used < limit)).any():
            is_correct = rng.random(runs) < share
            accepted = open_ & (rng.random(runs) < np.where(is_correct, phi, psi))
            kept, correct, used = kept + accepted, correct + (accepted & is_correct), used + open_
        spent, full = spent + used, ~ended & (kept == n)
        share = np.where(full, correct / n, share)
        ended |= ~full | (share == 0) | (share == 1)
    return share, spent


@pytest.mark.parametrize(("n", "limit"), [(1, 3), (4, 30), (5, 6)])
def test_hard_limit_by_simulation(n, limit):
    """E[1 − Z] and the verdicts of runs that stop when they have one kind, or when theirs are spent."""
    share, spent = simulated(n, limit, 40_000, np.random.default_rng(n))
    found = budget.hard_limit(VERIFIER, START, limit, size=n)
    for values, exact in ((1 - share, found.wrong), (spent, found.verdicts)):
        assert abs(values.mean() - exact) <= 5 * values.std() / 200 + EXACT


def test_hard_limit_is_the_best_size():
    """The search finds what all sizes show; more verdicts leave less wrong."""
    every = [budget.hard_limit(VERIFIER, START, 60, size=n).wrong for n in range(1, 21)]
    best = budget.hard_limit(VERIFIER, START, 60)
    assert best.size == 1 + int(np.argmin(every)) and best.wrong == min(every)
    np.testing.assert_allclose(budget.hard_limit(VERIFIER, START, 100)[:2], (7, 0.0739362), rtol=1e-5)
