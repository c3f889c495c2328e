"""The loop: which data the next model is fitted to, and what stays the same whatever the regime."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import (
    CASES,
    FAMILIES,
    FLOAT32,
    GAUSSIAN_1,
    GAUSSIAN_3,
    agrees,
    array,
    at,
    close,
    compiled,
    differs,
    names,
    own_fit,
    same,
)
from jaxtyping import Array, Float

import sandbox
from sandbox.regimes import start

KEY = jax.random.key(11)
N, T = 12, 4
KEEP_ALL = sandbox.KeepAll()
CATEGORICAL = CASES[0].model
SHORT = {"num_samples": N, "num_generations": 1}
loop = partial(sandbox.run, KEY, num_samples=N, num_generations=T)


class Threshold(NamedTuple):
    """Accepts the samples at or below a level; knows that those up to 0 are correct."""

    level: jax.Array | float

    def __call__(self, key, model, x, /):
        return (x.reshape(x.shape[0], -1)[:, 0] <= self.level).astype(jnp.float64)

    def correct(self, x):
        return x.reshape(x.shape[0], -1)[:, 0] <= 0


def drop_all(key, model, x):
    return jnp.zeros(x.shape[0])


def smoothed_fit(model, x, weights):
    return type(model).fit(model, x, weights, smoothing=0.5)


def regimes(case):
    data = case.sample(1, 5)
    return {
        "replace": sandbox.Replace(),
        "accumulate": sandbox.Accumulate(data),
        "accumulate from nothing": sandbox.Accumulate(),
        "fresh": sandbox.Fresh(case.model, 0.25),
        "fresh unstratified": sandbox.Fresh(case.model, 0.25, stratified=False),
        "reuse": sandbox.Reuse(data),
    }


@pytest.mark.parametrize(
    ("case", "regime"),
    [
        pytest.param(
            case, regime, id=f"{names(case)}-{regime}", marks=[pytest.mark.slow] * (case.name not in FAMILIES and i > 0)
        )
        for case in CASES
        for i, regime in enumerate(regimes(case))
    ],
)
def test_every_model_runs_under_every_regime(case, regime):
    """Row 0 is Z_0; leaves are [t, …], t = 0 … T, of the model's dtype; the closed loop keeps all."""
    record = loop(case.model, KEEP_ALL, regime=regimes(case)[regime], fit=case.loop_fit)
    assert type(record.model) is type(case.model)
    same(at(record.model, 0), case.model)
    for leaf, first in zip(record.model, case.model, strict=True):
        assert leaf.shape == (T + 1, *first.shape)
        assert leaf.dtype == first.dtype
        assert bool(jnp.isfinite(leaf).all())
    assert any(not np.array_equal(leaf[1], leaf[0]) for leaf in record.model)
    same(record.accepted, np.ones(T + 1))
    assert record.accuracy is None


@pytest.mark.parametrize("regime", ["replace", "accumulate", "fresh unstratified", "reuse"])
def test_the_numbers_of_a_generation_do_not_depend_on_how_many_follow(regime):
    regime = regimes(CASES[2])[regime]
    short = loop(GAUSSIAN_1, KEEP_ALL, regime=regime)
    long = loop(GAUSSIAN_1, KEEP_ALL, regime=regime, num_generations=T + 3)
    close(short, jax.tree.map(lambda leaf: leaf[: T + 1], long))


@pytest.mark.parametrize("pooled", [False, True])
def test_a_loop_by_hand(pooled):
    """Z_{t+1} = fit(D_t) or fit(data ∪ D_0 ∪ … ∪ D_t), D_t ~ Z_t, with the keys of the docstring: fold_in(key, 3t)."""
    pool = GAUSSIAN_3.sample(jax.random.key(1), 5)
    record = loop(GAUSSIAN_3, KEEP_ALL, regime=sandbox.Accumulate(pool) if pooled else sandbox.Replace())
    for t in range(T):
        drawn = at(record.model, t).sample(jax.random.fold_in(KEY, 3 * t), N)
        pool = jnp.concatenate([pool, drawn]) if pooled else drawn
        close(at(record.model, t + 1), GAUSSIAN_3.fit(pool, jnp.ones(pool.shape[0])), 1e-9)


