"""The mean of replicas, its standard error and its interval; pointwise information under known laws."""

import inspect
from functools import partial
from typing import NamedTuple

import dit
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import theory


def test_interval():
    """mean ∓ Φ⁻¹((1+level)/2) stderr, of integers too, and at a level near one in float32."""
    found = theory.Estimate(jnp.asarray(1.0), jnp.asarray(0.5), 10).interval(level=0.9)
    np.testing.assert_allclose(found, scipy.stats.norm.interval(0.9, 1.0, 0.5), rtol=1e-12)
    np.testing.assert_allclose(theory.Estimate(1, 2, 5).interval(), scipy.stats.norm.interval(0.95, 1, 2), rtol=1e-12)
    single = theory.Estimate(jnp.float32(0), jnp.float32(1), 5).interval(1 - 1e-8)
    np.testing.assert_allclose(single[1], scipy.stats.norm.isf(5e-9), rtol=1e-5)


def test_bernstein_interval():
    """mean ∓ [√(2 V ln(4/δ)/n) + 7 (b−a) ln(4/δ)/(3(n−1))], V the sample variance."""
    values = np.random.default_rng(0).uniform(-1, 2, 40)
    lower, upper = theory.estimate(values).interval(0.9, bounds=(-1.0, 2.0))
    log = np.log(4 / 0.1)
    half = np.sqrt(2 * values.var(ddof=1) * log / 40) + 7 * 3 * log / (3 * 39)
    np.testing.assert_allclose([lower, upper], [values.mean() - half, values.mean() + half], rtol=1e-12)


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("p", [0.01, 0.2, 0.5])
def test_bernstein_interval_covers_at_every_count(n, p):
    """P(|mean − p| ≤ half) ≥ level for n Bernoulli values, by the binomial law; not so for the normal interval."""
    ones = np.arange(n + 1)
    values = (np.arange(n)[:, None] < ones[None]).astype(float)
    mass = scipy.stats.binom.pmf(ones, n, p)
    for level in (0.5, 0.9, 0.99):
        lower, upper = theory.estimate(values).interval(level, bounds=(0.0, 1.0))
        assert mass[(lower <= p) & (p <= upper)].sum() >= level - 1e-12
    lower, upper = theory.estimate(values).interval(0.99)
    assert mass[(lower <= p) & (p <= upper)].sum() < 0.99


def test_the_mean_may_be_at_a_bound():
    lower, upper = theory.estimate(np.full(10, 0.1, np.float32)).interval(bounds=(0.0, 0.1))
    assert lower < 0.1 < upper


def test_merge():
    """The estimate of all values at once, whatever the parts."""
    values = 1e8 + np.random.default_rng(0).normal(size=(60, 3))  # 1e16 squared: a sum of squares has no digit left
    whole = theory.estimate(values)
    for cut in (2, 20, 57):
        result = theory.merge(theory.estimate(values[:cut]), theory.estimate(values[cut:]))
        np.testing.assert_allclose(result.mean, whole.mean, rtol=1e-15)
        np.testing.assert_allclose(result.stderr, scipy.stats.sem(values), rtol=1e-7)
        assert result.count == 60
    nothing = theory.Estimate(jnp.zeros(3), jnp.zeros(3), 0)
    for result in (theory.merge(nothing, whole), theory.merge(whole, nothing)):
        np.testing.assert_allclose(result.mean, whole.mean, rtol=1e-15)
        np.testing.assert_allclose(result.stderr, whole.stderr, rtol=1e-12)


def test_monte_carlo_is_the_estimate_of_all_values():
    """Chunk c is drawn with fold_in(key, c)."""
    key = jax.random.key(3)
    draw = partial(jax.random.gumbel, shape=(50, 2))
    result = theory.monte_carlo(key, draw, 4)
    values = np.concatenate([draw(jax.random.fold_in(key, c)) for c in range(4)])
    np.testing.assert_allclose(result.mean, values.mean(0), rtol=1e-13)
    np.testing.assert_allclose(result.stderr, scipy.stats.sem(values), rtol=1e-13)
    assert result.count == 200


