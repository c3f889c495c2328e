"""Online prediction against enumeration, binomial laws and sequential learners."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import close
from scipy.special import gammaln
from strategies import FEW, SEEDS, many

from theory import entropy, mutual_information, prequential

NOISY = np.array([[0.4, 0.05], [0.15, 0.4]])
MIXED = {  # contexts × labels: all cells occur; a context that never does; a label that some contexts rule out
    "full": NOISY,
    "empty context": np.array([[0.3, 0.1, 0.1], [0, 0, 0], [0.1, 0.2, 0.2]]),
    "ruled out": np.array([[0.2, 0.1, 0], [0.2, 0, 0], [0.1, 0.2, 0.2]]),
}
WIDE, NARROW = (np.tile([[r, 1 - r], [1 - r, r]], (k, 1)) / (2 * k) for k, r in ((32, 0.9), (1, 0.8)))


def test_nats_saved():
    """By hand, for samples and for batches; a known distribution saves n I in expectation."""
    close(prequential.nats_saved([[1.0, 0.5, 0.25], [0, 0, 2]], 0.75), [[-0.25, 0, 0.5], [0.75, 1.5, 0.25]])
    close(prequential.nats_saved([1.0, 0.5], 0.75, batch=4), [-1, 0])
    loss = -np.log(NOISY / NOISY.sum(1, keepdims=True))
    saved = prequential.nats_saved(loss.ravel(), entropy(NOISY.sum(0)))
    close(np.diff(saved, prepend=0) @ NOISY.ravel(), mutual_information(NOISY))


crossovers = jax.jit(jax.vmap(prequential.measured_crossover, in_axes=(0, None)))


@pytest.mark.parametrize(
    ("mean", "at"),
    [
        ([-2, -1, 1, 3], 15),
        ([0, -1, 3, 4], 12.5),
        ([1, 2, 3, 4], 0),
        ([0, 1, 2, 3], 4),  # behind or level at the first sample, ahead from there on
        ([1, -1, 1, 2], 15),  # for good, not for the first time
        ([-1, 1, 2, -1], np.inf),
        ([-1, -1, -1, 0], np.inf),
        ([-3, -2, -1, 1], 30),
    ],
)
def test_crossover_of_a_known_mean(mean, at):
    lead = np.array(mean, float) + np.zeros((3, 4))
    close(np.array(prequential.measured_crossover(lead, [4, 10, 20, 40])), at)


def test_crossover_of_the_band():
    """Its ends are where the t intervals of the mean touch zero."""
    n = np.linspace(0, 10, 4001)
    lead = np.random.default_rng(1).normal([[0.0]] * 5) + n - 5
    at, lower, upper = map(float, prequential.measured_crossover(lead, n, level=0.8))
    interval = scipy.stats.t.interval(0.8, 4, lead.mean(0), scipy.stats.sem(lead))
    close([np.interp(at, n, lead.mean(0)), np.interp(lower, n, interval[1]), np.interp(upper, n, interval[0])], 0)
    assert lower < at < upper


def test_crossover_covers():
    """Random walks whose mean is zero at 200: one miss of 40 above, as proved, little more below, half on each side."""
    walks, seeds, level = 1000, 8, 0.95
    drift = np.where(np.arange(400) < 100, -0.1, 0.1)
    noise = np.random.default_rng(0).normal(size=(walks, seeds, 400), scale=0.4)
    lead = np.concatenate([np.zeros((walks, seeds, 1)), np.cumsum(drift + noise, -1)], -1)
    at, lower, upper = crossovers(lead, jnp.arange(401.0))
    five = 5 * math.sqrt(0.025 * 0.975 / walks)
    assert (upper < 200).mean() <= (1 - level) / 2 + five
    assert (lower > 200).mean() <= 0.035 + five
    assert ((lower > 200) | (upper < 200)).mean() > 0.01  # and not for being wide
    assert abs((at > 200).mean() - 0.5) < 5 * 0.5 / math.sqrt(walks)


def online(x, y, shape, alpha):
    """The losses of a table learner, sample after sample."""
    counts, losses = np.zeros(shape), []
    for i, j in zip(x, y, strict=True):
        losses.append(-math.log((counts[i, j] + alpha) / (counts[i].sum() + shape[1] * alpha)))
        counts[i, j] += 1
    return np.array(losses), counts


code = jax.jit(prequential.code_length)


@given(SEEDS, st.floats(1e-3, 1e3))
def test_code_length_is_the_sum_of_the_online_losses(seed, alpha):
    """In any order of the samples."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(3, size=40), rng.integers(4, size=40)
    losses, counts = online(x, y, (3, 4), alpha)
    order = rng.permutation(40)
    np.testing.assert_allclose(code(counts, alpha), losses.sum(), rtol=1e-10)
    np.testing.assert_allclose(losses.sum(), online(x[order], y[order], (3, 4), alpha)[0].sum(), rtol=1e-12)
    close(prequential.code_length(0 * counts, alpha), 0)


