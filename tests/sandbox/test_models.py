"""One contract for all models, and an oracle for each."""

import itertools
import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sandbox
import scipy.stats
import sklearn.exceptions
import sklearn.mixture
from cases import (
    CASES,
    CHAIN,
    DIAGONAL,
    FULL,
    GAUSSIAN_1,
    GAUSSIAN_3,
    IID,
    LIKELIEST,
    MIXTURE_1,
    agrees,
    array,
    close,
    errors,
    names,
    same,
)

every_model = pytest.mark.parametrize("case", CASES, ids=names)
every_iid_model = pytest.mark.parametrize("case", IID, ids=names)
every_likeliest_fit = pytest.mark.parametrize("case", LIKELIEST, ids=names)
N = 60


def half_weights(n, seed=0):
    """Weights in [0, 1], some of them 0 and some 1."""
    return array(np.clip(np.random.default_rng(seed).uniform(-0.3, 1.3, n), 0, 1))


def tail_or_scattered(case, n):
    """Where the weight is 0: anywhere, but at the end of a path, whose transitions need both their ends."""
    return np.arange(n) >= n - 20 if case.path else np.random.default_rng(1).permutation(n) < 20


# the roles


@every_model
def test_a_model_is_a_named_tuple_of_arrays(case):
    assert isinstance(case.model, sandbox.Model)
    assert isinstance(case.model, tuple)
    assert all(isinstance(getattr(case.model, name), jax.Array) for name in case.model._fields)
    assert type(case.fit(case.sample(0, N))) is type(case.model)


@every_model
def test_only_a_mixture_needs_more_than_its_statistics(case):
    assert isinstance(case.model, sandbox.ExponentialFamily) != isinstance(case.model, sandbox.GaussianMixture)


@every_model
def test_a_model_checks_its_own_parameters(case):
    case.model.check()


@every_model
def test_shapes_and_dtypes(case):
    x = case.sample(0, N)
    discrete = jnp.issubdtype(x.dtype, jnp.integer)
    assert x.shape == ((N,) if discrete else (N, case.model[-1].shape[-1]))
    assert discrete or x.dtype == jnp.float64
    log_prob = case.model.log_prob(x)
    assert log_prob.shape == (N,)
    assert log_prob.dtype == jnp.float64
    assert bool(jnp.isfinite(log_prob).all())
    fitted = case.fit(x)
    assert [(leaf.shape, leaf.dtype) for leaf in fitted] == [(leaf.shape, leaf.dtype) for leaf in case.model]


@every_model
def test_float32_in_float32_out(case):
    model = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), case.model)
    x = case.sample(0, N, model)
    assert x.dtype in (jnp.float32, jnp.int32)
    assert model.log_prob(x).dtype == jnp.float32
    for weights in (jnp.ones(N, jnp.float32), jnp.ones(N, jnp.float64)):
        fitted = type(model).fit(model, x, weights, **case.options)
        assert all(leaf.dtype == jnp.float32 for leaf in fitted)


# sample


@every_model
def test_the_key_alone_decides_a_sample(case):
    same(case.sample(3, N), case.sample(3, N))
    same(case.sample(3, N), case.sample(3, N, key=jax.random.PRNGKey))
    assert not np.array_equal(case.sample(3, N), case.sample(4, N))


@every_model
def test_a_batch_of_keys_equals_one_by_one(case):
    keys = jax.random.split(jax.random.key(5), 6)
    sample = partial(type(case.model).sample, case.model, n=N)
    same(jax.jit(jax.vmap(sample))(keys), jnp.stack([jax.jit(sample)(key) for key in keys]))


@every_model
def test_a_batch_of_models_equals_one_by_one(case):
    keys = jax.random.split(jax.random.key(5), 3)
    fits = [case.fit(case.sample(seed, N)) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *fits)
    batch = jax.vmap(lambda model, key: model.sample(key, N))(stacked, keys)
    close(batch, jnp.stack([model.sample(key, N) for model, key in zip(fits, keys, strict=True)]))


@every_model
def test_one_sample_is_accepted(case):
    x = case.sample(0, 1)
    fitted = case.fit(x)
    assert x.shape[0] == 1
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in fitted)


# fit


@every_model
def test_fit_is_deterministic(case):
    x = case.sample(0, N)
    same(case.fit(x, half_weights(N)), case.fit(x, half_weights(N)))


