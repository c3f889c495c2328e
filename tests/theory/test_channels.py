"""Capacity and contraction coefficients against closed forms, dense grids, dit and the theorems."""

import itertools
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial

import dit
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from oracles import EXACT, binary_entropy, close
from strategies import pmfs

import theory

capacity, contraction, contraction_at, dobrushin, correlation, mi, kl = map(
    jax.jit,
    (
        theory.capacity,
        theory.contraction,
        theory.contraction_at,
        theory.dobrushin,
        theory.maximal_correlation,
        theory.mutual_information,
        theory.kl_divergence,
    ),
)


def bsc(flip):
    return jnp.array([[1 - flip, flip], [flip, 1 - flip]])


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (bsc(0.1), np.log(2) - binary_entropy(0.1)),
        ([[1, 0], [0.5, 0.5]], np.log(5 / 4)),  # the Z-channel
        ([[0.7, 0, 0.3], [0, 0.7, 0.3]], 0.7 * np.log(2)),  # erasure
        (np.eye(4), np.log(4)),
        ([[0.3, 0.7]] * 3, 0.0),
        ([[0.3, 0.7]], 0.0),
        ([[1.0], [1.0]], 0.0),
        ([[1, 0], [0.5, 0.5], [0.5, 0.5], [1, 0]], np.log(5 / 4)),  # every input twice
        (
            [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.3, 0.2, 0.5]],
            np.log(3) + 0.5 * np.log(0.5) + 0.3 * np.log(0.3) + 0.2 * np.log(0.2),
        ),
        # a third row between two, which the best law leaves out
        ([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], theory.budget.verifier_capacity((0.9, 0.2))),
    ],
)
def test_capacity(channel, expected):
    result = theory.capacity(channel)
    close([result.lower, result.upper], [expected] * 2)
    attained = theory.mutual_information(result.prior[:, None] * np.asarray(channel, float))
    close(attained, result.lower)


def exactly(channel, expected):
    """Both bounds, with and without values, to the default tolerance, that is 100 roundings of the channel."""
    for result in (theory.capacity(channel), capacity(channel)):
        np.testing.assert_allclose([result.lower, result.upper], expected, rtol=0, atol=rounding(expected))


def rounding(nats, dtype=float):
    return 101 * np.finfo(dtype).eps * np.sqrt(nats)


@pytest.mark.parametrize("k", [1, 2, 7, 13, 20, 30, 40])
def test_capacity_of_a_z_channel(k):
    """ln(1 + (1−p) p^{p/(1−p)}), down to 3e-13 nats."""
    crossing = 2.0**-k
    p = 1 - crossing
    exactly(np.array([[1, 0], [p, crossing]]), np.log1p(crossing * np.exp(p / crossing * np.log1p(-crossing))))


def muroga(channel):
    """ln Σ_y exp(−Σ_x W⁻¹[y,x] H(W_x)) of a square channel whose best law needs all inputs, in sixty digits."""
    n = len(channel)
    rows = [[Fraction(float(v)) for v in row] for row in channel]
    rows = [[v / sum(row) for v in row] for row in rows]
    with localcontext() as context:
        context.prec = 60
        real = [[Decimal(v.numerator) / v.denominator for v in row] for row in rows]
        table = [[*row, sum(-v * v.ln() for v in real[x])] for x, row in enumerate(rows)]
        table = [[*map(Fraction, row)] for row in table]
        for i in range(n):  # Gauss–Jordan
            for j in set(range(n)) - {i}:
                factor = table[j][i] / table[i][i]
                table[j] = [a - factor * b for a, b in zip(table[j], table[i], strict=True)]
        levels = [table[i][n] / table[i][i] for i in range(n)]
        return float(sum((-Decimal(v.numerator) / v.denominator).exp() for v in levels).ln())


