"""Schedules of round sizes: exact spending against hand iteration, and the bound on them all."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from oracles import EXACT, close

from theory import budget, drift

VERIFIER, START = (0.8, 0.4), 0.3


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes longer."""


def by_hand(sizes, phi, psi, p):
    """E[1 − Z_t] and the verdicts so far, round by round."""
    z, probs, spent, ends = np.array([p]), np.ones(1), 0.0, []
    for n in sizes:
        accepted = z * phi + (1 - z) * psi
        spent += probs @ (n / accepted)
        probs = probs @ scipy.stats.binom.pmf(np.arange(n + 1)[None], n, (z * phi / accepted)[:, None])
        z = np.arange(n + 1) / n
        ends.append((probs @ (1 - z), spent))
    return np.array(ends).T


@given(arrays(int, (2, 4), elements=st.integers(1, 6)))
def test_spend(sizes):
    """Z_{t+1} ~ Binomial(n_t, z')/n_t at n_t E[1/(Z_t φ+(1−Z_t)ψ)] verdicts, whatever the sizes."""
    sizes[0, 0] = 6
    spending = spend(sizes)
    for schedule, wrong, verdicts in zip(sizes, *spending, strict=True):
        expected = by_hand(schedule, *VERIFIER, START)
        close(wrong, expected[0])
        np.testing.assert_allclose(verdicts, expected[1], rtol=EXACT)


def spend(sizes):
    """All pairs of sizes in one call, so that its shapes are the same for every example."""
    every = np.array(list(itertools.product(range(1, 7), repeat=2)))
    padded = np.concatenate([np.asarray(sizes), np.concatenate([every, every], 1)])
    return [leaf[: len(sizes)] for leaf in budget.spend(padded, VERIFIER, START)]


def test_constant_sizes_are_the_selection_chain():
    """E[1 − Z_t] under T^t, T the kernel of until-kept selection; a list, one round and float32 rates will do."""
    n = 7
    first = drift.select([[START, 1 - START]], VERIFIER)[0]
    distributions = np.asarray(
        drift.distributions(drift.initial(n, first)[None], drift.selection_kernel(n, VERIFIER), 9)
    )[:, 0]
    wrong, verdicts = budget.spend([n] * 10, VERIFIER, START)
    close(wrong, distributions @ (1 - np.arange(n + 1) / n))
    cost = n / (0.4 + 0.4 * np.arange(n + 1) / n)
    np.testing.assert_allclose(np.diff(verdicts), distributions[:-1] @ cost, rtol=EXACT)
    assert budget.spend([[n]], np.float32(VERIFIER), np.float32(START)).wrong.shape == (1, 1)


@pytest.mark.parametrize("n", [10, 400])
def test_one_big_round(n):
    """However many are accepted, one round leaves (1−p)ψ/(pφ+(1−p)ψ) = .538 wrong."""
    once = budget.spend([n], VERIFIER, START)
    close(once.wrong, [0.28 / 0.52])
    close(once.verdicts, [n / 0.52])
    close(once.within(n / 0.52 + 1), 0.28 / 0.52)
    assert once.within(n / 0.52 - 1) == np.inf


def test_within():
    """The last round that the budget pays for; exactly enough is enough."""
    spending = budget.Spending(np.array([[0.5, 0.3, 0.2], [0.6, 0.1, 0.0]]), np.array([[1.0, 2, 3], [2.5, 5, 6]]))
    spending = budget.Spending(*map(np.asarray, spending))
    for verdicts, expected in ((2, [0.3, np.inf]), (2.5, [0.3, 0.6]), (99, [0.2, 0.0]), (0.5, [np.inf] * 2)):
        np.testing.assert_array_equal(spending.within(verdicts), expected)


BOUNDS = {verdicts: budget.schedule_bound(VERIFIER, START, verdicts, largest=6) for verdicts in (10, 25, 50)}


@given(arrays(int, 24, elements=st.integers(1, 6)))
def test_bound(sizes):
    """No schedule of sizes up to `largest` leaves less wrong than the bound within its expected budget."""
    wrong, spent = by_hand(sizes, *VERIFIER, START)
    for verdicts, bound in BOUNDS.items():
        assert (wrong[spent <= verdicts] >= bound - EXACT).all()


def test_bound_by_enumeration():
    """largest = 1: one round of one sample ends it: E[1 − Z] ≥ max_λ min{.7, λ/.52 + .538} − λN, the line's hull.

    The policy that makes the round with probability q costs q/.52 and leaves .7 − q(.7 − .538): a tight bound.
    """
    for verdicts in (0.5, 1.0, 1.9, 5.0):
        q = min(1.0, 0.52 * verdicts)
        bound = budget.schedule_bound(VERIFIER, START, verdicts, largest=1)
        np.testing.assert_allclose(bound, 0.7 - q * (0.7 - 0.28 / 0.52), atol=2e-3)  # the search in ln λ stops at 1e-3
        assert bound <= 0.7 - q * (0.7 - 0.28 / 0.52) + EXACT