@every_model
@pytest.mark.parametrize("value", [np.nan, np.inf, -1e300, 0], ids=str)
def test_a_sample_of_weight_0_changes_nothing(case, value):
    """Bit for bit, whatever its value."""
    x = np.array(case.sample(0, N))
    dropped = tail_or_scattered(case, N)
    weights = array(np.where(dropped, 0, half_weights(N)))
    changed = x.copy()
    changed[dropped] = value if x.dtype.kind == "f" else (x[dropped] + 1) % 3
    assert not np.array_equal(x, changed)
    same(case.fit(jnp.asarray(x), weights), case.fit(jnp.asarray(changed), weights))


@every_model
def test_dropping_samples_equals_weight_0(case):
    x = np.array(case.sample(0, N))
    dropped = tail_or_scattered(case, N)
    weights = np.where(dropped, 0, half_weights(N))
    rest = case.fit(jnp.asarray(x[~dropped]), array(weights[~dropped]))
    close(case.fit(jnp.asarray(x), array(weights)), rest)
    kept = case.fit(jnp.asarray(x), array(np.where(dropped, 1e-3, weights)))
    assert not all(np.allclose(a, b, rtol=1e-9) for a, b in zip(kept, rest, strict=True))


@every_model
@pytest.mark.parametrize("value", [None, np.nan], ids=["any", "nan"])
def test_all_weights_0_give_self(case, value):
    x = case.sample(0, N)
    if value is not None and jnp.issubdtype(x.dtype, jnp.floating):
        x = x * value
    same(case.fit(x, jnp.zeros(N)), case.model)


@every_iid_model
def test_weight_2_is_two_samples(case):
    x = case.sample(0, N)
    weights = jnp.ones(N).at[:10].set(2)
    close(case.fit(x, weights), case.fit(jnp.concatenate([x, x[:10]])), 1e-10)


@every_iid_model
def test_the_order_of_the_samples_does_not_matter(case):
    x, order = case.sample(0, N), np.random.default_rng(0).permutation(N)
    close(case.fit(x), case.fit(x[order]), 1e-10)


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
            step = 0.02 * jax.random.normal(key, leaf.shape)
            if name in ("probs", "weights", "initial", "transition"):
                return jnp.where(leaf > 0, leaf * jnp.exp(step), 0) / (leaf * jnp.exp(step)).sum(-1, keepdims=True)
            return leaf + (step * free if "scale" in name else step)

        keys = jax.random.split(key, len(fitted))
        return type(fitted)(*map(move, fitted._fields, fitted, keys))

    def likelihood(model):
        log_prob = model.log_prob(x)
        return jnp.where(weights > 0, weights * log_prob, 0).sum()

    neighbours = jax.vmap(lambda key: likelihood(moved(key)))(jax.random.split(jax.random.key(1), 100))
    assert float(likelihood(fitted)) > float(neighbours.max())
    assert float(likelihood(fitted)) > float(likelihood(case.model))


# log_prob


@pytest.mark.parametrize("model", [GAUSSIAN_1, MIXTURE_1, FULL, DIAGONAL], ids=["d=1", "mixture", "full", "diagonal"])
def test_a_density_integrates_to_1(model):
    """∫ p(x) dx = 1, by the trapezoidal rule, which is exact to rounding for a smooth density."""
    d = model[1].shape[-1]
    axis = np.arange(-15, 15, 0.1)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    assert np.exp(model.log_prob(array(grid))).sum() * 0.1**d == pytest.approx(1, abs=1e-12)


def test_probabilities_sum_to_1():
    """Σ_x p(x) = 1 over symbols, and over all paths of a chain."""
    categorical = CASES[0].model
    assert np.exp(categorical.log_prob(jnp.arange(4))).sum() == pytest.approx(1, abs=1e-14)
    paths = [jnp.asarray(path) for path in itertools.product(range(3), repeat=4)]
    assert sum(np.exp(CHAIN.log_prob(path).sum()) for path in paths) == pytest.approx(1, abs=1e-14)


def test_log_prob_of_a_categorical():
    np.testing.assert_allclose(CASES[0].model.log_prob(jnp.array([2, 0])), np.log([0.15, 0.5]), rtol=1e-15)
    lost = sandbox.Categorical(array([1.0, 0.0]))
    assert float(lost.log_prob(jnp.array([1]))[0]) == -np.inf


def test_log_prob_of_a_chain():
    """log_prob[i] = ln p(x_i | x_{i−1})."""
    expected = np.log([0.3, 0.3, 0.5, 0.25])
    np.testing.assert_allclose(CHAIN.log_prob(jnp.array([1, 2, 2, 0])), expected, rtol=1e-14)


