"""Bounds on I(X;D) where the law of D is known only through simulated models."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import table_log_likelihood

import theory
from theory.estimators import sandwich

TASKS, STATES, SYMBOLS = 3, 5, 6


def problem(key, num_models, num_data):
    """Random p(x), p(z|x), p(d|z), the exact I(X;D), simulated models [x, l, d] and the data of the first [x, r]."""
    keys = jax.random.split(key, 5)
    prior, weights, channel = (
        jax.nn.softmax(2 * jax.random.normal(k, shape, float), axis=-1)
        for k, shape in zip(keys, ((TASKS,), (TASKS, STATES), (STATES, SYMBOLS)), strict=False)
    )
    z = jax.vmap(lambda key, w: jax.random.categorical(key, jnp.log(w), shape=(num_models,)))(
        jax.random.split(keys[3], TASKS), weights
    )
    models = channel[z]
    data = jax.random.categorical(keys[4], jnp.log(models[:, :num_data]), axis=-1)
    return prior, theory.mutual_information(prior[:, None] * (weights @ channel)), data, models


def solved(key, num_models=40, num_data=30):
    prior, exact, data, models = problem(key, num_models, num_data)
    bounds = sandwich(table_log_likelihood, data, models, prior).bounds
    return exact, bounds.bracket()


@pytest.fixture(scope="module")
def many():
    """512 random problems of their own."""
    return jax.jit(jax.vmap(solved))(jax.random.split(jax.random.key(0), 512))


def test_contains_the_exact_information(many):
    """E[ln p̂_out(d|x) − ln p̂_in(d)] ≤ I(X;D) ≤ E[ln p̂_in(d|x) − ln p̂_out(d)], within 5 errors."""
    exact, (lower, upper) = many
    assert ((exact - lower.mean) / lower.stderr).min() > -5
    assert ((upper.mean - exact) / upper.stderr).min() > -5
    # and on average over the problems, where sampling error no longer hides a bound on the wrong side
    for gap in (exact - lower.mean, upper.mean - exact):
        average = theory.estimate(gap)
        assert average.mean > 5 * average.stderr


def test_swapped_ends_are_no_bounds(many):
    """The twin: taking the own model in where it must be left out puts each end on the wrong side."""
    exact, (lower, upper) = many
    for gap in (exact - upper.mean, lower.mean - exact):
        average = theory.estimate(gap)
        assert average.mean < -5 * average.stderr


def test_standard_error_counts_the_shared_models():
    """Over 2000 repeats of one problem the spread of each end is its standard error; the plain one is too small."""

    weights = jax.nn.softmax(2 * jax.random.normal(jax.random.key(1), (TASKS, STATES), float))
    channel = jax.nn.softmax(2 * jax.random.normal(jax.random.key(2), (STATES, SYMBOLS), float))

    @jax.jit
    @jax.vmap
    def repeat(key):
        model_key, data_key = jax.random.split(key)
        models = channel[jax.random.categorical(model_key, jnp.log(weights)[:, None], shape=(TASKS, 30))]
        data = jax.random.categorical(data_key, jnp.log(models), axis=-1)
        return [*map(theory.estimate, sandwich(table_log_likelihood, data, models).bounds)]

    for end in repeat(jax.random.split(jax.random.key(3), 2000)):
        ratio = float(end.mean.std(ddof=1) ** 2 / (end.stderr**2).mean())
        assert abs(ratio - 1) < 0.16  # 5 errors of a variance from 2000 values; it is also off by some 1/L


@pytest.mark.slow
def test_standard_error_is_that_of_the_jackknife():
    """(L−1)/L Σ_j (θ_{−j} − mean)², θ_{−j} without replica j of any task, on 150 normal models a task."""
    num_models, width = 150, 0.3
    z = jnp.array([[0.0], [1.0]]) + jax.random.normal(jax.random.key(20), (2, num_models), float)
    d = z + width * jax.random.normal(jax.random.key(21), (2, num_models), float)
    log_likelihood = partial(normal_log_likelihood, width)

    def ends(keep):
        return jnp.stack([end.mean() for end in sandwich(log_likelihood, d[:, keep], z[:, keep]).bounds])

    without = jax.vmap(ends)(jnp.stack([jnp.delete(jnp.arange(num_models), j) for j in range(num_models)]))
    jackknife = (num_models - 1) ** 0.5 * np.std(without, axis=0)
    found = [end.stderr for end in sandwich(log_likelihood, d, z).bounds.bracket()]
    np.testing.assert_allclose(found, jackknife, rtol=0.03)  # they differ by some 1/50, one over the effective models


@pytest.mark.slow
def test_matches_the_closed_form():
    """The mean of a normal law refitted, I(X;D_t) = I(X;Z_{t+1}), D_t given as its sufficient mean, in 1e-2."""
    n, t, num_models = 10, 3, 2000
    tasks = jnp.linspace(-1, 1, 8)
    keys = jax.random.split(jax.random.key(4), 3)
    spread = ((t + 1) / n) ** 0.5
    models = tasks[:, None] + spread * jax.random.normal(keys[0], (8, num_models), float)
    means = models + n**-0.5 * jax.random.normal(keys[1], (8, num_models), float)

    def log_likelihood(data, z):
        return -n * (data[:, None] - z[None, :]) ** 2 / 2

    lower, upper = sandwich(log_likelihood, means, models).bounds.bracket()
    prior = theory.gaussian.Finite(tasks, jnp.full(8, 1 / 8))
    fitted = jnp.repeat(means[:, :, None], t + 2, 2).reshape(-1, t + 2)
    values = theory.gaussian.mean_pointwise_information(jnp.repeat(tasks, num_models), fitted, n, prior)[:, t + 1]
    exact = values.reshape(8, -1).mean(0)
    for end, sign in ((lower, -1), (upper, 1)):
        assert sign * float(end.mean - exact.mean()) > -5 * float(end.stderr)
        assert abs(float(end.mean - exact.mean())) < 1e-2
    assert abs(theory.estimate(exact).stderr - lower.stderr) < 0.2 * lower.stderr


@pytest.mark.slow
def test_blocks_do_not_matter():
    prior, _, data, models = problem(jax.random.key(5), 20, 14)
    whole = sandwich(table_log_likelihood, data, models, prior)
    parts = sandwich(table_log_likelihood, data, models, prior, block=5 * TASKS * 20)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-12), whole, parts)


def test_single_precision():
    prior, _, data, models = problem(jax.random.key(5), 20, 14)
    double = sandwich(table_log_likelihood, data, models, prior)
    single = sandwich(table_log_likelihood, data, models.astype(jnp.float32), prior)
    assert single.bounds.lower.dtype == jnp.float32
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4), single, double)


def test_known_laws_need_no_bounds():
    """Where all models of a task are the same, both ends are the plain average of ln p(d|x)/p(d)."""
    prior, _, data, models = problem(jax.random.key(6), 50, 50)
    models = jnp.broadcast_to(models[:, :1], models.shape)
    found = sandwich(table_log_likelihood, data, models, prior)
    log_likelihood = jnp.log(models[:, 0])[:, data]  # [x', x, r]
    values = theory.stratified_information(jnp.moveaxis(log_likelihood, (0, 1, 2), (2, 1, 0)), prior)
    for end in found.bounds:
        np.testing.assert_allclose(theory.estimate(end).mean, values.mean(), rtol=1e-12)
        # a model adds nothing to its own data set's left-out average: a difference of order 1/L
        np.testing.assert_allclose(theory.estimate(end).stderr, theory.estimate(values).stderr, rtol=1 / 50)
    assert found.effective == pytest.approx(49)


@pytest.mark.slow
def test_more_models_tighten():
    width = [solved(jax.random.key(7), num_models, 30)[1].width for num_models in (40, 400)]
    assert width[1] < width[0] / 5


@pytest.mark.slow
def test_more_models_than_data():
    """Data sets of the first models only: over 512 problems, the middle of the bracket strays by its standard error."""
    exact, (lower, upper) = jax.jit(jax.vmap(partial(solved, num_models=60, num_data=15)))(
        jax.random.split(jax.random.key(8), 512)
    )
    error = (lower.mean + upper.mean) / 2 - exact
    ratio = float((error**2).mean() / ((lower.stderr + upper.stderr) ** 2 / 4).mean())
    assert abs(ratio - 1) < 5 * (2 / 512) ** 0.5


def test_a_constant_of_each_data_set_changes_nothing():
    """Also where the other tasks cannot have made it, and the likelihood is far below what a float can hold."""
    channel = jnp.asarray([[0.7, 0.3, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0.1, 0.9]])
    models = channel.reshape(2, 2, 4).repeat(20, 1)
    data = jax.random.categorical(jax.random.key(10), jnp.log(models), axis=-1)

    def shifted(data, models):
        return table_log_likelihood(data, models) - 2000

    plain, far = (sandwich(f, data, models) for f in (table_log_likelihood, shifted))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9), plain, far)
    assert plain.bounds.lower.mean() == pytest.approx(np.log(2), abs=0.03)


@pytest.mark.parametrize("num_data", [2, 5])
def test_few_data_sets_have_a_large_error(num_data):
    """stderr² of r data sets is unbiased: over 4000 repeats of one problem its mean is the variance of an end."""
    channel = jax.nn.softmax(2 * jax.random.normal(jax.random.key(2), (TASKS, SYMBOLS), float))
    models = jnp.broadcast_to(channel[:, None], (TASKS, 30, SYMBOLS))  # all of a task the same: data alone vary

    @jax.jit
    @jax.vmap
    def repeat(key):
        data = jax.random.categorical(key, jnp.log(models[:, :num_data]), axis=-1)
        return theory.estimate(sandwich(table_log_likelihood, data, models).bounds.lower)

    found = repeat(jax.random.split(jax.random.key(11), 4000))
    assert float((found.stderr**2).mean() / found.mean.var(ddof=1)) == pytest.approx(1, abs=0.15)


def test_says_when_it_is_loose():
    """Models so precise that each data set has one of its own, where the exact information is 0 and H(X) = ln 2."""
    scale = {"sharp": 1e-3, "blunt": 1.0}
    found = {}
    for name, width in scale.items():
        z = jax.random.normal(jax.random.key(12), (2, 100), float)
        d = z + width * jax.random.normal(jax.random.key(13), (2, 100), float)
        found[name] = sandwich(partial(normal_log_likelihood, width), d, z)
    assert found["sharp"].loose and not found["blunt"].loose
    assert found["sharp"].bounds.bracket().width > 1 > 10 * found["blunt"].bounds.bracket().width


def normal_log_likelihood(width, data, models):
    return -(((data[:, None] - models[None, :]) / width) ** 2) / 2