def test_ten_million_float32_values_keep_their_digits():
    """Mean 1e4 and deviation 1: stderr 1/√1e7 = 3e-4, below the 1e-3 between neighbouring float32 numbers."""

    def draw(key):
        return 1e4 + jax.random.normal(key, (200_000,), jnp.float32)

    result = theory.monte_carlo(jax.random.key(0), draw, 50)
    assert result.count == 10_000_000 and result.mean.dtype == jnp.float64
    np.testing.assert_allclose(result.stderr, 1e-3 / 10**0.5, rtol=5 / np.sqrt(2e7))
    assert abs(result.mean - 1e4) < 5 * result.stderr


def test_monte_carlo_passes_through_transformations():
    draw = partial(jax.random.normal, shape=(10,))
    keys = jax.random.split(jax.random.key(0), 3)
    batched = jax.vmap(lambda key: theory.monte_carlo(key, draw, 5)[:2])(keys)
    single = theory.monte_carlo(keys[1], draw, 5)
    np.testing.assert_allclose([part[1] for part in batched], single[:2], rtol=1e-13)
    assert jax.jit(lambda key: theory.monte_carlo(key, draw, 5).stderr)(keys[1]) > 0


def channel(seed, zeros=0.3):
    """p(d|x) [x, d] with zeros, and a prior."""
    rng = np.random.default_rng(seed)
    table = rng.gamma(0.7, size=(3, 7)) * (rng.random((3, 7)) > zeros)
    return table / table.sum(1, keepdims=True), rng.dirichlet(np.ones(3))


def log(table):
    return np.log(table, out=np.full_like(table, -np.inf), where=table > 0)


@pytest.mark.parametrize("seed", range(4))
def test_pointwise_information_averages_to_the_information(seed):
    """Σ_x,d p(x) p(d|x) i(x;d) = I(X;D), by dit, and i(x;d) ≤ −ln p(x)."""
    distributions, prior = channel(seed)
    x, d = np.nonzero(distributions)
    values = theory.pointwise_information(log(distributions).T[d], x, prior)
    joint = prior[:, None] * distributions
    bits = dit.shannon.mutual_information(dit.Distribution([*zip(x, d, strict=True)], joint[x, d]), [0], [1])
    np.testing.assert_allclose(joint[x, d] @ values, bits * np.log(2), atol=1e-12)
    assert (values <= -np.log(prior[x]) + 1e-14).all()


def test_pointwise_information_of_one_replica():
    """ln p(d|x) − ln Σ p(x') p(d|x'), negative where others explain the data better; ln 2 where no other can."""
    log_likelihood = np.log([[0.1, 0.7], [0.3, 0.2]])
    expected = np.log([0.1 / 0.4, 0.2 / 0.25])
    np.testing.assert_allclose(theory.pointwise_information(log_likelihood, [0, 1]), expected, atol=1e-15)
    np.testing.assert_allclose(theory.pointwise_information([-3.0, -np.inf], 0), np.log(2), atol=1e-15)


def test_a_common_constant_cancels_and_does_not_overflow():
    """i(x;d) is that of p(d|x')·c(d), c = e^{−5000}."""
    log_likelihood = np.random.default_rng(0).normal(size=(20, 4))
    task = np.arange(20) % 4
    values = theory.pointwise_information(log_likelihood - 5000, task)
    np.testing.assert_allclose(values, theory.pointwise_information(log_likelihood, task), atol=1e-11)
    far = theory.pointwise_information([[-5000.0, 0.0]], [0])
    np.testing.assert_allclose(far, np.log(2) - 5000, rtol=1e-14)


def test_a_task_that_never_comes_does_not_matter():
    """p(x') = 0: as if x' were not there."""
    log_likelihood = np.random.default_rng(0).normal(size=(9, 3))
    task = np.arange(9) % 2
    values = theory.pointwise_information(log_likelihood, task, [0.4, 0.6, 0.0])
    without = theory.pointwise_information(log_likelihood[:, :2], task, [0.4, 0.6])
    np.testing.assert_allclose(values, without, atol=1e-14)