@pytest.mark.parametrize("model", [GAUSSIAN_1, GAUSSIAN_3], ids=["d=1", "d=3"])
def test_log_prob_of_a_gaussian(model):
    x = model.sample(jax.random.key(0), 50) * 2
    oracle = scipy.stats.multivariate_normal(model.mean, np.asarray(model.scale @ model.scale.T))
    close(model.log_prob(x), np.atleast_1d(oracle.logpdf(x)))
    if model.mean.size == 1:
        close(model.log_prob(x), scipy.stats.norm(1.5, 0.7).logpdf(x)[:, 0])


@pytest.mark.parametrize("model", [MIXTURE_1, FULL, DIAGONAL], ids=["d=1", "full", "diagonal"])
def test_log_prob_of_a_mixture(model):
    x = model.sample(jax.random.key(0), 50) * 2
    parts = [
        weight * scipy.stats.multivariate_normal(mean, np.asarray(scale @ scale.T)).pdf(x)
        for weight, mean, scale in zip(*map(np.asarray, model), strict=True)
    ]
    close(model.log_prob(x), np.log(sum(parts)), 1e-11)


def entropy(case, n):
    """H of n samples, in nats, without log_prob."""
    model = case.model
    match model:
        case sandbox.Categorical():
            return n * scipy.stats.entropy(model.probs)
        case sandbox.Gaussian():
            return n * scipy.stats.multivariate_normal(model.mean, np.asarray(model.scale @ model.scale.T)).entropy()
        case sandbox.MarkovChain():
            law, total = np.asarray(model.initial), scipy.stats.entropy(model.initial)
            rows = scipy.stats.entropy(model.transition, axis=1)
            for _ in range(n - 1):
                total, law = total + law @ rows, law @ model.transition
            return total
    d = model.means.shape[1]
    axis = np.arange(-15, 15, 0.1)
    grid = np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d)
    pdf = sum(
        weight * scipy.stats.multivariate_normal(mean, np.asarray(scale @ scale.T)).pdf(grid)
        for weight, mean, scale in zip(*map(np.asarray, model), strict=True)
    )
    return n * scipy.special.entr(pdf).sum() * 0.1**d


@every_model
def test_the_mean_log_prob_is_the_entropy(case):
    """−E ln p(x_1 … x_n) = H."""
    n = 10
    keys = jax.random.split(jax.random.key(2), 4000)
    surprise = jax.jit(jax.vmap(lambda key: -case.model.log_prob(case.model.sample(key, n)).sum()))(keys)
    agrees(surprise, entropy(case, n))


# an exponential family


@pytest.mark.parametrize("case", [c for c in IID if not isinstance(c.model, sandbox.GaussianMixture)], ids=names)
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


def test_statistics_far_from_the_origin_do_not_cancel():
    """Σ w (x − m)(x − m)' about a point near the data, where Σ x² − (Σ x)²/W would lose every digit."""
    model = GAUSSIAN_1._replace(mean=array([1e8]))
    x = model.sample(jax.random.key(0), 1000)
    np.testing.assert_allclose(model.fit(x, jnp.ones(1000)).scale[0, 0], np.asarray(x).std(), rtol=1e-10)


# Categorical and MarkovChain


def test_a_categorical_fit_is_the_shares():
    fitted = CASES[0].model.fit(jnp.array([0, 0, 1, 3]), array([1, 0.5, 0.5, 0]))
    np.testing.assert_allclose(fitted.probs, [0.75, 0.25, 0, 0], rtol=1e-15)


def test_smoothing():
    """(c_k + λ) / (Σ c + λ K)."""
    fitted = CASES[0].model.fit(jnp.array([0, 0, 1]), jnp.ones(3), smoothing=0.5)
    np.testing.assert_allclose(fitted.probs, np.array([2.5, 1.5, 0.5, 0.5]) / 5, rtol=1e-15)
    fitted = CHAIN.fit(jnp.array([0, 0, 1]), jnp.ones(3), smoothing=0.5)
    np.testing.assert_allclose(fitted.initial, np.array([1.5, 0.5, 0.5]) / 2.5, rtol=1e-15)
    np.testing.assert_allclose(fitted.transition[0], np.array([1.5, 1.5, 0.5]) / 3.5, rtol=1e-15)