@pytest.mark.parametrize("contrast", [1, 1e-2, 1e-4, 1e-6])
def test_capacity_of_rows_that_are_alike(contrast):
    """From .1 nats to 1e-13."""
    rng = np.random.default_rng(2)
    base, far = rng.dirichlet(np.full(4, 9.0)), 0.1 * rng.dirichlet(np.ones(4)) + 0.9 * np.eye(4)
    channel = base + contrast * (far - base)
    assert (theory.capacity(channel).prior > 0.01).all()
    exactly(channel, muroga(channel))


@given(pmfs((3, 4)), pmfs((3,)))
def test_capacity_is_the_largest_information(channel, prior):
    """I(r, W) ≤ C for every r; lower ≤ C ≤ upper; converged, or a warning would be an error."""
    result, traced = theory.capacity(channel), capacity(channel)
    assert mi(prior[:, None] * channel) <= result.upper + EXACT
    assert -EXACT <= result.upper - result.lower <= rounding(result.upper) + EXACT
    close(mi(result.prior[:, None] * channel), result.lower)
    close([traced.lower, traced.upper], [result.lower, result.upper])


def blahut_arimoto(w, gap):
    """The plain loop."""
    r = np.full(len(w), 1 / len(w))
    while True:
        divergences = (w * np.log(np.where(w > 0, w / (r @ w), 1))).sum(1)
        if divergences.max() - r @ divergences < gap:
            return r @ divergences
        r = r * np.exp(divergences)
        r /= r.sum()


SHARP, BLUNT = (np.random.default_rng(4).dirichlet(np.full(256, sharpness), 256) for sharpness in (0.3, 30.0))


@pytest.mark.parametrize(
    "channel",
    [
        SHARP,
        BLUNT,
        np.concatenate([SHARP[:16], BLUNT[16:]]),
        SHARP[:, :3] / SHARP[:, :3].sum(1, keepdims=True),
        SHARP[:3],
    ],
    ids=["dense", "weak", "useless inputs", "tall", "wide"],
)
def test_capacity_of_large_channels(channel):
    result = theory.capacity(channel)
    assert result.upper - result.lower <= rounding(result.upper)
    assert -EXACT <= result.lower - blahut_arimoto(channel, 1e-3) <= 1e-3


def test_capacity_in_single_precision():
    channel = np.random.default_rng(0).dirichlet(np.ones(5), 4)
    exact, single = theory.capacity(channel), channel.astype(np.float32)
    for result in (theory.capacity(single), capacity(single)):
        assert {leaf.dtype for leaf in result} == {np.dtype(np.float32)}
        np.testing.assert_allclose(result[:2], exact[:2], rtol=0, atol=rounding(exact.upper, np.float32))


def test_capacity_says_that_it_has_not_converged():
    channel = np.random.default_rng(0).dirichlet(np.ones(5), 4)
    exact = theory.capacity(channel)
    with pytest.warns(RuntimeWarning, match="nats between the bounds after 3 iterations"):
        early = theory.capacity(channel, max_iterations=3)
    assert exact.upper - exact.lower < 1e-12 < early.upper - early.lower
    assert early.lower < exact.lower and exact.upper < early.upper
    loose = theory.capacity(channel, tolerance=0.01)
    assert 1e-6 < loose.upper - loose.lower <= 0.01


def test_capacity_against_dit():
    """dit stops early: its capacity is up to 2e-5 bits low."""
    channel = np.random.default_rng(1).dirichlet(np.ones(3), 3)
    rows = [dit.Distribution([(y,) for y in range(3)], list(row)) for row in channel]
    marginal = dit.Distribution([(x,) for x in range(3)], [1 / 3] * 3)
    bits, _ = dit.algorithms.channel_capacity(rows, marginal)
    assert 0 <= theory.capacity(channel).lower / np.log(2) - bits < 2e-5


def test_capacity_slope():
    """d/dε [ln 2 − h(ε)] = ln(ε/(1−ε)); vmap sweeps the channel without a loop."""
    close(jax.grad(lambda e: theory.capacity(bsc(e)).lower)(0.1), np.log(0.1 / 0.9))
    flips = jnp.array([0.05, 0.1, 0.3])
    close(jax.vmap(lambda e: theory.capacity(bsc(e)).lower)(flips), [theory.capacity(bsc(e)).lower for e in flips])