@pytest.mark.parametrize("seed", range(4))
def test_stratified_information_is_unbiased(seed):
    """E Σ_x p(x) i(x;D_x) = I(X;D) over all 7³ triples of data sets; the variance is Σ_x p(x)² Var(i|x), no more."""
    distributions, prior = channel(seed)
    d = np.stack(np.meshgrid(*[np.arange(7)] * 3, indexing="ij"), -1).reshape(-1, 3)
    mass = np.prod(distributions[np.arange(3), d], 1)
    d, mass = d[mass > 0], mass[mass > 0]
    values = theory.stratified_information(log(distributions).T[d], prior)
    expected = theory.mutual_information(prior[:, None] * distributions)
    np.testing.assert_allclose(mass @ values, expected, atol=1e-12)
    seen, marginal = distributions > 0, np.maximum(prior @ distributions, 1e-300)
    pointwise = np.where(seen, log(distributions) - np.log(marginal), 0)
    within = (distributions * pointwise**2).sum(1) - (distributions * pointwise).sum(1) ** 2
    np.testing.assert_allclose(mass @ (values - expected) ** 2, prior**2 @ within, atol=1e-12)


def test_count_log_likelihood():
    """Σ_f counts_f ln p_f = the multinomial log-probability less its coefficient."""
    rng = np.random.default_rng(0)
    counts, probs = rng.multinomial(30, np.full(5, 0.2), 7), rng.dirichlet(np.ones(5), 4)
    law = scipy.stats.multinomial(30, probs[None])
    coefficient = scipy.special.gammaln(31) - scipy.special.gammaln(counts + 1).sum(1)
    expected = law.logpmf(counts[:, None]) - coefficient[:, None]
    np.testing.assert_allclose(theory.count_log_likelihood(counts, probs), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_count_log_likelihood_of_impossible_symbols(dtype):
    """0 ln 0 = 0, and −inf exactly where an impossible symbol was seen, be it once among many or a thousandth."""
    probs = np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]], dtype)
    counts = np.array([[1, 2, 0], [4, 0, 0], [1, 2, 1], [1000, 0, 0.001]], dtype)
    values = np.asarray(theory.count_log_likelihood(counts, probs))
    ln2 = np.log(2)
    expected = np.array([[-3 * ln2, -np.inf], [-4 * ln2, 0], [-np.inf, -np.inf], [-np.inf, -np.inf]])
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert values.dtype == max(np.dtype(dtype), np.dtype(np.float32))