def test_a_state_that_nothing_leaves_keeps_its_row():
    fitted = CHAIN.fit(jnp.array([0, 0, 1, 0]), jnp.ones(4))
    same(fitted.transition[2], CHAIN.transition[2])
    np.testing.assert_allclose(fitted.transition[:2], [[0.5, 0.5, 0], [1, 0, 0]], rtol=1e-15)


def test_a_chain_samples_its_law_at_every_step():
    """P(x_t = k) = (initial · transition^t)_k."""
    keys = jax.random.split(jax.random.key(3), 20000)
    paths = np.asarray(jax.vmap(lambda key: CHAIN.sample(key, 4))(keys))
    law = np.asarray(CHAIN.initial)
    for t in range(4):
        agrees(np.eye(3)[paths[:, t]], law)
        law = law @ CHAIN.transition


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


@pytest.mark.parametrize("family", [CASES[0].model, CHAIN], ids=["categorical", "chain"])
@pytest.mark.parametrize("smoothing", [-1.0, np.nan, np.inf])
def test_bad_smoothing(family, smoothing):
    with pytest.raises(ValueError, match="smoothing"):
        family.fit(jnp.zeros(3, jnp.int32), jnp.ones(3), smoothing=smoothing)


# Gaussian


@pytest.mark.parametrize("unbiased", [False, True])
@pytest.mark.parametrize("model", [GAUSSIAN_1, GAUSSIAN_3], ids=["d=1", "d=3"])
def test_a_gaussian_fit_is_the_weighted_covariance(model, unbiased):
    """Σ w (x − mean)(x − mean)' / (W − ddof), against numpy."""
    x, weights = np.asarray(model.sample(jax.random.key(0), 40)), np.asarray(half_weights(40))
    fitted = model.fit(array(x), array(weights), unbiased=unbiased)
    centred = x - np.average(x, axis=0, weights=weights)
    expected = (weights[:, None] * centred).T @ centred / (weights.sum() - unbiased)
    close(fitted.mean, np.average(x, axis=0, weights=weights))
    close(fitted.scale @ fitted.scale.T, expected)
    close(fitted.scale, np.linalg.cholesky(expected))
    whole = model.fit(array(x), jnp.ones(40), unbiased=unbiased)
    close(whole.scale @ whole.scale.T, np.atleast_2d(np.cov(x, rowvar=False, ddof=int(unbiased))))


def test_one_sample_has_no_unbiased_covariance():
    x = array([[1.0, 2, 3]])
    fitted = GAUSSIAN_3.fit(x, jnp.ones(1), unbiased=True)
    close(fitted.mean, x[0])
    same(fitted.scale, GAUSSIAN_3.scale)
    close(GAUSSIAN_3.fit(x, jnp.ones(1)), sandbox.Gaussian(x[0], jnp.zeros((3, 3))))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_singular_gaussian_is_no_nan(n):
    """From n < d + 1 samples the covariance has rank n − 1."""
    x = GAUSSIAN_3.sample(jax.random.key(0), n)
    fitted = GAUSSIAN_3.fit(x, jnp.ones(n))
    assert np.linalg.matrix_rank(np.asarray(fitted.scale), tol=1e-9) == n - 1
    close(fitted.scale @ fitted.scale.T, np.cov(x, rowvar=False, ddof=0) if n > 1 else np.zeros((3, 3)))
    again = fitted.sample(jax.random.key(1), 50)
    refitted = fitted.fit(again, jnp.ones(50))
    for value in (*fitted, again, *refitted, fitted.log_prob(again), fitted.log_prob(again + 1)):
        assert not bool(jnp.isnan(value).any())
    assert np.linalg.matrix_rank(np.asarray(refitted.scale), tol=1e-7) == n - 1


def test_a_collapsed_gaussian_is_a_point():
    point = sandbox.Gaussian(array([1.0, 2]), jnp.zeros((2, 2)))
    x = point.sample(jax.random.key(0), 5)
    same(x, jnp.broadcast_to(point.mean, (5, 2)))
    same(point.fit(x, jnp.ones(5)), point)
    same(point.log_prob(array([[1.0, 2], [1, 3]])), array([np.inf, -np.inf]))


@pytest.mark.parametrize("smallest", [1e-150, 1e-170, 1e-308, 5e-324])
def test_a_tiny_scale_is_no_nan(smallest):
    model = sandbox.Gaussian(array([0.0]), array([[smallest]]))
    x = model.sample(jax.random.key(0), 10)
    fitted = model.fit(x, jnp.ones(10))
    for value in (*fitted, model.log_prob(x), fitted.log_prob(x)):
        assert not bool(jnp.isnan(value).any())