def test_ladder_of_coefficients():
    """Bern(.3) into BSC(.1): ρ² = .59893 < s* = .62627 < η = .64 < Dobrushin .8."""
    prior, channel = np.array([0.3, 0.7]), bsc(0.1)
    ladder = [
        theory.maximal_correlation(prior[:, None] * channel) ** 2,
        theory.contraction_at(prior, channel),
        theory.contraction(channel),
        theory.dobrushin(channel),
    ]
    np.testing.assert_allclose(ladder, [0.59893, 0.62627, 0.64, 0.8], rtol=0, atol=5.1e-6)
    close(ladder[2:], [0.64, 0.8])


@pytest.mark.slow
def test_known_coefficients():
    """Erasure ε: η = s* = 1 − ε at every input; flips at the uniform input: (1−2ε)²; a constant output: 0."""
    erasure = np.array([[0.7, 0, 0.3], [0, 0.7, 0.3]])
    close([theory.contraction(erasure), theory.dobrushin(erasure)], [0.7, 0.7])
    close(theory.contraction_at([0.2, 0.8], erasure), 0.7)
    # a supremum that is a limit r → p: the ratio of two divergences of 1e-10 is off by 1e-11
    close(theory.contraction_at([0.5, 0.5], bsc(0.2)), 0.36, atol=1e-10)
    assert theory.contraction(np.eye(3)) == 1
    constant = np.full((3, 2), 0.5)
    assert theory.contraction(constant) == theory.dobrushin(constant) == 0
    close([theory.contraction_at([0.2, 0.3, 0.5], constant), theory.contraction_at([1, 0], bsc(0.1))], [0, 0])
    assert theory.contraction(theory.drift.neutral_kernel(12)) == 1


def ratios(distributions, prior, channel, near=1e-6):
    """D(rW‖pW)/D(r‖p) of many laws, 0 where the second is too small for ten digits in the ratio."""

    def divergence(p, q):
        return np.where(p > 0, p * np.log(np.where(p > 0, p, 1) / q) - p + q, q).sum(1)

    distance = divergence(distributions, prior)
    return np.where(
        distance > near, divergence(distributions @ channel, prior @ channel) / np.maximum(distance, 1e-30), 0
    )


# a top so flat that the fixed point alone stops 5e-6 below it
FLAT_CHANNEL = [[0.242054381, 0.755129736, 0.002815883], [0.001227426, 0.051689463, 0.947083111], [0.421, 0.579, 0.0]]
FLAT = [np.array([0.769537465, 0.155839979, 0.074622556]), np.array(FLAT_CHANNEL)]