def test_count_log_likelihood_is_the_plain_product_to_the_last_bits():
    """Where no probability is zero the scaling is exact: also for tiny probabilities and 1e6 counts."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 10**6, (5, 6)).astype(float)
    probs = np.concatenate([rng.dirichlet(np.ones(6), 3), [[2.3e-308, 1 - 1e-16, 1e-300, 0.1, 0.2, 1.0]]])
    np.testing.assert_allclose(theory.count_log_likelihood(counts, probs), counts @ np.log(probs).T, rtol=4e-15)


def test_gradient_of_count_log_likelihood():
    """∂/∂p_f = counts_f/p_f, and 0 at an impossible symbol, which stays so."""
    probs = jnp.array([[0.5, 0.5, 0.0]])
    gradient = jax.grad(lambda p: theory.count_log_likelihood(jnp.array([[1.0, 2.0, 0.0]]), p).sum())(probs)
    np.testing.assert_allclose(gradient, [[2.0, 4.0, 0.0]], rtol=1e-14)


def test_pseudo_values_keep_mean_and_error():
    values = np.random.default_rng(0).normal(size=(7, 2))
    few, many = theory.estimate(values), theory.estimate(theory.estimators.pseudo_values(values, 40))
    np.testing.assert_allclose(many.mean, few.mean, rtol=1e-12)
    np.testing.assert_allclose(many.stderr, few.stderr, rtol=1e-12)


def test_bracket():
    """lower.mean − Φ⁻¹((1+level)/2) stderr and upper.mean + the same: what holds the truth between two bounds."""
    bracket = theory.Bracket(theory.Estimate(1.0, 0.1, 10), theory.Estimate(2.0, 0.3, 10))
    expected = scipy.stats.norm.interval(0.9, 1.0, 0.1)[0], scipy.stats.norm.interval(0.9, 2.0, 0.3)[1]
    np.testing.assert_allclose(bracket.interval(0.9), expected)
    assert bracket.width == 1


def test_a_difference_of_truths_is_between_the_opposite_ends():
    """a ∈ [1, 2], b ∈ [10, 40]: a − b ∈ [−39, −8]."""
    a, b = theory.Bounds(jnp.full(3, 1.0), jnp.full(3, 2.0)), theory.Bounds(jnp.full(3, 10.0), jnp.full(3, 40.0))
    lower, upper = a.minus(b)
    assert (lower == -39).all() and (upper == -8).all()


@pytest.mark.parametrize(("centre", "width"), [(1e9, 1.0), (0.0, 1e200), (0.0, 1e-200), (1e-200, 1e-209)])
def test_estimates_are_of_any_size_and_place(centre, width):
    """Mean c and standard error w/√3 of c − w, c, c + w: no square overflows, vanishes or loses its digits."""
    values = jnp.array([centre - width, centre, centre + width])
    for of in (theory.estimate, jax.jit(lambda v: theory.estimate(v)[:2])):
        mean, stderr = of(values)[:2]
        np.testing.assert_allclose(mean, centre, rtol=1e-15)
        np.testing.assert_allclose(stderr, width / 3**0.5, rtol=1e-6 if centre else 1e-14)
    merged = theory.merge(theory.estimate(values), theory.estimate(values))
    np.testing.assert_allclose(merged.stderr, width * (4 / 5 / 6) ** 0.5, rtol=1e-6 if centre else 1e-14)


def test_a_million_float32_values_about_ten_thousand():
    """Their plain sum in float32 is off by more than the standard error, 1e-3."""
    values = (1e4 + np.random.default_rng(0).normal(size=1_000_000)).astype(np.float32)
    np.testing.assert_allclose(theory.estimate(values).mean, values.astype(float).mean(), rtol=1e-7)
    np.testing.assert_allclose(theory.estimate(values).stderr, scipy.stats.sem(values.astype(float)), rtol=1e-6)


@pytest.mark.slow
def test_more_than_two_billion_values():
    """Beyond 2^31 with counters of 32 bits: half of each chunk is 0, half 2, so stderr = 1/√R."""
    with jax.enable_x64(False):
        halves = 2 * (jnp.arange(2**24) % 2).astype(jnp.float32)
        result = theory.monte_carlo(jax.random.key(0), lambda key: halves, 130)
    assert result.count == 130 * 2**24 > 2**31
    np.testing.assert_allclose([result.mean, result.stderr], [1, result.count**-0.5], rtol=1e-4)


class Shifted(NamedTuple):
    """A callable without a hash."""

    shift: jax.Array

    def __call__(self, key):
        return self.shift + jax.random.normal(key, (10,))


def test_any_callable_and_no_seed():
    key = jax.random.key(0)
    shifted, plain = (theory.monte_carlo(key, draw, 3) for draw in (Shifted(jnp.array(1.0)), Shifted(jnp.array(0.0))))
    np.testing.assert_allclose(shifted.mean, plain.mean + 1, rtol=1e-14)
    with pytest.raises(ValueError, match=r"^key: int was given; accepted: .*jax\.random\.key\(0\)"):
        inspect.unwrap(theory.monte_carlo)(0, lambda key: jax.random.normal(key, (10,)), 3)


def test_subnormal_probabilities_and_large_counts():
    """ln 1e-310 = −713.80, which XLA takes for ln 0; 1e200 counts of a certain symbol cost nothing."""
    value = theory.pointwise_information([0.0, -np.inf], 0, [1e-310, 1.0])
    np.testing.assert_allclose(value, -np.log(1e-310), rtol=1e-12)
    values = theory.count_log_likelihood([[1, 1e200]], [[1e-310, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(values, [[np.log(1e-310), -np.inf]], rtol=1e-12)


def test_replicas_are_averaged_before_they_are_rounded():
    """With x64 off, values in double precision keep their deviations: ours was 0."""
    x = 1.7e9 + 10 * np.random.default_rng(0).normal(size=100)
    with jax.enable_x64(False):
        found = theory.estimate(x)
    np.testing.assert_allclose(found.stderr, x.std(ddof=1) / 10, rtol=1e-6)
    assert found.stderr.dtype == np.float32