@pytest.mark.parametrize(
    "model",
    [
        sandbox.Gaussian(array([0.0, 0]), array([[1.0]])),
        sandbox.Gaussian(array([0.0, 0]), array([[1.0, 0.5], [0.5, 1]])),
        sandbox.Gaussian(array([0.0]), array([[-1.0]])),
        sandbox.Categorical(array([0.5, 0.6])),
        sandbox.Categorical(array([1.5, -0.5])),
        sandbox.Categorical(array([])),
        CHAIN._replace(initial=array([1.0, 1, 1])),
        CHAIN._replace(transition=CHAIN.transition * 2),
        CHAIN._replace(initial=array([0.5, 0.5])),
        FULL._replace(weights=array([0.5, 0.6])),
        FULL._replace(means=FULL.means[:1]),
        FULL._replace(scales=-FULL.scales),
    ],
)
def test_check_names_the_model(model):
    with pytest.raises(ValueError, match=type(model).__name__):
        model.check()


# GaussianMixture


def sklearn_fit(x, start, steps, kind):
    precisions = np.linalg.inv(np.asarray(start.scales @ jnp.swapaxes(start.scales, 1, 2)))
    if kind == "diag":
        precisions = np.diagonal(precisions, axis1=1, axis2=2)
    oracle = sklearn.mixture.GaussianMixture(
        len(start.weights),
        covariance_type=kind,
        tol=0,
        reg_covar=0,
        max_iter=steps,
        weights_init=np.asarray(start.weights),
        means_init=np.asarray(start.means),
        precisions_init=precisions,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sklearn.exceptions.ConvergenceWarning)
        oracle.fit(np.asarray(x))
    covariances = oracle.covariances_
    return oracle.weights_, oracle.means_, covariances if kind == "full" else np.stack([np.diag(c) for c in covariances])


BAD_START = sandbox.GaussianMixture(
    array([0.5, 0.5]), array([[0.0, 0], [0.5, 0]]), array([[[2.0, 0], [0, 2]], [[1, 0], [0.3, 1]]])
)


@pytest.mark.parametrize("kind", ["full", "diag"])
@pytest.mark.parametrize("steps", [1, 25])
def test_em_equals_scikit_learn(kind, steps):
    """The same start and as many steps: an implementation that shares no code."""
    x = FULL.sample(jax.random.key(0), 300)
    start = BAD_START if kind == "full" else BAD_START._replace(scales=BAD_START.scales * jnp.eye(2)[None])
    fitted = start.fit(x, jnp.ones(300), steps=steps, diagonal=kind == "diag")
    weights, means, covariances = sklearn_fit(x, start, steps, kind)
    close((fitted.weights, fitted.means), (weights, means), 1e-8)
    close(fitted.scales @ jnp.swapaxes(fitted.scales, 1, 2), covariances, 1e-8)


@pytest.mark.parametrize("diagonal", [False, True])
@pytest.mark.parametrize("fractional", [False, True])
def test_em_never_lowers_the_likelihood(diagonal, fractional):
    """Σ w ln p(x) grows with every step of EM."""
    x = FULL.sample(jax.random.key(0), 300)
    weights = half_weights(300) if fractional else jnp.ones(300)
    start = BAD_START._replace(scales=BAD_START.scales * jnp.eye(2)[None]) if diagonal else BAD_START

    def step(model, _):
        model = model.fit(x, weights, steps=1, diagonal=diagonal)
        return model, (weights * model.log_prob(x)).sum()

    likelihoods = jax.lax.scan(step, start, jnp.arange(60))[1]
    assert float(jnp.diff(likelihoods).min()) >= -1e-10  # 1e-13 of a likelihood of about −1000
    assert float(likelihoods[-1]) > float((weights * start.log_prob(x)).sum()) + 50


def test_steps_add_up():
    x = FULL.sample(jax.random.key(0), 300)
    twice = BAD_START.fit(x, jnp.ones(300), steps=3).fit(x, jnp.ones(300), steps=4)
    close(twice, BAD_START.fit(x, jnp.ones(300), steps=7), 1e-10)