@pytest.mark.parametrize("alpha", [0.5, 2.0])
def test_enumeration_agrees_on_the_expected_code_length_saved(alpha):
    """Over all sequences of six samples of four cells, by a sequential learner."""
    n, expected = 6, np.zeros(7)
    for cells in itertools.product(range(4), repeat=n):
        x, y = np.divmod(cells, 2)
        saved = prequential_sum(online(x, y, (2, 2), alpha)[0], NOISY)
        expected += NOISY.ravel()[list(cells)].prod() * saved
    close(prequential.table_nats_saved(NOISY, n, alpha), expected)


def prequential_sum(losses, joint):
    """Σ (H(Y) − loss), from 0 samples on."""
    marginal = joint.sum(0)
    return np.concatenate([[0], np.cumsum(-(marginal @ np.log(marginal)) - losses)])


def by_binomials(joint, n, alpha):
    """n H(Y) − Σ E ln Γ ratios, each against its binomial law."""
    counts, labels = np.arange(n + 1), joint.shape[1]

    def expected(p, start):
        return scipy.stats.binom.pmf(counts, n, p) @ (gammaln(counts + start) - gammaln(start))

    cells = sum(expected(p, alpha) for p in joint.ravel())
    return n * entropy(joint.sum(0)) - sum(expected(p, labels * alpha) for p in joint.sum(1)) + cells


table = jax.jit(jax.vmap(prequential.table_nats_saved, in_axes=(0, None, None)), static_argnums=1)


@FEW
@given(SEEDS, st.sampled_from([0.1, 0.5, 1.0]))
def test_binomials_agree_on_the_expected_code_length_saved(seed, alpha):
    """At 60 samples; and a table never saves more than n I(X;Y), nor less than its worst code."""
    joints = many(seed, (6,), 4).reshape(4, 2, 3)
    savings = table(joints, 60, alpha)
    expected = [by_binomials(np.asarray(joint), 60, alpha) for joint in joints]
    close(savings[:, -1], expected, atol=1e-9)
    information = jnp.array([mutual_information(joint) for joint in joints])
    assert (savings <= jnp.multiply.outer(information, jnp.arange(61.0)) + 1e-12).all()


def test_long_tables_keep_their_digits():
    """A table of 5000 samples, whose ln Γ are of the size 4e4."""
    close(prequential.table_nats_saved(NOISY, 5000)[-1], by_binomials(NOISY, 5000, 0.5), atol=1e-8)
    assert prequential.table_nats_saved(NOISY, 0).tolist() == [0]


@pytest.mark.parametrize("joint", MIXED.values(), ids=MIXED)
@pytest.mark.parametrize("alpha", [0.5, 1.5])
def test_law_of_the_table(joint, alpha):
    """n I − (d/2) ln n − constant with an error of O(1/n); a label that is ruled out costs α ln n, not ½ ln n."""
    n = np.array([1000, 2000])
    exact = np.asarray(prequential.table_nats_saved(joint, 2000, alpha))[n]
    information = float(mutual_information(joint))
    error = exact - np.asarray(prequential.table_nats_saved_law(joint, n, alpha))
    close(error, 0, atol=0.1)
    close(error[1] / error[0], 0.5, atol=0.02)
    occurs = (joint > 0).sum(1)[joint.sum(1) > 0]
    half = ((occurs - 1) / 2 + alpha * (joint.shape[1] - occurs)).sum()
    rest = exact - n * information + half * np.log(n)
    close(rest[1] - rest[0], 0, atol=0.05)
    law = prequential.table_nats_saved_law(joint, [[10], [1000]], alpha)
    close(law[1] - law[0], 990 * information - half * math.log(100), atol=1e-10)


