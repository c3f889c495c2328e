"""Errors that persist: the ceiling of every loop, many samples, two looks at one output."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close

from theory import budget, drift

RATES = st.floats(0.05, 1)


def accuracy(n, kinds, num_rounds):
    return np.asarray(budget.shares_by_round(n, *kinds[:2], num_rounds=num_rounds)) @ kinds.correct


@given(st.tuples(RATES, RATES, RATES), RATES, RATES, st.sampled_from([1, 2, 5]))
def test_no_loop_passes_the_ceiling(weights, other, correct_other, n):
    """E[accuracy] ≤ a/(a+b) after every round, where correct and blind-spot outputs are accepted alike."""
    a, b, rest = np.array(weights) / sum(weights)
    path = budget.shares_by_round(n, [1.0, 1.0, other], [a, b, rest], num_rounds=12)[:, 0]
    assert path.max() <= a / (a + b) + EXACT
    once = budget.shares_by_round(n, [correct_other, correct_other, 0.0], [a, b, rest], num_rounds=5)
    close(once[1:, 0], np.full(5, a / (a + b)))


def test_independent_errors_pass_the_ceiling():
    """The same rates, .15 correct and .25 of the others accepted, drawn anew: all but the loops that drift end correct.

    A verifier (1, ψ) of one look accepts b = ψ(1−p) of the outputs wrongly.
    """
    kept, anew = (accuracy(10, budget.persistent_kinds((1.0, 0.25), 0.3, rho), 60) for rho in (1.0, 0.0))
    close(kept[1:], np.full(60, 0.3 / (0.3 + 0.7 * 0.25)))
    close(anew[-1], budget.fixation(10, (1.0, 0.25), 0.3).correct, atol=1e-9)
    assert anew[-1] > 0.99 > 0.64 > kept[-1]


@pytest.mark.parametrize("persistence", [0.0, 0.3, 1.0])
def test_chain_by_simulation(persistence):
    """20,000 loops of six samples a round, six kinds of outputs: within five standard errors after 1, 2, 6 rounds."""
    kinds = budget.persistent_kinds((0.8, 0.4), 0.3, persistence)
    exact = accuracy(6, kinds, 6)
    rates, shares = (np.asarray(x) for x in kinds[:2])
    generator = np.random.default_rng(0)
    z = np.tile(shares, (20_000, 1))
    for t in range(1, 7):
        weights = z * rates
        z = generator.multinomial(6, weights / weights.sum(1, keepdims=True)) / 6
        right = z @ kinds.correct
        error = 5 * right.std() / len(z) ** 0.5
        assert abs(right.mean() - exact[t]) < error, t


def test_chain_of_three_kinds():
    """Against the kernel of `drift`, on its own lattice: correct, blind-spot and other outputs."""
    shares, rates = np.array([0.2, 0.05, 0.75]), np.array([0.9, 1.0, 0.3])
    states = np.asarray(drift.lattice(7, 3)) / 7
    pmf = np.asarray(drift.multinomial_kernel(7, drift.select(shares[None], rates)))[0]
    path = np.asarray(drift.distributions(pmf[None], drift.selection_kernel(7, rates), 8))[:, 0] @ states
    found = budget.shares_by_round(7, rates, shares, num_rounds=9)
    close(found, [shares, *path])


@pytest.mark.parametrize(("tpr", "persistence"), [*product([1.0, 0.9, 0.5], [0.0, 0.05, 1.0])])
def test_many_samples(tpr, persistence):
    """The formula against z ∝ z·a over the six kinds; with tpr < 1 and ρ > 0 it ends where the first round stood."""
    kinds = budget.persistent_kinds((tpr, 0.3), 0.4, persistence)
    z, rates = np.asarray(kinds.initial), np.asarray(kinds.acceptance)
    path = []
    for _ in range(12):
        path.append(z @ kinds.correct)
        z = z * rates / (z @ rates)
    close(budget.persistent_rounds((tpr, 0.3), 0.4, persistence, np.arange(12)), path)
    end, first = (float(budget.persistent_rounds((tpr, 0.3), 0.4, persistence, t)) for t in (1e5, 1))
    if persistence and tpr < 1:
        close(end, first, atol=1e-9)
    elif persistence == 0:
        close(end, 1.0)
    else:
        close(end, 0.4 / (0.4 + 0.6 * persistence * 0.3), atol=1e-9)


@pytest.mark.parametrize("persistence", [0.0, 0.3, 1.0])
def test_two_looks_by_enumeration(persistence):
    """Two verdicts on one output, decided once with probability ρ: ρ is their correlation, and `both` their product."""
    rates = np.array([0.9, 0.3])
    anew = np.array([rates**i * (1 - rates) ** (2 - i) for i in (2, 1, 0)])  # both, one (of two), none accept
    once = np.array([rates, 0 * rates, 1 - rates])
    both, one, _ = persistence * once + (1 - persistence) * anew
    close(both + one, rates)
    close((both - rates**2) / (rates * (1 - rates)), [persistence] * 2)
    close(budget.both(rates, rates, persistence), both)
    second = budget.persistent_rounds((0.9, 0.3), 0.2, persistence, 2)
    close(second, 0.2 * both[0] / (0.2 * both[0] + 0.8 * both[1]))


@pytest.mark.parametrize("shared", [0.0, 0.2, 0.6])
def test_two_verifiers_that_share_their_noise(shared):
    """Both accept where one uniform number is below their rates, with probability `shared`, else one each: P(both)."""
    first, second = 0.9, 0.6
    joint = shared * min(first, second) + (1 - shared) * first * second
    correlation = (joint - first * second) / np.sqrt(first * (1 - first) * second * (1 - second))
    close(budget.both((first, 0.0), (second, 0.5), correlation), [joint, 0.0])


def test_independent_verifiers_do_what_rounds_do():
    """Three verifiers in one round, errors persistent, against three rounds of one, independent errors."""
    pair = budget.both((0.9, 0.3), (0.9, 0.3))
    three = budget.both(pair, (0.9, 0.3))
    close(budget.persistent_rounds(three, 0.2, 1.0, 9), budget.persistent_rounds((0.9, 0.3), 0.2, 0.0, 3))


def test_ceiling_is_not_the_pooled_share():
    """Three tasks, one of which has no output that is accepted."""
    a, b = np.array([0.8, 0.1, 0.0]), np.array([0.02, 0.1, 0.0])
    found = budget.ceiling(a, b)
    close(found, [(0.8 / 0.82 + 0.5) / 2, 2 / 3])
    assert found.accuracy < a.sum() / (a + b).sum() - 0.1