@pytest.mark.slow
@pytest.mark.parametrize(("num_inputs", "steps"), [(2, 20_000), (3, 300)])
def test_contraction_at_against_a_grid(num_inputs, steps):
    """The supremum is above every point of a dense grid of laws, faces included, and is the top of the best hill."""
    rng = np.random.default_rng(3)
    distributions = np.asarray(theory.drift.lattice(steps, num_inputs)) / steps
    cases = [
        (rng.dirichlet(np.ones(num_inputs)), rng.dirichlet(np.full(4, sharpness), num_inputs))
        for sharpness in (0.2, 0.5, 1.0, 3.0) * 2
    ]
    for prior, channel in cases + [FLAT] * (num_inputs == 3):
        value, values = float(contraction_at(prior, channel)), ratios(distributions, prior, channel)
        assert values.max() <= value + 1e-9

        def valley(v, prior=prior, channel=channel):
            return -ratios(np.atleast_2d(prior * np.exp(v) / (prior @ np.exp(v))), prior, channel, near=0)[0]

        start = np.log(np.maximum(distributions[values.argmax()], 1e-9) / prior)
        top = scipy.optimize.minimize(valley, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
        np.testing.assert_allclose(value, max(-top.fun, values.max()), rtol=0, atol=1e-7)  # how far a simplex gets


def test_contraction_at_finds_a_face():
    """The best r may leave out a symbol: a start inside is not enough."""
    channel, prior = np.array([[1.0, 0.0, 0.0], [0.0, 0.7, 0.3], [0.0, 0.3, 0.7]]), np.array([0.1, 0.45, 0.45])
    close(theory.contraction_at(prior, channel), 1)  # which of {0}, {1,2}: the output tells


@given(pmfs((3,)), pmfs((3, 4)))
def test_order_of_coefficients(prior, channel):
    """ρ² ≤ s*(p,W) ≤ η_KL(W) ≤ η_TV(W) ≤ 1."""
    ladder = [
        correlation(prior[:, None] * channel) ** 2,
        contraction_at(prior, channel),
        contraction(channel),
        dobrushin(channel),
        1,
    ]
    assert (np.diff(np.array(ladder, float)) >= -1e-9).all()  # s* comes to 1e-10


@given(pmfs((2, 3)), pmfs((3, 4)))
def test_strong_data_processing(distributions, channel):
    """D(rW‖pW) ≤ s*(p,W) D(r‖p) ≤ η_KL(W) D(r‖p)."""
    r, p = distributions
    p = (p + 1 / 3) / 2  # so that D(r‖p) is finite
    lost = kl(r @ channel, p @ channel)
    assert lost <= contraction_at(p, channel) * kl(r, p) + 1e-9
    assert lost <= contraction(channel) * kl(r, p) + EXACT


@given(pmfs((4, 3)), pmfs((3, 3)))
def test_contraction_multiplies(first, second):
    """η_KL(WV) ≤ η_KL(W) η_KL(V), and so for Dobrushin's."""
    for coefficient in (contraction, dobrushin):
        assert coefficient(first @ second) <= coefficient(first) * coefficient(second) + EXACT


def test_contraction_is_reached_near_the_best_pair():
    """η_KL is approached by I(U;Y)/I(U;X) for a small perturbation of a law on two symbols."""
    channel = np.random.default_rng(5).dirichlet(np.ones(4), 5)
    w, best = np.linspace(0.001, 0.999, 999)[:, None], 0.0
    for a, b in itertools.combinations(channel, 2):
        best = max(best, (w * (1 - w) * (a - b) ** 2 / (w * a + (1 - w) * b)).sum(1).max())
    np.testing.assert_allclose(contraction(channel), best, atol=1e-6)  # (1/1000)² from the best weight


def test_maximal_correlation():
    """The singular value beside 1 of p(x,y)/√(p(x)p(y)); 1 where the two share a bit, 0 where independent."""
    joint = np.random.default_rng(6).dirichlet(np.ones(12)).reshape(3, 4)
    scaled = joint / np.sqrt(np.outer(joint.sum(1), joint.sum(0)))
    close(theory.maximal_correlation(joint), np.linalg.svd(scaled)[1][1])
    assert theory.maximal_correlation([[0.5, 0, 0], [0, 0.25, 0.25], [0, 0, 0]]) == pytest.approx(1)
    close(theory.maximal_correlation(np.outer([0.3, 0.7], [0.2, 0.8])), 0)
    slope = jax.grad(lambda e: theory.maximal_correlation(bsc(e) / 2))(0.2)
    close(slope, -2)


def test_contractions_are_differentiable():
    """η of BSC(ε) is (1−2ε)², with slope −4(1−2ε); s* by finite differences."""
    close(jax.grad(lambda e: theory.contraction(bsc(e)))(0.1), -3.2)
    f = partial(theory.contraction_at, jnp.array([0.3, 0.7]))
    slope = (f(bsc(0.1 + 1e-5)) - f(bsc(0.1 - 1e-5))) / 2e-5
    np.testing.assert_allclose(jax.grad(lambda e: f(bsc(e)))(0.1), slope, atol=1e-6)
