"""Rounds whose size follows the accuracy: enumeration of all policies, simulation verdict by verdict, known chains."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats
from oracles import EXACT

from theory import budget

VERIFIER, START = (0.8, 0.4), 0.3


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes longer."""


def solved(sizes, z, phi, psi):
    """E[1 − Z] at the end and the verdicts, from the last of the states z, by a linear system."""
    system, right = np.eye(len(z)), np.zeros((len(z), 2))
    for i, n in enumerate(sizes):
        if n == 0:
            right[i] = 1 - z[i], 0
            continue
        accepted = z[i] * phi + (1 - z[i]) * psi
        right[i, 1] = n / accepted
        for k in range(n + 1):
            at = np.flatnonzero(np.abs(z - k / n) < 1e-9)[0]
            system[i, at] -= scipy.stats.binom.pmf(k, n, z[i] * phi / accepted)
    return np.linalg.solve(system, right)[-1]


@pytest.mark.parametrize("price", [0.05, 0.01, 0.001])
def test_no_policy_is_better(price):
    """All policies of at most 3 samples a round: V is the least cost, and the sizes that are given reach it."""
    z = np.array([0, 1 / 3, 1 / 2, 2 / 3, 1, START])
    policies = [(0, a, b, c, 0, d) for a, b, c, d in itertools.product(range(4), repeat=4)]
    costs = [solved(sizes, z, *VERIFIER) @ [1, price] for sizes in policies]
    found = budget.optimal_rounds(VERIFIER, START, price, largest=3)
    np.testing.assert_allclose(found.accuracy, z, rtol=EXACT)
    np.testing.assert_allclose(found.wrong + price * found.verdicts, min(costs), rtol=1e-10)
    np.testing.assert_allclose((found.wrong, found.verdicts), solved(found.sizes, z, *VERIFIER), rtol=1e-10)


def test_best_sizes():
    """About 100 verdicts: rounds of 19, 14, 9, 6, 4 at accuracies .3, .4, .6, .8, .9, each about as risky."""
    found = budget.optimal_rounds(VERIFIER, START, 6e-6, largest=32)
    np.testing.assert_allclose((found.verdicts, found.wrong), (99.57, 5.655e-5), rtol=1e-3)
    z = np.array([0.3, 0.4, 0.6, 0.8, 0.9])
    sizes = np.array([found.sizes[np.abs(found.accuracy - each).argmin()] for each in z])
    np.testing.assert_array_equal(sizes, [19, 14, 9, 6, 4])
    gain = np.log1p(2 * z / (1 - z))
    assert (np.abs(sizes - np.log((0.4 + 0.4 * z) * gain / 6e-6) / gain) <= 1.5).all()  # e^{−ng} = λ/(a g)


@pytest.mark.parametrize(("verifier", "size"), [(VERIFIER, 7), ((0.4, 0.5), 5), ((0.6, 0.6), 4)])
def test_constant_sizes_are_fixation(verifier, size):
    """Also where the verifier selects for what is wrong, or for nothing; sizes are cut to `largest`."""
    found = budget.adaptive_rounds(lambda z: np.full(z.shape, 99), verifier, START, largest=size)
    exact = budget.fixation(size, verifier, START)
    np.testing.assert_allclose((found.wrong, found.verdicts), (exact.wrong, exact.verdicts), rtol=1e-10)


def test_a_rule_may_stop():
    """Stopped at once the share wrong is that of the start; after one round that of a round."""
    found = budget.adaptive_rounds(lambda z: 0 * z.astype(int), VERIFIER, START, largest=4)
    assert found[2:] == (1 - START, 0.0)
    found = budget.adaptive_rounds(lambda z: 4 * (z == START), VERIFIER, START, largest=4)
    np.testing.assert_allclose(found[2:], (0.28 / 0.52, 4 / 0.52), rtol=EXACT)


@pytest.mark.parametrize("verifier", [VERIFIER, (1.0, 0.05), (0.99, 0.9)])
def test_equal_risk(verifier):
    """The smallest n with (1 − z')^n ≤ δ, in float64, in float32 and under jit."""
    phi, psi = verifier
    for z in (0.01, 0.3, 0.5, 0.95):
        wrong = (1 - z) * psi / (z * phi + (1 - z) * psi)
        size = int(budget.equal_risk(z, verifier, 1e-3))
        assert wrong**size <= 1e-3 < wrong ** (size - 1)
        narrow = [jax.numpy.float32(x) for x in (z, phi, psi, 1e-3)]
        traced = jax.jit(lambda z, phi, psi, risk: budget.equal_risk(z, (phi, psi), risk))(*narrow)
        assert int(traced) == size
    np.testing.assert_array_equal(budget.equal_risk([0.0, 1.0], verifier, 1e-3), 0)


def simulated(risk, runs, rng):
    """Runs that judge one candidate at a time, by sizes counted up from 1: accuracy at the end, verdicts."""
    phi, psi = VERIFIER
    share, spent = np.full(runs, START), np.zeros(runs)
    while (running := np.flatnonzero((share > 0) & (share < 1))).size:
        z = share[running]
        wrong, size = (1 - z) * psi / (z * phi + (1 - z) * psi), np.ones(running.size, int)
        while (more := wrong**size > risk).any():
            size += more
        kept, correct = np.zeros(running.size, int), np.zeros(running.size, int)
        while (open_ := kept < size).any():
            is_correct = rng.random(running.size) < z
            accepts = open_ & (rng.random(running.size) < np.where(is_correct, phi, psi))
            kept, correct = kept + accepts, correct + (accepts & is_correct)
            spent[running] += open_
        share[running] = correct / size
    return share, spent


def test_equal_risk_by_simulation():
    share, spent = simulated(0.03, 20_000, np.random.default_rng(0))
    rule = partial(budget.equal_risk, verifier=VERIFIER, risk=0.03)
    found = budget.adaptive_rounds(rule, VERIFIER, START, largest=60)
    for values, exact in ((1 - share, found.wrong), (spent, found.verdicts)):
        assert abs(values.mean() - exact) <= 5 * values.std() / len(values) ** 0.5


@pytest.mark.parametrize(("verifier", "initial"), [(VERIFIER, START), ((0.9, 0.2), 0.4)])
def test_equal_risk_law(verifier, initial):
    """The wrong share within a factor 1.6; the verdicts but for what does not grow with the exponent."""
    missing = []
    for kappa in (14, 22):
        spent, wrong = budget.equal_risk_law(verifier, initial, np.exp(-kappa))
        rule = partial(budget.equal_risk, verifier=verifier, risk=np.exp(-kappa))
        found = budget.adaptive_rounds(rule, verifier, initial, largest=120)
        np.testing.assert_allclose(np.log(wrong), np.log(found.wrong), atol=np.log(1.6))
        missing.append(found.verdicts - spent)
    assert abs(missing[1] - missing[0]) <= 2 and 0 < missing[0] <= 20


def test_without_selection_no_rule_helps():
    """LR 1: whatever the sizes, 1 − p are wrong."""
    rule = partial(budget.equal_risk, verifier=(0.5, 0.5), risk=1e-3)
    np.testing.assert_allclose(budget.adaptive_rounds(rule, (0.5, 0.5), START, largest=20).wrong, 1 - START, rtol=1e-9)
