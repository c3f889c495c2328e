"""Wright–Fisher drift against scipy, enumeration, population genetics and the published numbers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from oracles import EXACT, close, starts
from strategies import pmfs

import theory
from theory import drift
from theory.drift import chain

TASKS = np.linspace(0.05, 0.95, 19)
UNIFORM = np.full(19, 1 / 19)


def binary(p):
    return np.stack([p, 1 - np.asarray(p)], axis=-1)


@pytest.mark.parametrize(("n", "num_symbols"), [(1, 1), (5, 1), (7, 2), (4, 3), (3, 5)])
def test_lattice(n, num_symbols):
    counts = np.asarray(drift.lattice(n, num_symbols))
    every = [c for c in np.ndindex(*[n + 1] * num_symbols) if sum(c) == n]
    np.testing.assert_array_equal(counts, every)  # lexicographic, as ndindex is
    assert drift.num_states(n, num_symbols) == len(counts)


@pytest.mark.parametrize(("n", "num_symbols"), [(1, 2), (16, 2), (60, 2), (400, 2), (12, 3), (5, 4), (3, 1)])
def test_neutral_kernel_is_multinomial(n, num_symbols):
    counts = np.asarray(drift.lattice(n, num_symbols))
    expected = scipy.stats.multinomial.pmf(counts[None], n, counts[:, None] / n)
    if num_symbols == 2:
        expected = scipy.stats.binom.pmf(counts[None, :, 0], n, counts[:, None, 0] / n)
    kernel = np.asarray(drift.neutral_kernel(n, num_symbols))
    close(kernel, expected)
    close(kernel.sum(1), 1)
    unreachable = ((counts[:, None] == 0) & (counts[None] > 0)).any(-1)
    assert (kernel[unreachable] == 0).all()  # a lost symbol does not come back: exactly
    assert (np.diag(kernel)[(counts == n).any(1)] == 1).all()


def test_kernel_keeps_relative_digits_in_the_tails():
    kernel, c = np.asarray(drift.neutral_kernel(1000)), np.arange(1001)
    expected = scipy.stats.binom.pmf(c[None], 1000, c[:, None] / 1000)
    seen = expected > 1e-250
    np.testing.assert_allclose(kernel[seen], expected[seen], rtol=2e-12)  # 576 nats down, times a rounding of 1e-15


def test_kernel_in_float32_and_its_gradient():
    kernel = np.asarray(drift.multinomial_kernel(300, np.float32(binary([0.3, 0.01]))))
    np.testing.assert_allclose(kernel, scipy.stats.binom.pmf(np.arange(301)[None], 300, [[0.3], [0.01]]), atol=1e-7)

    def head(p):  # P(all 4 samples are the first symbol) = p⁴
        return drift.initial(4, jnp.stack([p, 1 - p]))[-1]

    close([head(0.3), jax.grad(head)(0.3), jax.grad(head)(1.0)], [0.3**4, 4 * 0.3**3, 4.0])


@given(pmfs((4,)))
def test_drift_preserves_the_mean_and_loses_diversity(probs):
    """E Z_{t+1} = E Z_t,  E[1 − Σ Z_{t+1}²] = (1 − 1/n) E[1 − Σ Z_t²], exactly, from any distribution of the state."""
    n = 3
    states = np.asarray(drift.lattice(n, 2)) / n
    before, after = (np.asarray(x)[0] for x in drift.distributions(probs[None], drift.neutral_kernel(n), 1))
    diversity = 1 - (states**2).sum(1)
    close(after @ states, before @ states)
    close(after @ diversity, (1 - 1 / n) * (before @ diversity))


def test_published_diversity():
    """Ten symbols, n = 50: .735366, .327753, .11936 after 10, 50, 100 fits of the chain itself.

    Any one symbol against the rest is a binary chain, so E Σ p² = 10 E p_1².
    """
    n = 50
    first = np.arange(n + 1) / n
    distributions = np.asarray(drift.distributions(np.eye(n + 1)[[5]], drift.neutral_kernel(n), 100))[:, 0]
    diversity = 1 - 10 * distributions @ first**2
    close(diversity, 0.9 * (1 - 1 / n) ** np.arange(101))
    np.testing.assert_allclose(diversity[[10, 50, 100]], [0.735366, 0.327753, 0.11936], atol=6e-6)


def test_distributions_are_powers_of_the_kernel():
    kernel = np.asarray(drift.neutral_kernel(8))
    first = starts(8, binary([0.1, 0.4, 1.0]))
    distributions = drift.distributions(first, kernel, 6)
    assert distributions.shape == (7, 3, 9)
    for t in range(7):
        close(distributions[t], np.asarray(first) @ np.linalg.matrix_power(kernel, t))
    per_task = drift.distributions(first, np.stack([kernel, np.eye(9), kernel @ kernel]), 4)
    twice = np.asarray(first[2]) @ np.linalg.matrix_power(kernel, 8)
    close(per_task[4], np.stack([distributions[4, 0], first[1], twice]))
    assert drift.distributions(first, kernel, 0).shape == (1, 3, 9)


@given(pmfs((3,)), pmfs((3, 5)), pmfs((5, 5)))
def test_information_of_a_closed_loop(prior, first, kernel):
    """I(X;Z_t) is that of the table p(x) p(z_t|x), and not negative."""
    information = drift.information(prior, first, kernel, 3)
    assert information.min() >= 0
    for value, probs in zip(information, drift.distributions(first, kernel, 3), strict=True):
        close(value, jax.jit(theory.mutual_information)(prior[:, None] * probs))


@pytest.mark.parametrize("n", [1, 2, 7, 50])
def test_what_is_left_is_one_draw(n):
    """I(X;Z_∞) = I(X;Y), Y one sample of the true model, for every n."""
    pmfs = binary(TASKS)
    information = np.asarray(drift.information(UNIFORM, starts(n, pmfs), drift.neutral_kernel(n), 40 * n))
    close(information[-1], drift.residual_information(UNIFORM, pmfs))
    assert (np.diff(information) <= 1e-15).all()  # monotone to the last rounding


def test_residual_information_numbers():
    """19 tasks: one sample .16945456110809; and three symbols."""
    close(drift.residual_information(UNIFORM, binary(TASKS)), 0.16945456110809)
    pmfs = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [1 / 3, 1 / 3, 1 / 3], [0, 1, 0]])
    prior = np.array([0.1, 0.2, 0.3, 0.4])
    information = drift.information(prior, starts(6, pmfs), drift.neutral_kernel(6, 3), 300)
    close(information[-1], drift.residual_information(prior, pmfs))


def test_uniform_task_numbers():
    """X uniform on [0,1] by 200-node Gauss–Legendre, n = 20: published to 5 digits, the limit ln 2 − ½."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    first = starts(20, binary((nodes + 1) / 2))
    information = np.asarray(drift.information(weights / 2, first, drift.neutral_kernel(20), 800))
    published = [1.14721, 0.87422, 0.58258, 0.30694, 0.19462, 0.19315]
    np.testing.assert_allclose(information[[0, 1, 4, 19, 99, 399]], published, rtol=0, atol=5.1e-6)
    close(information[-1], drift.residual_information(weights / 2, binary((nodes + 1) / 2)))
    np.testing.assert_allclose(information[-1], np.log(2) - 0.5, rtol=0, atol=1e-9)  # the quadrature of p ln p near 0
    assert (np.diff(information) <= 1e-15).all()