def test_information_alone_does_not_order_the_learners():
    """64 contexts of .37 nats save less than 2 of .19 nats until sample 180, more from there on."""
    lead = np.asarray(prequential.table_nats_saved(WIDE, 600) - prequential.table_nats_saved(NARROW, 600))
    assert mutual_information(WIDE) > 1.9 * mutual_information(NARROW)
    assert 179 < float(prequential.measured_crossover(np.tile(lead, (2, 1)), np.arange(601)).at) < 180
    assert lead[100] < -4
    assert lead[600] > 50


def draw(rng, n):
    """A label of fair sign, and two features of it: 64 contexts that carry much, 2 that carry less."""
    y = rng.integers(2, size=n)
    wide, narrow = ((y + (rng.random(n) > correct)) % 2 for correct in (0.9, 0.8))
    return 2 * rng.integers(32, size=n) + wide, narrow, y


def learners(rng, n):
    """Losses [learner, n] of a table learner of each signal, and of one that has no signal."""
    wide, narrow, y = draw(rng, n)
    return np.stack([online(x, y, (k, 2), 0.5)[0] for x, k in ((wide, 64), (narrow, 2), (0 * y, 1))])


weigh, mix = jax.jit(prequential.mixture_weights), jax.jit(prequential.mixture_nats_saved)


@given(SEEDS)
def test_a_sequential_mixture_agrees(seed):
    """Bayes' rule sample by sample: its posterior, its own losses, and the regret of at most ln 1/prior."""
    rng = np.random.default_rng(seed)
    prior, losses = rng.dirichlet(np.ones(3)), learners(rng, 50)
    posterior, weights, of_mixture = prior, [], []
    for step in losses.T:
        predictive = posterior @ np.exp(-step)
        of_mixture.append(-math.log(predictive))
        posterior = posterior * np.exp(-step) / predictive
        weights.append(posterior)
    savings = np.asarray(prequential.nats_saved(losses, math.log(2))).T
    close(weigh(savings, prior), weights)
    close(mix(savings, prior), prequential.nats_saved(of_mixture, math.log(2)))
    assert (np.asarray(mix(savings, prior)) >= (savings + np.log(prior)).max(1) - 1e-12).all()
    assert (np.asarray(mix(savings, prior)) <= savings.max(1) + 1e-12).all()


def test_information_is_no_posterior():
    """At 60 samples the mixture relies on the feature of less information, at 600 on the other, as the code lengths."""
    rng = np.random.default_rng(0)
    savings = np.stack([prequential.nats_saved(learners(rng, 600), math.log(2)) for _ in range(20)])[:, :2]
    information = np.array([float(mutual_information(joint)) for joint in (WIDE, NARROW)])
    for n, best in ((60, 1), (600, 0)):
        weights = np.asarray(weigh(savings[:, :, n - 1]))
        assert (weights[:, best] > 0.5).mean() > 0.8
        by_information = np.asarray(prequential.mixture_weights(information * n))
        assert by_information[0] > 0.99


def test_mixture_at_the_edges():
    """Uniform without a prior; a learner of prior 0 stays out; code lengths of 1e5 nats do not overflow."""
    close(prequential.mixture_weights([[1e5, 1e5 + math.log(3)]]), [[0.25, 0.75]], atol=1e-10)
    close(prequential.mixture_weights([5, 1], [0, 1]), [0, 1])
    close(prequential.mixture_nats_saved([5, 1], [0, 1]), 1)
    close(prequential.mixture_nats_saved([1e5, 1e5]), 1e5, atol=1e-9)


def test_code_length_of_many_counts():
    """n equal labels of two: ½ ln πn + 1/8n, a difference of terms n ln n; n of either: 2n ln 2."""
    n = 1e12
    close(prequential.code_length([[n, 0]]), math.log(math.pi * n) / 2)
    np.testing.assert_allclose(prequential.code_length([[n, n]]), 2 * n * math.log(2), rtol=1e-10)
    rng = np.random.default_rng(0)
    counts = 10 ** rng.uniform(0, 4, (5, 4))
    expected = (gammaln(counts.sum(1) + 2) - gammaln(2.0)).sum() - (gammaln(counts + 0.5) - gammaln(0.5)).sum()
    np.testing.assert_allclose(prequential.code_length(counts), expected, rtol=1e-10)


def test_a_million_float32_losses():
    """Sums in float64: .1 nats each, whose running float32 sum is off by hundreds."""
    saved = prequential.nats_saved(np.full(10**6, 0.593147, np.float32), math.log(2))
    assert saved.dtype == np.float32
    np.testing.assert_allclose(saved[-1], 1e6 * (math.log(2) - float(np.float32(0.593147))), rtol=1e-6)
