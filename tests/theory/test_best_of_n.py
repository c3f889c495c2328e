"""The best of n against enumeration, 150 digits, quadrature and closed forms."""

import itertools
from decimal import Decimal, getcontext
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close
from scipy.special import log_ndtr
from scipy.stats import norm
from strategies import FEW, SEEDS, many

import theory
from theory.policies import best_of_n

SCORE = np.array([2.0, 0, 1, 1, 3, 0, 3])  # three levels of two, one alone
KL = jax.jit(jax.vmap(theory.kl_divergence))


@partial(jax.jit, static_argnums=1)
def best(distributions, n):
    return jax.vmap(lambda p: best_of_n.best_of(p, SCORE, n))(distributions)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_enumeration_agrees(n):
    """All 7^n samples; among the best draws one is taken at random."""
    p = np.random.default_rng(n).dirichlet(np.ones(7))
    draws = np.array(list(itertools.product(range(7), repeat=n)))
    top = SCORE[draws] == SCORE[draws].max(1, keepdims=True)
    share = p[draws].prod(1)[:, None] * top / top.sum(1, keepdims=True)
    expected = np.bincount(draws.ravel(), weights=share.ravel(), minlength=7)
    close(best_of_n.best_of(p, SCORE, n), expected)


@FEW
@given(SEEDS, st.sampled_from([1, 2, 5, 1000]))
def test_best_of_is_a_law_that_keeps_the_law_among_equals(seed, n):
    """Σ P = 1, P(y | score) = p(y | score), and P = p for n = 1."""
    p = many(seed, (7,))
    probs = best(p, n)
    close(probs.sum(1), 1)
    assert (probs >= 0).all()
    for level in np.unique(SCORE):
        mass = [q[:, level == SCORE].sum(1, keepdims=True) for q in (probs, p)]
        close(probs[:, level == SCORE] * mass[1], p[:, level == SCORE] * mass[0])
    if n == 1:
        close(probs, p)


@FEW
@given(SEEDS)
def test_best_of_composes(seed):
    """The best of 12 is the best of 3 of the best of 4, where the score is the same."""
    p = many(seed, (7,))
    close(best(best(p, 4), 3), best(p, 12))


def exact(masses, score, n):
    """p/g (F^n − (F−g)^n) with 150 digits."""
    getcontext().prec = 150
    p = [Decimal(float(m)) for m in masses]
    total = sum(p)
    p = [m / total for m in p]
    result = []
    for mine, s in zip(p, score, strict=True):
        level = sum(m for m, other in zip(p, score, strict=True) if other == s)
        up_to = sum(m for m, other in zip(p, score, strict=True) if other <= s)
        result.append(float(mine / level * (up_to**n - (up_to - level) ** n)))
    return result


compiled = jax.jit(best_of_n.best_of, static_argnums=2)


@pytest.mark.parametrize("n", [2, 37, 5000])
@pytest.mark.parametrize("tiny", [1e-3, 1e-12, 1e-40])
def test_small_masses_keep_their_digits(tiny, n):
    """Every entry to 1e-12 of its own size, on top, in the middle and at the bottom."""
    for place in itertools.permutations((tiny, tiny * 1e-3, 1.0)):
        masses = np.array([*place, tiny / 3])
        masses /= masses.sum()
        score = [2, 1, 0, 2]
        expected = np.array(exact(masses, score, n))
        given_back = np.asarray(compiled(masses, score, n))
        seen = expected > 1e-290
        np.testing.assert_allclose(given_back[seen], expected[seen], rtol=EXACT)
        assert (given_back[~seen] < 1e-280).all()


def test_large_n():
    """With g = 10/n on top it is missed with probability e^{−10} up to 1/n."""
    n = 10**12
    probs = best_of_n.best_of([1 - 1e-11, 1e-11, 0], [0, 1, 2], n)
    np.testing.assert_allclose(probs[0], np.exp(n * np.log1p(-1e-11)), rtol=1e-12)
    close(best_of_n.best_of([0.5, 0.5], [0, 1], 2**53), [0, 1])
    under_jit = jax.jit(lambda p: best_of_n.best_of(p, [0.0, 1, 2], 7))
    close(under_jit(jnp.array([1.0, 0, 0])), [1, 0, 0])
    assert np.isfinite(jax.jacobian(under_jit)(jnp.array([0.5, 0.5, 0]))).all()  # at the lowest level ln(F−g) = −inf


@FEW
@given(SEEDS, st.sampled_from([1, 2, 5, 50]))
def test_divergence_is_below_that_without_ties(seed, n):
    """KL(best of n ‖ p) ≤ ln n − (n−1)/n."""
    p = many(seed, (7,))
    assert (KL(best(p, n), p) <= best_of_n.best_of_kl(n) + EXACT).all()
    assert best_of_n.best_of_kl(1) == 0