def test_fixation():
    """Exact times 67.517 (n = 50) and 98.267 (n = 100, p = .2), the diffusion 2 % above; P(fixation in i) = z_i."""
    fifty, hundred = drift.neutral_kernel(50), drift.neutral_kernel(100)
    times = drift.fixation_time(fifty)[25], drift.fixation_time(hundred)[20]
    close(times, [67.517, 98.267], atol=5e-4)
    diffusion = [
        drift.fixation_time_diffusion(50, [0.5, 0.5]),
        drift.fixation_time_diffusion(100, [0.2, 0.8]),
        drift.fixation_time_diffusion(100, np.full(10, 0.1)),
    ]
    close(diffusion, [69.3, 100.1, 189.6], atol=0.06)
    assert drift.fixation_time_diffusion(50, [1.0, 0.0]) == 0
    assert np.isfinite(jax.grad(partial(drift.fixation_time_diffusion, 50))(jnp.array([1.0, 0.0]))).all()
    for n, num_symbols in ((50, 2), (9, 3)):
        states = np.asarray(drift.lattice(n, num_symbols)) / n
        absorbed = np.asarray(drift.fixation_probabilities(drift.neutral_kernel(n, num_symbols)))
        close(absorbed.sum(1), 1)
        close(absorbed[:, states.max(1) < 1], 0)
        close(absorbed @ states, states)  # a martingale that ends on the corners