@pytest.mark.parametrize("data", [None, 5], ids=["nothing", "data"])
@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[3]], ids=names)
def test_a_pool_of_statistics_equals_a_pool_of_samples(case, data):
    regime = sandbox.Accumulate(None if data is None else case.sample(1, data))
    assert isinstance(start(regime, case.model, N, T, None)[0], type(case.model))
    assert start(regime, case.model, N, T, own_fit)[0].shape[0] == (data or 0) + (T + 1) * N
    close(loop(case.model, KEEP_ALL, regime=regime), loop(case.model, KEEP_ALL, regime=regime, fit=own_fit), FLOAT32)


@pytest.mark.parametrize("regime", ["replace", "accumulate", "fresh", "reuse"])
def test_options_of_the_own_fit_reach_the_pool(regime):
    """A `functools.partial` of the model's own fit, from statistics, equals a foreign function, from samples."""
    case, regime = CASES[1], regimes(CASES[1])[regime]
    bound = loop(case.model, KEEP_ALL, regime=regime, fit=case.loop_fit)
    close(bound, loop(case.model, KEEP_ALL, regime=regime, fit=smoothed_fit))
    plain = loop(case.model, KEEP_ALL, regime=regime)
    assert not np.allclose(bound.model.probs[1], plain.model.probs[1], rtol=1e-3)


def test_a_share_of_0_is_replace():
    close(loop(GAUSSIAN_3, KEEP_ALL, regime=sandbox.Fresh(GAUSSIAN_3, 0.0)), loop(GAUSSIAN_3, KEEP_ALL), FLOAT32)


ZERO, ONE = sandbox.Categorical(array([1.0, 0])), sandbox.Categorical(array([0, 1.0]))


def test_stratified_means_a_fixed_number_of_real_samples():
    """round(n · share) of n, in a sweep of shares: the model draws 0 alone, the real source 1 alone."""
    shares = np.array([0, 0.1, 0.25, 0.26, 0.5, 0.99, 1])
    model = jax.vmap(lambda share: loop(ZERO, KEEP_ALL, regime=sandbox.Fresh(ONE, share)).model)(shares)
    np.testing.assert_allclose(model.probs[:, 1, 1], np.round(N * shares) / N, atol=1e-14)


def test_unstratified_counts_are_binomial():
    """E c = n a, Var c = n a (1 − a), P(c = 3) = C(n, 3) a³ (1 − a)^{n−3}."""
    share = 0.3
    keys = jax.random.split(KEY, 4000)
    regime = sandbox.Fresh(ONE, share, stratified=False)
    counts = N * np.asarray(
        jax.vmap(lambda key: sandbox.run(key, ZERO, KEEP_ALL, regime=regime, **SHORT).model.probs)(keys)[:, 1, 1]
    )
    agrees(counts, N * share)
    agrees((counts - N * share) ** 2, N * share * (1 - share))
    agrees(np.round(counts) == 3, 220 * share**3 * (1 - share) ** 9)
    differs((counts - N * share) ** 2, 0)


def test_the_signal_weighs_the_own_samples_alone():
    for regime in (sandbox.Fresh(ONE, 0.25), sandbox.Reuse(jnp.array([1, 1]))):
        same(loop(ZERO, drop_all, regime=regime).model.probs[1:], np.broadcast_to([0, 1], (T, 2)))


def test_reuse_adds_the_same_data():
    """Of n zeros and m ones the share of ones is m / (n + m), in every generation that draws zeros alone."""
    model = loop(ZERO, KEEP_ALL, regime=sandbox.Reuse(jnp.ones(4, jnp.int32))).model
    assert float(model.probs[1, 1]) == pytest.approx(4 / (N + 4), abs=1e-14)