@pytest.mark.parametrize("n", [2, 4, 16])
def test_divergence_of_many_symbols_comes_close(n):
    """KL → ln n − (n−1)/n as equal masses become small; ln n alone, and the formula of n − 1 or n + 1, are not it."""
    gaps = []
    for size in (500, 1000):
        uniform = np.full(size, 1 / size)
        probs = compiled(uniform, np.arange(size), n)
        value = KL(probs[None], uniform[None])[0]
        gaps.append(best_of_n.best_of_kl(n) - value)
    assert 0 < gaps[1] < gaps[0] / 1.9  # at the rate 1/size at least
    assert gaps[1] < 1e-3
    for twin in (np.log(n), *(best_of_n.best_of_kl(other) for other in (n - 1, n + 1))):
        assert abs(twin - value) > 0.05 / n


def test_expected_maximum_in_closed_form():
    """n = 1 … 5, and the tabulated value for 16."""
    root = np.sqrt(np.pi)
    expected = [0, 1 / root, 1.5 / root, 6 / root**3 * np.arctan(np.sqrt(2))]
    expected.append(1.25 / root * (1 + 6 / np.pi * np.arcsin(1 / 3)))
    close([best_of_n.expected_maximum(n) for n in range(1, 6)], expected, atol=1e-14)
    close(best_of_n.expected_maximum(16), 1.76599, atol=5e-6)


@pytest.mark.parametrize("n", [16, 1000, 10**6, 10**12, 2**53])
def test_quadrature_agrees_on_the_expected_maximum(n):
    """∫_0^∞ (1 − Φ^n) dx − ∫_{−∞}^0 Φ^n dx, another integrand by another rule."""
    nodes, weights = np.polynomial.legendre.leggauss(100)

    def integral(f, low, high):
        return weights @ f(low + (high - low) * (nodes + 1) / 2) * (high - low) / 2

    knee = np.sqrt(2 * np.log(n))
    panels = itertools.pairwise([0, knee - 1, knee, knee + 1, knee + 3, 14])
    positive = sum(integral(lambda x: -np.expm1(n * log_ndtr(x)), *ends) for ends in panels)
    negative = sum(integral(lambda x: np.exp(n * log_ndtr(x)), *ends) for ends in ((-12, -4), (-4, 0)))
    close(best_of_n.expected_maximum(n), positive - negative)


@pytest.mark.parametrize(("n", "noise"), [(1, 0.5), (4, 0.5), (4, 4.0), (64, 1.0)])
def test_integration_agrees_on_goodhart(n, noise):
    """n ∫∫ (x, x+e) φ(x) φ_v(e) P(proxy < x+e)^{n−1} dx de."""
    x, step = np.linspace(-9, 9, 1201, retstep=True)
    proxy = x[:, None] + np.sqrt(noise) * x[None, :]
    density = n * norm.pdf(x)[:, None] * norm.pdf(x)[None, :] * norm.cdf(proxy / np.sqrt(1 + noise)) ** (n - 1)
    result = best_of_n.regressional_goodhart(n, noise)
    close(result.true, (x[:, None] * density).sum() * step**2)
    close(result.proxy, (proxy * density).sum() * step**2)


@given(st.floats(0, 100), st.integers(1, 10**6))
def test_regressional_goodhart(noise, n):
    """E[true] (1+v) = E[proxy]; without noise both are the expected maximum."""
    true, proxy = best_of_n.regressional_goodhart(n, noise)
    close(true * (1 + noise), proxy, rtol=EXACT)
    close(best_of_n.regressional_goodhart(n, 0), [best_of_n.expected_maximum(n)] * 2)
    assert 0 <= true <= best_of_n.expected_maximum(n) <= proxy
    assert n == 1 or noise < 1e-9 or true < proxy
    assert best_of_n.regressional_goodhart(n, np.full((2, 3), noise)).true.shape == (2, 3)


def test_many_outputs_and_whole_scores_beyond_the_floats():
    """100,000 outputs in linear memory: (y+1)²/m² − y²/m² for n = 2; 2^53 and 2^53 + 1 are no tie."""
    size = 100_000
    y = np.arange(size)
    close(best_of_n.best_of(np.full(size, 1 / size), y, 2), (2 * y + 1) / size**2)
    close(best_of_n.best_of([0.5, 0.5], np.array([2**53, 2**53 + 1]), 2), [0.25, 0.75])
    traced = jax.jit(lambda p, s: best_of_n.best_of(p, s, 3))(jnp.full(7, 1 / 7), SCORE)
    close(traced, best_of_n.best_of(np.full(7, 1 / 7), SCORE, 3))