def test_fixation_time_is_the_sum_of_survival():
    """E τ = Σ_t P(τ > t)."""
    kernel = drift.neutral_kernel(8, 3)
    moving = np.diag(kernel) < 1
    alive = np.asarray(drift.distributions(np.eye(len(moving)), kernel, 400)) @ moving
    np.testing.assert_allclose(drift.fixation_time(kernel), alive.sum(0), rtol=1e-12)  # with a mean life of 8


def test_pointwise_information_averages_to_information():
    prior, probs = np.array([0.2, 0.5, 0.3]), np.asarray(starts(5, binary([0.0, 0.3, 0.9])))
    table = np.asarray(drift.pointwise_information(prior, probs))
    assert (np.isneginf(table) == (probs == 0)).all()
    average = (prior[:, None] * probs * np.where(probs > 0, table, 0)).sum()
    close(average, theory.mutual_information(prior[:, None] * probs))


def test_pointwise_information_of_subnormal_probabilities():
    """ln p(z|x)/p(z) where p(z|x) = 1e-40 in float32: ln 2, and finite wherever the state is reached."""
    table = drift.pointwise_information(np.float32([0.5, 0.5]), np.float32([[1, 1e-40], [1, 0]]))
    np.testing.assert_allclose(table, [[0, np.log(2)], [0, -np.inf]], rtol=1e-6)


def test_a_nearly_absorbing_state_keeps_its_digits():
    """E τ = 1/ε: 1 − T(s,s) has one digit at ε = 1e-15, the other entries of the row have all."""
    kernel = np.array([[1, 0], [1e-15, 1 - 1e-15]])
    np.testing.assert_allclose(drift.fixation_time(kernel), [0, 1e15], rtol=1e-12)
    close(drift.fixation_probabilities(kernel), [[1, 0], [1, 0]])


def test_one_symbol_has_one_state_however_many_samples():
    assert drift.num_states(2**53, 1) == 1
    for x64 in (True, False):
        with jax.enable_x64(x64):
            np.testing.assert_array_equal(drift.multinomial_kernel(2**40, [[1.0]]), [[1]])


def poisson(mean):
    """A branching process: every one of s has Poisson(mean) children."""
    return lambda source, target: scipy.stats.poisson.pmf(target, mean * source)


def test_truncated_branching_process():
    """P(Z_t = 0 | Z_0 = 1) = f(f(…f(0))), f(u) = e^{−.8(1−u)}; and ½ Σ |p − p'| ≤ E Σ ε(Z_i), against 400 states."""
    kernel, lost = drift.truncated(poisson(0.8), 40)
    close(kernel.sum(1), 1)
    close(lost, scipy.stats.poisson.sf(39, 0.8 * np.arange(40)))
    found = np.asarray(drift.distributions(np.eye(40)[[1]], kernel, 12))[:, 0]
    extinct = [0.0]
    for _ in range(12):
        extinct.append(np.exp(-0.8 * (1 - extinct[-1])))
    bound = np.append(0, np.cumsum(found @ np.asarray(lost))[:-1])
    assert (np.abs(found[:, 0] - extinct) <= bound + EXACT).all() and 0 < bound[-1] < 1e-3
    large = np.asarray(drift.distributions(np.eye(400)[[1]], drift.truncated(poisson(0.8), 400).kernel, 12))[:, 0]
    distance = (np.abs(large[:, :40] - found).sum(1) + large[:, 40:].sum(1)) / 2
    assert (distance <= bound + EXACT).all()