def test_pooled_paths_have_no_transition_between_them():
    """The real path 2 → 2 and the model's 0 → 0 → …: no 2 → 0 and no 0 → 2."""
    still = sandbox.MarkovChain(array([1.0, 0, 0]), jnp.eye(3))
    for regime in (sandbox.Reuse(jnp.array([2, 2])), sandbox.Accumulate(jnp.array([2, 2]))):
        transition = loop(still, KEEP_ALL, regime=regime).model.transition
        same(transition[-1], np.eye(3))


@pytest.mark.parametrize("regime", ["replace", "accumulate from nothing"])
@pytest.mark.parametrize("fit", [None, own_fit], ids=["own", "foreign"])
@pytest.mark.parametrize("case", [CASES[0], CASES[3], CASES[6]], ids=names)
def test_a_generation_that_keeps_nothing_changes_nothing(case, fit, regime):
    record = loop(case.model, drop_all, regime=regimes(case)[regime], fit=fit)
    for leaf, first in zip(record.model, case.model, strict=True):
        same(leaf, np.broadcast_to(first, leaf.shape))
    same(record.accepted, np.zeros(T + 1))


def test_an_absurd_fit_is_not_asked_where_nothing_is_kept():
    def absurd(model, x, weights):
        return jax.tree.map(lambda leaf: leaf * jnp.nan, model)

    same(loop(GAUSSIAN_1, drop_all, fit=absurd).model.mean[-1], GAUSSIAN_1.mean)


def test_a_signal_is_a_namedtuple_or_a_function():
    def keep_low(key, model, x):
        return (x[:, 0] <= 1.5).astype(jnp.float64)

    as_function = loop(GAUSSIAN_1, keep_low)
    as_tuple = loop(GAUSSIAN_1, Threshold(1.5))
    same(as_function.model, as_tuple.model)
    assert 0 < float(as_tuple.accepted[0]) < 1
    assert bool((as_tuple.model.mean[1:3] < 1.5).all())


def test_a_signal_that_knows_what_is_correct_records_the_accuracy():
    record = loop(CATEGORICAL, Threshold(1))
    x = CATEGORICAL.sample(jax.random.fold_in(KEY, 0), N)
    assert float(record.accuracy[0]) == pytest.approx(np.mean(np.asarray(x) == 0))
    assert float(record.accepted[0]) == pytest.approx(np.mean(np.asarray(x) <= 1))


def test_a_signal_gets_its_own_key_and_the_model():
    def noisy(key, model, x):
        assert isinstance(model, sandbox.Gaussian)
        return jax.random.bernoulli(key, 0.5, (x.shape[0],)).astype(jnp.float64)

    record = loop(GAUSSIAN_1, noisy, num_generations=30)
    assert len(np.unique(record.accepted)) > 3
    assert abs(float(record.accepted.mean()) - 0.5) < 5 * 0.5 / np.sqrt(31 * N)


def test_a_sweep_of_signals_is_a_vmap():
    levels = jnp.linspace(0.5, 2.5, 5)
    sweep = jax.vmap(lambda level: loop(GAUSSIAN_1, Threshold(level)))(levels)
    for i, level in enumerate(levels):
        close(at(sweep, i), loop(GAUSSIAN_1, Threshold(level)), FLOAT32)
    assert bool((jnp.diff(sweep.accepted[:, 0]) >= 0).all())