def test_the_floor_acts_and_says_so():
    """A component on one point has no variance of its own."""
    x = jnp.concatenate([jnp.full((20, 2), 5.0), MIXTURE_SAMPLES])
    start = sandbox.GaussianMixture(
        array([0.5, 0.5]), array([[5.0, 5], [-3, 0]]), jnp.broadcast_to(jnp.eye(2) * 0.5, (2, 2, 2))
    )
    fitted = start.fit(x, jnp.ones(x.shape[0]), covariance_floor=1e-2)
    np.testing.assert_allclose(fitted.scales[0], 0.1 * np.eye(2), atol=1e-6)
    assert fitted.at_floor(1e-2).tolist() == [True, False]
    assert fitted.at_floor().tolist() == [False, False]
    assert start.fit(x, jnp.ones(x.shape[0])).at_floor().tolist() == [True, False]


MIXTURE_SAMPLES = sandbox.Gaussian(array([-3.0, 0]), jnp.eye(2)).sample(jax.random.key(0), 100)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_mixture_of_few_samples_is_no_nan(n):
    x = FULL.sample(jax.random.key(0), n)
    fitted = FULL.fit(x, jnp.ones(n), steps=50)
    for value in (*fitted, fitted.log_prob(x), fitted.sample(jax.random.key(0), 50)):
        assert bool(jnp.isfinite(value).all())


def test_a_component_that_explains_nothing_keeps_its_place():
    start = FULL._replace(means=FULL.means.at[0].set(array([-1e4, 0])))
    fitted = start.fit(MIXTURE_SAMPLES, jnp.ones(100))
    same(fitted.weights, array([0.0, 1]))
    close((fitted.means[0], fitted.scales[0]), (start.means[0], start.scales[0]), 1e-11)
    assert bool(jnp.isfinite(fitted.log_prob(MIXTURE_SAMPLES)).all())


def test_from_data_finds_separated_clusters():
    x = FULL._replace(means=3 * FULL.means).sample(jax.random.key(0), 2000)
    fitted = sandbox.GaussianMixture.from_data(jax.random.key(1), x, 2)
    order = np.argsort(fitted.means[:, 0])
    np.testing.assert_allclose(fitted.weights[order], [0.35, 0.65], atol=5 * np.sqrt(0.35 * 0.65 / 2000))
    np.testing.assert_allclose(fitted.means[order], 3 * FULL.means, atol=5 * 1.2 / np.sqrt(700))
    assert not bool(fitted.at_floor().any())
    diagonal = sandbox.GaussianMixture.from_data(jax.random.key(1), x, 2, diagonal=True)
    assert not np.any(np.tril(diagonal.scales, -1))
    assert float(diagonal.log_prob(x).mean()) < float(fitted.log_prob(x).mean())


def test_from_data_takes_the_likeliest_restart():
    x = sandbox.GaussianMixture(
        jnp.full(5, 0.2), array([[0.0, 0], [4, 0], [0, 4], [4, 4], [8, 8]]), jnp.broadcast_to(jnp.eye(2), (5, 2, 2))
    ).sample(jax.random.key(0), 300)
    few, many = (sandbox.GaussianMixture.from_data(jax.random.key(2), x, 5, restarts=n) for n in (1, 16))
    assert float(many.log_prob(x).mean()) >= float(few.log_prob(x).mean())


@pytest.mark.parametrize(
    ("name", "x", "count", "options"),
    [
        ("num_components", np.ones((5, 2)), 0, {}),
        ("x", np.ones((5, 2)), 2, {}),
        ("x", np.ones((0, 2)), 1, {}),
        ("x", np.array([[1.0], [np.nan], [2.0]]), 2, {}),
        ("x", np.array([[1.0], [np.inf], [2.0]]), 2, {}),
        ("restarts", np.arange(6.0)[:, None], 2, {"restarts": 0}),
        ("steps", np.arange(6.0)[:, None], 2, {"steps": 0}),
        ("covariance_floor", np.arange(6.0)[:, None], 2, {"covariance_floor": 0.0}),
    ],
)
def test_from_data_names_what_is_wrong(name, x, count, options):
    with pytest.raises(ValueError, match=rf"^{name}:"):
        sandbox.GaussianMixture.from_data(jax.random.key(0), array(x), count, **options)


@pytest.mark.parametrize(
    ("name", "options"), [("steps", {"steps": 0}), ("covariance_floor", {"covariance_floor": -1.0})]
)
def test_a_mixture_fit_names_what_is_wrong(name, options):
    with pytest.raises(ValueError, match=rf"^{name}:"):
        FULL.fit(MIXTURE_SAMPLES, jnp.ones(100), **options)
