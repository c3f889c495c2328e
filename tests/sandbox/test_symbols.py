"""Categorical and MarkovChain."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import CASES, CHAIN, agrees, array, same

import sandbox


def test_a_categorical_fit_is_the_shares():
    fitted = CASES[0].model.fit(jnp.array([0, 0, 1, 3]), array([1, 0.5, 0.5, 0]))
    np.testing.assert_allclose(fitted.probs, [0.75, 0.25, 0, 0], rtol=1e-15)


@pytest.mark.parametrize("kind", [tuple, list, np.array, array, np.mean])
def test_pseudo_counts(kind):
    """(c_k + α_k) / (Σ c + Σ α), the mean of the posterior where p ~ Dirichlet(α); one number is as many."""
    first, alpha = kind([0.31, 0.47, 0.2, 1.02]), kind([0.31, 0.47, 0.2])

    def expected(alpha, *counts):
        return np.add(alpha, counts) / np.add(alpha, counts).sum()

    fitted = CASES[0].model.fit(jnp.array([0, 0, 1]), jnp.ones(3), smoothing=first)
    np.testing.assert_allclose(fitted.probs, expected(first, 2, 1, 0, 0), rtol=1e-15)
    fitted = CHAIN.fit(jnp.array([0, 0, 1]), array([0.5, 1, 1]), smoothing=alpha)
    np.testing.assert_allclose(fitted.initial, expected(alpha, 0.5, 0, 0), rtol=1e-15)
    np.testing.assert_allclose(fitted.transition[0], expected(alpha, 1, 1, 0), rtol=1e-15)


def test_a_state_that_nothing_leaves_keeps_its_row():
    fitted = CHAIN.fit(jnp.array([0, 0, 1, 0]), jnp.ones(4))
    same(fitted.transition[2], CHAIN.transition[2])
    np.testing.assert_allclose(fitted.transition[:2], [[0.5, 0.5, 0], [1, 0, 0]], rtol=1e-15)


@pytest.mark.parametrize("smoothing", [0.5, (0.31, 0.47, 0.2)])
def test_a_smoothed_fit_depends_on_the_data_alone(smoothing):
    """Where no symbol is first, or none follows a state, the mean of the prior; all weights 0 give self."""
    alpha = np.broadcast_to(smoothing, 3)
    other = sandbox.MarkovChain(CHAIN.initial[::-1], CHAIN.transition[::-1])
    x = jnp.array([0, 0, 1, 0])
    for weights in (jnp.ones(4), array([0, 0.5, 0, 0]), array([1, 0, 0, 0])):
        fitted = CHAIN.fit(x, weights, smoothing=smoothing)
        same(fitted, other.fit(x, weights, smoothing=smoothing))
        np.testing.assert_allclose(fitted.transition[2], alpha / alpha.sum(), rtol=1e-15)
        if weights[0] == 0:
            np.testing.assert_allclose(fitted.initial, alpha / alpha.sum(), rtol=1e-15)
    same(other.fit(x, jnp.zeros(4), smoothing=smoothing), other)
    same(CASES[0].model.fit(x, jnp.zeros(4), smoothing=0.5), CASES[0].model)


def test_a_chain_samples_its_distribution_at_every_step():
    """P(x_t = k) = (initial · transition^t)_k."""
    keys = jax.random.split(jax.random.key(3), 20000)
    paths = np.asarray(jax.vmap(lambda key: CHAIN.sample(key, 4))(keys))
    pmf = np.asarray(CHAIN.initial)
    for t in range(4):
        agrees(np.eye(3)[paths[:, t]], pmf)
        pmf = pmf @ CHAIN.transition


def exact_shares(transition):
    """π in fractions: π = πT, Σ π = 1, by Gauss–Jordan; the diagonal is what the others leave."""
    transition = [[Fraction(float(p)) for p in row] for row in transition]
    n = len(transition)
    for i, row in enumerate(transition):
        row[i] = -(sum(row) - row[i])
    table = [[*column, Fraction(0)] for column in zip(*transition, strict=True)]
    table[0] = [Fraction(1)] * (n + 1)
    for i in range(n):
        pivot = next(j for j in range(i, n) if table[j][i])
        table[i], table[pivot] = table[pivot], table[i]
        table[i] = [p / table[i][i] for p in table[i]]
        for j in set(range(n)) - {i}:
            table[j] = [p - table[j][i] * q for p, q in zip(table[j], table[i], strict=True)]
    return np.array([float(row[n]) for row in table])


def nearly_decomposable(coupling):
    """Two blocks of three states, with paths between them once in 1/coupling steps, more often to one side."""
    rng = np.random.default_rng(0)
    crossing = coupling * np.kron([[0, 1], [0.3, 0]], rng.dirichlet(np.ones(3), 3))
    inside = np.kron(np.eye(2), np.ones((3, 3))) * rng.dirichlet(np.ones(6), 6) + crossing
    return inside / inside.sum(1, keepdims=True)


STATIONARY = {
    "nearly decomposable": nearly_decomposable(1e-12),
    "hardly ever crossed": nearly_decomposable(1e-200),
    "rare state": np.array([[1 - 1e-15, 1e-15, 0], [0.5, 0.5 - 1e-150, 1e-150], [0, 1, 0]]),
    "periodic": np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0.3, 0, 0, 0.7], [0, 0, 1, 0]]),
    "transient": np.array([[0.5, 0.3, 0.2], [0, 0.9, 0.1], [0, 0.4, 0.6]]),
    "dense": np.random.default_rng(1).dirichlet(np.full(12, 0.3), 12),
    "one state": np.ones((1, 1)),
}


@pytest.mark.parametrize("transition", STATIONARY.values(), ids=STATIONARY)
def test_stationary_shares_keep_their_digits(transition):
    """From every start, against fractions, to 1e-13 of each entry, however small; transient states have 0."""
    starts = jax.vmap(lambda start: sandbox.MarkovChain(start, array(transition)).stationary())(
        jnp.eye(len(transition))
    )
    np.testing.assert_allclose(starts, np.broadcast_to(exact_shares(transition), starts.shape), rtol=1e-13)


def test_stationary_shares_of_several_classes():
    """A path from state 0 ends in {1} with probability ¼ and in {2, 3} with ¾, half and half."""
    transition = array([[0.2, 0.2, 0.3, 0.3], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    chain = sandbox.MarkovChain(array([1.0, 0, 0, 0]), transition)
    np.testing.assert_allclose(chain.stationary(), [0, 0.25, 0.375, 0.375], rtol=1e-15)
    starts = sandbox.MarkovChain(jnp.eye(4), jnp.broadcast_to(transition, (4, 4, 4)))
    limits = jax.vmap(sandbox.MarkovChain.stationary)(starts)
    np.testing.assert_allclose(limits, [[0, 0.25, 0.375, 0.375], [0, 1, 0, 0], *[[0, 0, 0.5, 0.5]] * 2], rtol=1e-15)
    still = sandbox.MarkovChain(array([0.2, 0.3, 0.5]), jnp.eye(3))
    same(still.stationary(), still.initial)


def test_stationary_shares_have_slopes():
    """π_0 = b/(a+b) of two states that are left with probability a and b."""

    def share(a, b):
        return sandbox.MarkovChain(
            array([0.5, 0.5]), jnp.stack([jnp.stack([1 - a, a]), jnp.stack([b, 1 - b])])
        ).stationary()[0]

    slopes = jax.grad(share, (0, 1))(0.3, 0.1)
    np.testing.assert_allclose(slopes, [-0.1 / 0.16, 0.3 / 0.16], rtol=1e-13)


@pytest.mark.parametrize("size", [2, 31, 33, 1000])
def test_symbols_come_as_often_as_their_probability(size):
    """Few symbols are compared, many are searched for: either way the counts are multinomial."""
    probs = np.random.default_rng(0).dirichlet(np.ones(size))
    n = 200_000
    x = sandbox.Categorical(array(probs)).sample(jax.random.key(0), n)
    assert scipy.stats.chisquare(np.bincount(x, minlength=size), n * probs).pvalue > 1e-6


@pytest.mark.parametrize("probs", [[0, 0.5, 0, 0.5, 0], [0, 0, 1], [1, 0, 0], [0.0] * 40 + [0.5, 0, 0.5] + [0.0] * 7])
def test_a_lost_symbol_never_comes_back(probs):
    probs = array(probs)
    x = sandbox.Categorical(probs).sample(jax.random.key(0), 10000)
    assert set(np.unique(x)) == set(np.flatnonzero(probs))
    chain = sandbox.MarkovChain(probs, jnp.broadcast_to(probs, (probs.size, probs.size)))
    assert set(np.unique(chain.sample(jax.random.key(0), 10000))) == set(np.flatnonzero(probs))


@pytest.mark.parametrize("u", [2.0**-33, 1 - 2.0**-33])
def test_the_least_and_largest_uniform_find_a_symbol_that_exists(u, monkeypatch):
    monkeypatch.setattr(sandbox.noise, "uniform", lambda key, shape, dtype: jnp.full(shape, u, dtype))
    probs = array([0, 0.1, 0.2, 0.7, 0])
    x = sandbox.Categorical(probs).sample(jax.random.key(0), 3)
    chain = sandbox.MarkovChain(probs, jnp.broadcast_to(probs, (5, 5))).sample(jax.random.key(0), 3)
    expected = 1 if u < 0.5 else 3
    assert set(np.asarray(x)) == set(np.asarray(chain)) == {expected}