def test_truncated_table():
    """A random walk on 0, 1, … that stops at 0: only the last state of the first five leads out, half the time."""
    walk = (np.eye(9, k=1) + np.eye(9, k=-1)) / 2
    walk[0], walk[8] = np.eye(9)[0], np.eye(9)[8]
    kernel, lost = drift.truncated(walk, 5)
    np.testing.assert_array_equal(lost, [0, 0, 0, 0, 0.5])
    np.testing.assert_array_equal(kernel[:4], walk[:4, :5])
    np.testing.assert_array_equal(kernel[4], [0, 0, 0, 1, 0])
    whole = drift.truncated(walk, 9)
    np.testing.assert_array_equal(whole.kernel, walk)
    assert not whole.lost.any()


@pytest.mark.parametrize("n", [1, 2, 50, 127, 128, 700])
def test_banded_kernel_is_the_dense_one(n):
    """Ten standard deviations: each entry left out is below e^−50, so a row loses less than 1e-17."""
    dense, band = drift.neutral_kernel(n), drift.banded_kernel(n)
    first = starts(n, binary([0.0, 0.02, 0.4, 1.0]))
    exact, banded = drift.distributions(first, dense, 30), drift.distributions(first, band, 30)
    np.testing.assert_allclose(banded, exact, rtol=0, atol=1e-14)
    close(np.asarray(banded).sum(-1), 1)
    assert n < 700 or band.bands.size < 0.6 * dense.size  # of bands as wide as they need be
    prior = np.full(4, 0.25)
    close(drift.information(prior, first, band, 30), drift.information(prior, first, dense, 30))


def test_banded_kernel_of_general_distributions():
    """Selection: accept the first symbol always, the second half the time; and distributions that reach few targets."""
    n, count = 300, np.arange(301) / 300
    for p in (count / (count + (1 - count) / 2), np.full(301, 0.999), 0.4 + 0.2 * count):
        dense, band = drift.multinomial_kernel(n, binary(p)), drift.banded_kernel(n, binary(p))
        first = starts(n, binary([0.1, 0.5]))
        close(*(drift.distributions(first, kernel, 10) for kernel in (band, dense)), atol=1e-14)


def test_each_task_may_have_its_own_bands():
    band = drift.banded_kernel(50)
    swapped = band._replace(bands=band.bands[:, :, :] * 0 + jnp.eye(51, 128)[None])  # stays where it is
    both = drift.BandedKernel(*(jnp.stack(pair) for pair in zip(band, swapped, strict=True)))
    first = starts(50, binary([0.1, 0.5]))
    distributions = drift.distributions(first, both, 5)
    close(distributions[:, 0], drift.distributions(first, band, 5)[:, 0])
    close(distributions[5, 1], first[1])


def test_the_chain_is_compiled_once():
    first, kernel = starts(6, binary([0.2, 0.7])), drift.neutral_kernel(6)
    drift.information([0.5, 0.5], first, kernel, 5)
    before = chain._information._cache_size()
    for prior in ([0.5, 0.5], [0.1, 0.9]):
        drift.information(prior, np.asarray(first), np.asarray(kernel), 5)
    assert chain._information._cache_size() == before


def test_information_is_differentiable():
    """The slope of I(X;Z_3) in the second task agrees with finite differences, and vmap with a loop."""
    kernel = drift.neutral_kernel(5)

    def last(p):
        first = jnp.stack([drift.initial(5, jnp.array([0.2, 0.8])), drift.initial(5, jnp.stack([p, 1 - p]))])
        return drift.information(jnp.array([0.5, 0.5]), first, kernel, 3)[-1]

    slope = (last(0.6 + 1e-5) - last(0.6 - 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.grad(last)(0.6), slope, atol=1e-9)  # step²
    np.testing.assert_allclose(jax.vmap(last)(jnp.array([0.3, 0.6])), [last(0.3), last(0.6)], atol=EXACT)
