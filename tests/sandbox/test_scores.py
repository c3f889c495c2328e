"""Signals for scores, against enumeration: best of n, the exponential tilt, Bradley–Terry raters, noisy scores."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import PROBS, agrees, array, differs, same

import sandbox
import theory.policies
from sandbox import BestOfN, BradleyTerry, ExponentialTilt, Rates, TopFraction

MODEL = sandbox.Categorical(PROBS)
SCORES = np.array([0.2, 1.0, -0.5, 1.0])  # of which two are equal
TABLE = Rates(array(SCORES))
KEYS = jax.random.split(jax.random.key(7), 4000)
LOOKS = jax.jit(lambda signal, x: jax.vmap(lambda key: signal(key, MODEL, x))(KEYS[:40]))
X = jnp.array([0, 1, 3, 2, 2, 0, 1])


@partial(jax.jit, static_argnums=(1, 2))
def fits(signals, num_samples, num_keys):
    """The shares of each symbol [signal, key, symbol] in what stacked signals accept of so many proposals."""

    def fit(signal, key):
        sample, look = jax.random.split(key)
        x = MODEL.sample(sample, num_samples)
        return MODEL.fit(x, signal(look, MODEL, x)).probs

    return jax.vmap(lambda signal: jax.vmap(lambda key: fit(signal, key))(KEYS[:num_keys]))(signals)


def stacked(*signals):
    return jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *signals)


def won(chance):
    """The distribution of the better of two draws, the first of which wins with chance[a, b]."""
    p = np.asarray(PROBS)
    return (p[:, None] * p[None, :] * chance).sum(1) + (p[:, None] * p[None, :] * (1 - chance)).sum(0)


def test_the_best_of_n_is_that_of_theory():
    """Of 20 proposals, of which 3 leave a rest of 2, in one program for every n; 4 is neither 3 nor 5."""
    sizes = (1, 2, 3, 4)
    found = fits(stacked(*(BestOfN(n, TABLE) for n in sizes)), 20, 4000)
    for n, shares in zip(sizes, found, strict=True):
        agrees(shares, theory.policies.best_of_n.best_of(PROBS, SCORES, n))
    for n in (3, 5):
        assert np.abs(np.asarray(theory.policies.best_of_n.best_of(PROBS, SCORES, n)) - found[3].mean(0)).max() > 0.01


def test_the_best_of_each_n_by_hand():
    """Of equals the first, of the rest none, and none of fewer than n."""
    for n, expected in {1: [1] * 7, 3: [0, 1, 0, 0, 0, 1, 0], 7: [0, 1, 0, 0, 0, 0, 0], 8: [0] * 7}.items():
        same(LOOKS(BestOfN(n, TABLE), X)[0], np.array(expected, float))
    infinite = Rates(array([-np.inf, 0, -np.inf, np.inf]))
    same(LOOKS(BestOfN(2, infinite), X)[0], np.array([0, 1, 1, 0, 1, 0, 0.0]))
    weights = LOOKS(BradleyTerry(jnp.ones(3), infinite), X)
    same(weights[:, :4], np.broadcast_to([0, 1, 1, 0.0], (40, 4)))
    same(np.unique(weights[:, 4]), np.array([0, 1.0]))  # of two that are equally bad, either


@pytest.mark.parametrize(("kind", "size", "num_samples"), [(TopFraction, array(0.5), 2), (BestOfN, 2, 20)])
def test_a_noisy_score_prefers_by_a_probit(kind, size, num_samples):
    """P(a over b) = Φ((s_a − s_b)/(σ√2)), errors independent at each look; at σ = 0 equals go to the first."""
    deviations = (0.0, 0.5, 1.0, 3.0)
    found = fits(stacked(*(kind(size, TABLE, deviation) for deviation in deviations)), num_samples, 4000)
    gaps = SCORES[:, None] - SCORES[None, :]
    agrees(found[0], won(gaps >= 0))
    for deviation, shares in zip(deviations[1:], found[1:], strict=True):
        agrees(shares, won(scipy.stats.norm.cdf(gaps / deviation / 2**0.5)))
    if kind is BestOfN:  # of more pairs
        differs(found[1, :, 1], won(scipy.stats.norm.cdf(gaps / 0.5))[1])


def test_errors_are_new_at_each_look_unless_they_stand_in_the_table():
    for signal in (TopFraction(0.3, TABLE, 1.0), BestOfN(3, TABLE, 1.0), ExponentialTilt(0.5, TABLE, noise=1.0)):
        assert len(np.unique(LOOKS(signal, X), axis=0)) > 1
        persistent = signal._replace(score=Rates(array(SCORES + np.array([0.9, -0.4, 0.1, 2.0]))), noise=0.0)
        assert len(np.unique(LOOKS(persistent, X), axis=0)) == 1
        assert not np.array_equal(LOOKS(persistent, X), LOOKS(signal._replace(noise=0.0), X))


def test_a_tilt_is_the_optimum_with_a_kl_penalty():
    """Of many samples the fit is p e^{s/τ}/Z; noise only adds variance, and `largest` changes nothing."""
    cases = [(0.5, -np.inf, 0.0), (2.0, -np.inf, 0.0), (2.0, 3.0, 0.0), (2.0, 1.0, 0.7)]
    found = fits(stacked(*(ExponentialTilt(t, TABLE, most, sigma) for t, most, sigma in cases)), 2000, 250)
    for (temperature, *_), shares in zip(cases, found, strict=True):
        tilted = np.asarray(PROBS) * np.exp(SCORES / temperature)
        agrees(shares, tilted / tilted.sum())
        differs(shares[:, 0], np.asarray(PROBS)[0])

    def value(q):
        return q @ SCORES - 2.0 * (q * np.log(q / PROBS)).sum()

    others = np.random.default_rng(0).dirichlet(100 * tilted / tilted.sum(), 100)
    assert value(tilted / tilted.sum()) > max(map(value, others))


def test_the_weights_of_a_tilt_by_hand():
    """1 for the best of the batch, or e^{(s − largest)/τ}, which is rejection sampling; never above 1."""
    x, s = X[3:6], SCORES[np.asarray(X[3:6])]
    for largest, top in ((-np.inf, 0.2), (0.1, 0.2), (1.0, 1.0)):
        weights = LOOKS(ExponentialTilt(0.5, TABLE, largest), x)[0]
        np.testing.assert_allclose(weights, np.exp((s - top) / 0.5), rtol=1e-14)
    same(LOOKS(ExponentialTilt(0.5, Rates(array([0.2, 1.0, -np.inf, 1.0]))), x)[0], np.array([0, 0, 1.0]))


@pytest.mark.parametrize("raters", [4, pytest.param(3, marks=pytest.mark.slow)])
def test_raters_prefer_as_bradley_and_terry_say(raters):
    """Each of all votes of raters of unequal temperature, by majority, ½ each at a tie, and by shares."""
    temperature = np.array([0.3, 0.8, 2.0, 0.5])[:raters]
    chance = 1 / (1 + np.exp(-(SCORES[:, None] - SCORES[None, :])[..., None] / temperature))
    majority = np.zeros((4, 4))
    for votes in itertools.product((0, 1), repeat=raters):
        likely = np.where(votes, chance, 1 - chance).prod(-1)
        majority += likely * np.where(2 * sum(votes) == raters, 0.5, 2 * sum(votes) > raters)
    found = fits(stacked(*(BradleyTerry(array(temperature), TABLE, most) for most in (True, False))), 20, 1000)
    agrees(found[0], won(majority))
    agrees(found[1], won(chance.mean(-1)))
    assert np.abs(won(majority) - won(chance.mean(-1))).max() > 0.02


def test_the_weights_of_a_pair_sum_to_1():
    """Three raters give thirds, or all, two at a tie halves; the last of an odd number of proposals has no pair."""
    for raters, majority, kinds in ((3, True, {0, 1}), (3, False, {0, 1 / 3, 2 / 3, 1}), (2, True, {0, 1 / 2, 1})):
        signal = BradleyTerry(jnp.full(raters, 0.7), TABLE, majority)
        weights = LOOKS(signal, X)
        np.testing.assert_allclose(weights[:, :6:2] + weights[:, 1::2], 1, rtol=1e-15)
        np.testing.assert_allclose(np.unique(np.round(weights, 12)), sorted(kinds), atol=1e-9)
        assert not weights[:, 6].any()
    same(LOOKS(BradleyTerry(jnp.ones(1), TABLE), X[:1]), np.zeros((40, 1)))