@pytest.mark.parametrize("level", [2.0, np.float64(2.0), np.array(2.0), np.array([2.0]), jnp.array(2.0)], ids=repr)
def test_other_parameters_do_not_compile_again(level):
    """Whatever they are made of."""
    same(loop(GAUSSIAN_1, Threshold(level)).accepted, loop(GAUSSIAN_1, Threshold(jnp.array(2.0))).accepted)
    fit = CASES[4].loop_fit
    sandbox.run(KEY, GAUSSIAN_1, Threshold(level), num_samples=N, num_generations=T, fit=fit)
    before = compiled()
    moved = GAUSSIAN_1._replace(mean=GAUSSIAN_1.mean + 1)
    sandbox.run(jax.random.key(0), moved, Threshold(level + 1), num_samples=N, num_generations=T, fit=fit)
    assert compiled() == before
    sandbox.run(KEY, GAUSSIAN_1, Threshold(level), num_samples=N + 3 + int(compiled()), num_generations=T, fit=fit)
    assert compiled() == before + 1


def test_another_share_and_a_plain_function_do_not_compile_again():
    loop(GAUSSIAN_1, drop_all, regime=sandbox.Fresh(GAUSSIAN_1, 0.1, True))
    before = compiled()
    loop(GAUSSIAN_1, drop_all, regime=sandbox.Fresh(GAUSSIAN_1, 0.7, False))
    assert compiled() == before


def test_a_loop_inside_jit():
    jitted = jax.jit(lambda model: loop(model, KEEP_ALL, regime=sandbox.Fresh(model, 0.5)))
    close(jitted(GAUSSIAN_1), loop(GAUSSIAN_1, KEEP_ALL, regime=sandbox.Fresh(GAUSSIAN_1, 0.5)), FLOAT32)


@pytest.mark.parametrize("until_kept", [False, True], ids=["filtering", "until-kept"])
def test_yes_and_no_are_weights(until_kept):
    yes, one = (
        loop(GAUSSIAN_1, lambda key, model, x: (x[:, 0] > 1.5).astype(dtype), until_kept=until_kept)  # noqa: B023
        for dtype in (bool, float)
    )
    same(yes, one)


@pytest.mark.parametrize("scale", [-1, 5, jnp.inf])
def test_a_fit_makes_models(scale):
    """Probabilities that do not sum to 1 are no model, whatever else is recorded."""
    model = sandbox.Categorical(jnp.array([0.25, 0.75]))
    with pytest.raises(ValueError, match=r"^fit: .*probs.* was given; accepted: "):
        sandbox.run(
            jax.random.key(0),
            model,
            sandbox.KeepAll(),
            num_samples=5,
            num_generations=2,
            fit=lambda model, x, weights: model._replace(probs=scale * model.probs),
        )


@pytest.mark.parametrize("signal", [lambda key, model, x: np.asarray(x) * 0.5, lambda key, model, x: x if x[0] else -x])
def test_what_jax_cannot_trace_is_refused(signal):
    """The first thing that a newcomer writes: NumPy, or an if."""
    model = sandbox.Categorical(jnp.array([0.25, 0.75]))
    with pytest.raises(ValueError, match=r"^signal, fit: .* was given; accepted: one written in jax\.numpy"):
        sandbox.run(jax.random.key(0), model, signal, num_samples=5, num_generations=2)


class Coin(NamedTuple):
    """A model of the user's own, whose check knows one model and no stack, and which a fit may make infinite."""

    logit: Float[Array, ""]

    def check(self):
        if self.logit > 50:
            raise ValueError("logit: too large")

    def sample(self, key, n):
        return jax.random.bernoulli(key, jax.nn.sigmoid(self.logit), (n,)).astype(int)

    def log_prob(self, x):
        return -jnp.logaddexp(0, jnp.where(x == 1, -self.logit, self.logit))

    def fit(self, x, weights):
        share = (weights * x.astype(weights.dtype)).sum() / weights.sum()
        return Coin(jnp.log(share) - jnp.log1p(-share))


def test_a_model_of_ones_own_may_collapse():
    """One flip in each generation: the logit is ±∞ from the first fit on, and the loop goes on."""
    run = sandbox.run(jax.random.key(0), Coin(jnp.array(0.5)), sandbox.KeepAll(), num_samples=1, num_generations=3)
    assert np.isinf(run.model.logit[1:]).all()
