"""One contract for all models."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import CASES, CHAIN, FLOAT32, agrees, array, close, densities, errors, every, half_weights, names, same

import sandbox

every_model = every()
every_iid_model = every(lambda case: not case.path)
every_likeliest_fit = every(lambda case: not {"smoothing", "unbiased"} & set(case.options))
N = 60


def tail_or_scattered(case, n):
    """Where the weight is 0: anywhere, but at the end of a path, whose transitions need both their ends."""
    return np.arange(n) >= n - 20 if case.path else np.random.default_rng(1).permutation(n) < 20


@every_model
def test_a_model_is_a_named_tuple_of_arrays_whose_shapes_a_fit_keeps(case):
    """And only a mixture needs more than its statistics."""
    model = case.model
    assert isinstance(model, sandbox.Model) and isinstance(model, tuple)
    assert isinstance(model, sandbox.ExponentialFamily) != isinstance(model, sandbox.GaussianMixture)
    for n in (N, 1):
        x = case.sample(0, n)
        discrete = jnp.issubdtype(x.dtype, jnp.integer)
        assert x.shape == ((n,) if discrete else (n, model[-1].shape[-1]))
        log_prob, fitted = model.log_prob(x), case.fit(x)
        assert log_prob.shape == (n,) and type(fitted) is type(model)
        assert {leaf.dtype for leaf in (*model, log_prob, *[x] * (not discrete))} == {jnp.dtype(jnp.float64)}
        assert [(leaf.shape, leaf.dtype) for leaf in fitted] == [(leaf.shape, leaf.dtype) for leaf in model]
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in (log_prob, *fitted))


@every_model
def test_float32_in_float32_out(case):
    model = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), case.model)
    x = case.sample(0, N, model)
    assert x.dtype in (jnp.float32, jnp.int32)
    assert model.log_prob(x).dtype == jnp.float32
    for weights in (jnp.ones(N, jnp.float32), jnp.ones(N, jnp.float64)):
        fitted = case.fit(x, weights, model)
        assert all(leaf.dtype == jnp.float32 for leaf in fitted)


@every_model
def test_the_key_alone_decides_a_sample(case):
    same(case.sample(3, N), case.sample(3, N))
    same(case.sample(3, N), case.sample(3, N, key=jax.random.PRNGKey))
    assert not np.array_equal(case.sample(3, N), case.sample(4, N))


@every_model
def test_a_batch_of_models_equals_one_by_one(case):
    keys = jax.random.split(jax.random.key(5), 3)
    fits = [case.fit(case.sample(seed, N)) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *fits)
    batch = jax.jit(jax.vmap(lambda model, key: model.sample(key, N)))(stacked, keys)
    close(batch, jnp.stack([case.sample(i, N, fits[i], key=keys.__getitem__) for i in range(3)]), FLOAT32)


@every_model
def test_a_sample_of_weight_0_changes_nothing(case):
    """Bit for bit whatever its value, and to rounding as if it were not there; one of weight 1e-3 does."""
    x, dropped = np.array(case.sample(0, N)), tail_or_scattered(case, N)
    weights = np.where(dropped, 0, half_weights(N))
    fitted = case.fit(jnp.asarray(x), array(weights))
    for value in (np.nan, np.inf, -1e300, 0) if x.dtype.kind == "f" else [None]:
        changed = x.copy()
        changed[dropped] = (x[dropped] + 1) % 3 if value is None else value
        assert not np.array_equal(x, changed)
        same(case.fit(jnp.asarray(changed), array(weights)), fitted)
    rest = case.fit(jnp.asarray(x[~dropped]), array(weights[~dropped]))
    close(fitted, rest)
    accepted = case.fit(jnp.asarray(x), array(np.where(dropped, 1e-3, weights)))
    assert not all(np.allclose(a, b, rtol=1e-9) for a, b in zip(accepted, rest, strict=True))


@every_model
@pytest.mark.parametrize("value", [None, np.nan], ids=["any", "nan"])
def test_all_weights_0_give_self(case, value):
    x = case.sample(0, N)
    if value is not None and jnp.issubdtype(x.dtype, jnp.floating):
        x = x * value
    same(case.fit(x, jnp.zeros(N)), case.model)


@every_iid_model
def test_weight_2_is_two_samples_in_any_order(case):
    x, order = case.sample(0, N), np.random.default_rng(0).permutation(N + 10)
    close(case.fit(x, jnp.ones(N).at[:10].set(2)), case.fit(jnp.concatenate([x, x[:10]])[order]), 1e-10)


@every_model
def test_fit_recovers_the_truth(case):
    """The mean of 64 fits to 2000 samples each is within 5 standard errors of the model that drew them."""
    keys = jax.random.split(jax.random.key(8), 64)
    n = 2000

    @jax.jit
    @jax.vmap
    def refit(key):
        return type(case.model).fit(case.model, case.model.sample(key, n), jnp.ones(n), **case.options)

    for name, fits, truth in zip(case.model._fields, refit(keys), case.model, strict=True):
        if name == "initial":  # a path has one first symbol
            smoothing = case.options.get("smoothing", 0)
            truth = (truth + smoothing) / (1 + smoothing * truth.size)
        agrees(fits, truth)
        assert name == "initial" or np.abs(errors(fits, truth * 1.1)).max() > 5


@every_likeliest_fit
def test_a_likeliest_fit_beats_its_neighbours(case):
    """Σ w ln p(x) at the fit is the largest among small moves of every parameter."""
    x, weights = case.sample(0, 200), half_weights(200)
    fitted = case.model
    for _ in range(100 if isinstance(case.model, sandbox.GaussianMixture) else 1):
        fitted = case.fit(x, weights, fitted)
    free = jnp.tril(jnp.ones_like(fitted[-1])) if "scale" in fitted._fields[-1] else None
    if case.options.get("diagonal"):
        free = jnp.broadcast_to(jnp.eye(2), fitted.scales.shape)

    def moved(key):
        def move(name, leaf, key):
            if name == "prompts":  # which no fit changes
                return leaf
            step = 0.02 * jax.random.normal(key, leaf.shape)
            if name in ("probs", "weights", "initial", "transition"):
                return jnp.where(leaf > 0, leaf * jnp.exp(step), 0) / (leaf * jnp.exp(step)).sum(-1, keepdims=True)
            return leaf + (step * free if "scale" in name else step)

        keys = jax.random.split(key, len(fitted))
        return type(fitted)(*map(move, fitted._fields, fitted, keys))

    def likelihood(model):
        log_prob = model.log_prob(x)
        return jnp.where(weights > 0, weights * log_prob, 0).sum()

    neighbours = jax.jit(jax.vmap(lambda key: likelihood(moved(key))))(jax.random.split(jax.random.key(1), 100))
    assert float(likelihood(fitted)) > float(neighbours.max())
    assert float(likelihood(fitted)) > float(likelihood(case.model))


def test_log_prob_by_hand():
    """ln p(x_i), of a chain ln p(x_i | x_{i−1})."""
    categorical = CASES[0].model
    np.testing.assert_allclose(categorical.log_prob(jnp.array([2, 0])), np.log([0.15, 0.5]), rtol=1e-15)
    assert sandbox.Categorical(array([1.0, 0.0])).log_prob(jnp.array([1])).tolist() == [-np.inf]
    expected = np.log([0.3, 0.3, 0.5, 0.25])
    np.testing.assert_allclose(CHAIN.log_prob(jnp.array([1, 2, 2, 0])), expected, rtol=1e-14)


@pytest.mark.parametrize("case", CASES[2:8], ids=names)
def test_log_prob_of_points(case):
    x = case.sample(0, 50) * 2
    close(case.model.log_prob(x), np.log(densities(case.model, x).sum(0)), 1e-11)


def entropy(case, n):
    """H of n samples, in nats, without log_prob."""
    model = case.model
    match model:
        case sandbox.Categorical():
            return n * scipy.stats.entropy(model.probs)
        case sandbox.PromptedCategorical():
            return n * scipy.stats.entropy((model.prompts[:, None] * model.probs).ravel())
        case sandbox.Gaussian():
            return n * scipy.stats.multivariate_normal(model.mean, np.asarray(model.scale @ model.scale.T)).entropy()
        case sandbox.MarkovChain():
            pmf, total = np.asarray(model.initial), scipy.stats.entropy(model.initial)
            rows = scipy.stats.entropy(model.transition, axis=1)
            for _ in range(n - 1):
                total, pmf = total + pmf @ rows, pmf @ model.transition
            return total
    d = model.means.shape[1]
    axis = np.arange(-15, 15, 0.1)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    return n * scipy.special.entr(densities(model, grid).sum(0)).sum() * 0.1**d


@every_model
def test_the_mean_log_prob_is_the_entropy(case):
    """−E ln p(x_1 … x_n) = H."""
    n = 10
    keys = jax.random.split(jax.random.key(2), 4000)
    surprise = jax.jit(jax.vmap(lambda key: -case.model.log_prob(case.model.sample(key, n)).sum()))(keys)
    agrees(surprise, entropy(case, n))


@every(lambda case: not case.path and not isinstance(case.model, sandbox.GaussianMixture))
def test_statistics_add_up(case):
    x, weights = case.sample(0, N), half_weights(N)
    parts = [case.model.statistics(x[i], weights[i]) for i in (slice(0, 25), slice(25, N))]
    total = jax.tree.map(jnp.add, *parts)
    close(total, case.model.statistics(x, weights))
    close(case.model.fit_statistics(total, **case.options), case.fit(x, weights))


def test_statistics_of_two_paths_add_up_without_a_transition_between_them():
    first, second = jnp.array([0, 1, 2]), jnp.array([0, 2])
    ones = CHAIN.statistics(first, jnp.ones(3)), CHAIN.statistics(second, jnp.ones(2))
    total = jax.tree.map(jnp.add, *ones)
    np.testing.assert_array_equal(total.transition, [[0, 1, 1], [0, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(total.initial, [2, 0, 0])
