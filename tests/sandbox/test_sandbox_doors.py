"""Bad input of models, signals, regimes and loops: the call, and how its message begins; one line a case."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
import small_ensemble
from cases import CASES, CHAIN, FULL, GAUSSIAN_1, GAUSSIAN_3, PROBS, PROMPTED, array

import sandbox
from sandbox.regimes import Accumulate, Fresh, Reuse
from sandbox.regions import Box, Component, Denser, Symbols, Transitions

KEY = jax.random.key(0)
NAN = float("nan")
CATEGORICAL = CASES[0].model
TASKS = small_ensemble.TASKS
MASK, HALF = Symbols(jnp.ones(4, bool)), array([0.5])
CLUSTERS = np.arange(6.0)[:, None]
KEEP_ALL, Verifier, Categorical = sandbox.KeepAll(), sandbox.Verifier, sandbox.Categorical
FAIR = sandbox.Gaussian(array([0.0]), array([[1.0]]))


@pytest.fixture(autouse=True)
def as_users_call():
    """Without executed annotations, which refuse a wrong type before we do."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def run(model=GAUSSIAN_1, signal=KEEP_ALL, key=KEY, **options):
    return sandbox.run(key, model, signal, **{"num_samples": 12, "num_generations": 4} | options)


def adaptive(size, **options):
    return sandbox.run_adaptive(KEY, GAUSSIAN_1, KEEP_ALL, size, **{"largest": 4, "num_generations": 1} | options)


def ensemble(tasks, signal, **options):
    settings = {"num_samples": 8, "num_generations": 2, "num_replicas": 1, "progress": False}
    return sandbox.ensemble(KEY, tasks, signal, **settings | options)


def weigh(weights, until_kept):
    """A loop of which the weights are these functions of the samples."""
    return run(signal=lambda key, model, x: weights(x), until_kept=until_kept)


def from_data(x, count, **options):
    return sandbox.GaussianMixture.from_data(KEY, array(x), count, **options)


def smooth(family, smoothing):
    return family.fit(jnp.zeros(3, jnp.int32), jnp.ones(3), smoothing=smoothing)


def mixed(model):
    """Of two precisions, as users may have them."""
    with jax.numpy_dtype_promotion("standard"):
        return run(model)


def nan_fit(model, x, weights):
    return model._replace(mean=model.mean * jnp.nan)


def symbols(n):
    return Symbols(jnp.ones(n, bool))


def first(x):
    return x[:, 0]


def each(begins, call, *values):
    return [(partial(call, value), begins) for value in values]


TWO = array([0.5, 0.5])
OUT_OF_RANGE = [  # each of these fields in turn
    (Verifier(0.9, 0.1, MASK), "tpr fpr", (-0.1, 1.1, NAN)),
    (sandbox.SelfConsistencyJudge(0.9, 0.1), "tpr fpr", (-0.1, 1.1, NAN)),
    (sandbox.TopFraction(0.5, sandbox.Rates(PROBS)), "fraction", (-0.1, 1.1, NAN)),
    (sandbox.TopFraction(0.5, sandbox.Rates(PROBS)), "noise", (-0.1, np.inf, NAN)),
    (sandbox.BestOfN(2, sandbox.Rates(PROBS)), "n", (0, -1, 1.5, True, NAN)),
    (sandbox.ExponentialTilt(0.5, sandbox.Rates(PROBS)), "temperature", (0.0, -0.1, np.inf, NAN)),
    (sandbox.ExponentialTilt(0.5, sandbox.Rates(PROBS)), "largest", (NAN, [0.5])),
    (sandbox.BradleyTerry(TWO, sandbox.Rates(PROBS)), "temperature", ([0.5, 0.0], [NAN, 0.5], [])),
    (sandbox.BradleyTerry(TWO, sandbox.Rates(PROBS)), "majority", (2, NAN)),
    (sandbox.Discriminator(CATEGORICAL, 0.5), "noise", (-0.1, np.inf, NAN)),
    (sandbox.Rubric((MASK, MASK), TWO, TWO, TWO), "tpr fpr", ([0.5, 1.1], [-0.1, 0.5])),
    (sandbox.Rubric((MASK, MASK), TWO, TWO, TWO), "importance", ([0.5, -0.1], [0, 0])),
]


BAD_SIGNALS = [  # for CATEGORICAL, of four symbols
    *(
        (part._replace(**{field: value}), rf"{type(part).__name__}\.{field}")
        for part, fields, values in OUT_OF_RANGE
        for field in fields.split()
        for value in values
    ),
    (Verifier(array([0.9, 0.8]), 0.0, MASK), r"Verifier\.tpr"),
    (Verifier(1.0, 0.0, None), r"Verifier\.correct"),
    (Verifier(1.0, 0.0, Symbols), r"Verifier\.correct: the class Symbols"),
    (Verifier(1.0, 0.0, lambda x: x), r"Verifier\.correct: an array of int32"),
    (Verifier(1.0, 0.0, lambda x: x[:, None] == 0), r"Verifier\.correct: an array of shape \[\d+, 1\]"),
    (sandbox.AllOf(()), r"AllOf\.signals"),
    (sandbox.BlindSpot(sandbox.AnyOf((Verifier(2.0, 0.1, MASK),)), MASK), r"Verifier\.tpr"),
    (sandbox.BlindSpot(KEEP_ALL, lambda x: 1.0), r"BlindSpot\.blind: float"),
    (sandbox.Rubric((MASK,), HALF, TWO, HALF), r"Rubric\.fpr: shape \[2\] .* criterion = 1, as in tpr"),
    (sandbox.Rubric((MASK, MASK), HALF, HALF, HALF), r"Rubric\.criteria: 1 rates with 2"),
    (sandbox.Discriminator(Categorical(2 * PROBS), 0.0), r"Categorical\.probs"),
    (sandbox.TopFraction(0.5, lambda x: x[:2]), r"TopFraction\.score: an array of shape \[2\]"),
    (sandbox.BradleyTerry(TWO, lambda x: x[:2]), r"BradleyTerry\.score: an array of shape \[2\]"),
    (sandbox.ExponentialTilt(0.5, sandbox.Rates(jnp.ones(3))), "Rates: one for 3 symbols"),
    (sandbox.Environment(sandbox.Rates(2 + PROBS)), r"Environment\.success"),
    (sandbox.Environment(lambda x: 0.5), r"Environment\.success: float"),
    (sandbox.FixedRewardModel(Component(FULL, 2)), r"GaussianMixture: one for 2 coordinates"),
    # parts of another size than the model
    (Verifier(0.9, 0.1, symbols(2)), "Symbols: one for 2 symbols was given; accepted: one for 4 symbols"),
    (sandbox.AnyOf((KEEP_ALL, Verifier(0.9, 0.1, symbols(5)))), "Symbols: one for 5 symbols"),
    (Verifier(0.9, 0.1, Transitions(jnp.ones((3, 3), bool))), "Transitions: one for 3 symbols"),
    (Verifier(0.9, 0.1, Box(array([0.0]), array([1.0]))), "Box: one for 1 coordinate was given; accepted: one for 4 s"),
    (sandbox.Environment(sandbox.Rates(jnp.ones(3))), "Rates: one for 3 symbols"),
    (sandbox.Discriminator(Categorical(array([0.5, 0.5])), 0.0), "Categorical: one for 2 symbols"),
    (sandbox.FixedRewardModel(Denser(Categorical(array([0.5, 0.5])), -1.0)), "Categorical: one for 2 symbols"),
    (sandbox.Rubric((MASK, symbols(3)), TWO, TWO, TWO), "Symbols: one for 3 symbols"),
    # what is no signal
    (None, "signal: None"),
    (sandbox.KeepAll, "signal: the class KeepAll"),
    (lambda x: x, "signal: a function that does not take"),
]
BAD_WEIGHTS = [  # also where their mean is in [0, 1]
    (lambda x: jnp.where(first(x) > 1.5, jnp.nan, 1.0), "signal: a weight of nan"),
    (lambda x: jnp.where(first(x) > 1.5, 0.5, 5.0), r"signal: a weight of 5\.0"),
    (lambda x: jnp.where(first(x) > 1.5, 1.0, -1.0), r"signal: a weight of -1\.0"),
    (lambda x: jnp.ones_like(x), r"signal: an array of shape \[12, 1\] was given; accepted: an array of 12 numbers"),
    (lambda x: 0.5, "signal: float"),
]
BY_SCORE = [
    partial(kind, number)
    for kind, number in zip(
        (sandbox.TopFraction, sandbox.BestOfN, sandbox.ExponentialTilt, sandbox.BradleyTerry),
        (0.5, 2, 0.5, array([0.5])),
        strict=True,
    )
]
NO_WEIGHTS = [  # functions inside of signals that return no probabilities
    *(sandbox.Environment(lambda x, p=p: jnp.where(first(x) > 1.5, p, 1.0)) for p in (2.0, -1.0, NAN)),
    *(signal(lambda x: jnp.where(first(x) > 1.5, jnp.nan, 1.0)) for signal in BY_SCORE),
    sandbox.ExponentialTilt(0.5, lambda x: jnp.where(first(x) > 1.5, jnp.inf, 1.0)),
    sandbox.AllOf((lambda key, model, x: jnp.full(len(x), 2.0), lambda key, model, x: jnp.full(len(x), 0.5))),
]
BAD_DATA = [  # also as the data of a regime
    *each("", lambda x: (CATEGORICAL, x), [-1, 0, 0, 0], [0, 4], [0.0, 1.0], [[0, 1]], [], "ab", [True, False]),
    *each("", lambda x: (CHAIN, x), [0, -1], [3, 0], [0.5]),
    *each("", lambda x: (PROMPTED, x), [0, -1], [6, 0], [[0, 1]]),
    *each("", lambda x: (GAUSSIAN_3, x), [[1.0, 2]], [1.0, 2, 3], [[1.0, NAN, 2]], [[np.inf, 0, 1]], [[1.0], [1, 2]]),
    *each("", lambda x: (FULL, x), [[1e308, 0]], np.zeros((0, 2)), [[1j, 0]]),
]
DATA = [case() for case, _ in BAD_DATA]
CATEGORICAL_TASKS = CATEGORICAL._replace(probs=PROBS[None])
BAD = [
    *((partial(run, CATEGORICAL, signal), name) for signal, name in BAD_SIGNALS),
    *((partial(ensemble, CATEGORICAL_TASKS, signal), name) for signal, name in BAD_SIGNALS if signal is not None),
    (
        lambda: ensemble(CATEGORICAL_TASKS, lambda key, task: Verifier(0.9, 0.1, symbols(3))),
        "Symbols: one for 3 symbols",
    ),
    (lambda: ensemble(CATEGORICAL_TASKS, lambda key, task: Verifier(1.9, 0.1, MASK)), r"Verifier\.tpr"),
    (lambda: run(CHAIN, Verifier(0.9, 0.1, Transitions(jnp.ones((3, 2), bool)))), r"Transitions\.mask: shape \[3, 2\]"),
    (lambda: run(CHAIN, Verifier(0.9, 0.1, Transitions(jnp.ones((2, 3), bool)))), r"Transitions\.mask: shape \[2, 3\]"),
    (lambda: run(FULL, Verifier(0.9, 0.1, Component(FULL, 2))), r"Component\.which: 2 was given"),
    (lambda: run(GAUSSIAN_3, Verifier(0.9, 0.1, Box([0.0] * 3, [1.0] * 2))), r"Box\.upper: shape \[2\]"),
    (lambda: run(GAUSSIAN_3, Verifier(0.9, 0.1, Box([0.0] * 2, [1.0] * 2))), "Box: one for 2 coordinates"),
    (lambda: run(FAIR, Verifier(0.9, 0.1, Box([NAN], [1.0]))), r"Box\.lower"),
    *((partial(weigh, weights, until_kept), name) for weights, name in BAD_WEIGHTS for until_kept in (False, True)),
    *each("signal: a weight of", lambda x: run(signal=x), *NO_WEIGHTS),
    *each(
        r"Gaussian\.scale", lambda x: run(sandbox.Gaussian([0.0, 0], x)), [[1.0]], [[1.0, 0.5], [0.5, 1]], [[1.0, 0]]
    ),
    (lambda: sandbox.Gaussian(array([0.0]), array([[-1.0]])).sample(KEY, 3), r"Gaussian\.scale"),
    *each("Categorical", lambda x: Categorical(array(x)).sample(KEY, 3), [0.5, 0.6], [1.5, -0.5], []),
    (lambda: CHAIN._replace(initial=array([1.0, 1, 1])).sample(KEY, 3), "MarkovChain"),
    (lambda: CHAIN._replace(initial=array([0.5, 0.5])).sample(KEY, 3), "MarkovChain"),
    (lambda: CHAIN._replace(transition=[[0.5, 0.5], [1, 0]]).stationary(), r"MarkovChain\.transition"),
    (lambda: FULL._replace(weights=array([0.5, 0.6])).sample(KEY, 3), "GaussianMixture"),
    (lambda: FULL._replace(means=FULL.means[:1]).sample(KEY, 3), r"GaussianMixture\.means: .* component = 2"),
    (lambda: FULL._replace(scales=-FULL.scales).sample(KEY, 3), "GaussianMixture"),
    *each(
        r"PromptedCategorical\.probs",
        lambda x: run(PROMPTED._replace(probs=array(x))),
        [[1.0]],
        [[0.5, 0.6]] * 3,
        [0.5, 0.5],
        np.zeros((3, 0)),
    ),
    (lambda: mixed(CHAIN._replace(transition=np.full((3, 3), 1 / 3, np.float32))), r"MarkovChain\.transition"),
    (lambda: run(PROMPTED._replace(prompts=array([0.5, 0.5, 0.5]))), r"PromptedCategorical\.prompts"),
    (
        lambda: run(PROMPTED, Verifier(0.9, 0.1, symbols(3))),
        "Symbols: one for 3 symbols .* one for 6",
    ),
    *((partial(smooth, PROMPTED, [1.0] * n), r"smoothing: .* one number or 2") for n in (0, 1, 3, 6)),
    *each("smoothing: ", lambda x: smooth(CHAIN, [x, 1.0, 1.0]), -1.0, NAN, np.inf),
    *((partial(smooth, CATEGORICAL, [1.0] * n), r"smoothing: .* one number or 4") for n in (0, 1, 2, 5)),
    *((partial(smooth, CHAIN, [1.0] * n), r"smoothing: .* one number or 3") for n in (0, 1, 2, 5)),
    *((partial(model.fit, x), "x: ") for model, x in DATA),
    *((partial(model.log_prob, x), "x: ") for model, x in DATA),
    *((partial(model.statistics, x), "x: ") for model, x in DATA if hasattr(model, "statistics")),
    *((partial(run, model, regime=Reuse(x)), "data: ") for model, x in DATA),
    *((partial(run, model, regime=Accumulate(x)), "data: ") for model, x in DATA),
    *((partial(region, x), "x: ") for region in (MASK, sandbox.Rates(PROBS)) for x in ([-1], [4], [0.5])),
    *each("weights", lambda x: CATEGORICAL.fit([0, 1], array(x)), [1.0], [1.0, -1.0], [1.0, NAN], 1.0, [1e308, 1e308]),
    (lambda: CATEGORICAL.fit([0, 1], array([1e-310, 0])), "weights"),
    *each("x: a size", lambda x: from_data(x * CLUSTERS, 2), 1e200, 1e-200),
    *each("x: a size", lambda x: FULL.fit(x * np.eye(2)), 1e200, 1e-200),
    *each("x:", lambda x: from_data(x, 2), np.ones((5, 2)), [[1.0], [np.nan], [2.0]], [[1.0], [np.inf], [2.0]]),
    (lambda: from_data(CLUSTERS, 2, covariance_floor=0.0), "covariance_floor:"),
    *each("num_samples", lambda x: run(num_samples=x), 0, True, 2.0, 10**12, 2**31 - 1, None),
    *each("num_generations", lambda x: run(num_generations=x), -1, 10**12, 2**31 - 1),
    *each(
        "key: ", lambda x: run(key=x), 0, None, jax.random.split(KEY, 3), jnp.zeros(2), jax.random.key(0, impl="rbg")
    ),
    *each("until_kept", lambda x: run(until_kept=x), "no", None, 1),
    *each("size", adaptive, None, 5, lambda model: 3, lambda model, past: 2.5, lambda model, past: past.sizes),
    (lambda: adaptive(lambda model, past: 3, largest=0), "largest"),
    *each("model", lambda x: run(x), None, sandbox.Gaussian, [0.5, 0.5], lambda key, n: key),
    (lambda: run(GAUSSIAN_1._replace(mean=array([np.nan]))), r"Gaussian\.mean"),
    (lambda: run(GAUSSIAN_1._replace(scale=array([[np.inf]]))), "model"),
    (lambda: run(TASKS), r"Gaussian\.mean: shape \[3, 2\] was given; accepted: numbers \[dim\]"),
    *each(r"Categorical\.probs", lambda x: run(Categorical(x)), [0.5, 0.6], [1.5, -0.5], ["a", "b"], [[1], [0, 1]]),
    (lambda: run(CHAIN._replace(transition=2 * CHAIN.transition)), r"MarkovChain\.transition"),
    *each(r"Fresh\.share", lambda x: run(regime=Fresh(GAUSSIAN_1, x)), 1.5, -0.1, array([0.5])),
    *each("regime", lambda x: run(regime=x), Fresh(None, 0.5), Reuse(), None, sandbox.Replace, "replace"),
    (lambda: run(regime=Reuse(array([[np.nan]]))), "data"),
    (lambda: run(regime=Accumulate(array([[1.0, 2.0]]))), "data"),
    (lambda: run(regime=Fresh(GAUSSIAN_3, 0.5)), "Gaussian: one for 3 coordinates"),
    (lambda: run(regime=Fresh(sandbox.Bootstrap(jnp.ones((4, 2))), 0.5)), "Bootstrap: one for 2 coordinates"),
    (lambda: run(regime=Fresh(sandbox.Bootstrap(array([[NAN]])), 0.5)), r"Bootstrap\.data"),
    (lambda: run(CHAIN, regime=Fresh(sandbox.Passage(jnp.array([0, 3])), 0.5)), r"Passage\.path: 3 at place 1"),
    (lambda: run(regime=Fresh(CATEGORICAL, 0.5)), "Categorical: one for 4 symbols"),
    *each("fit", lambda x: run(fit=x), nan_fit, 5, sandbox.Gaussian, lambda model, x, weights: x),
    (lambda: run(fit=lambda model, x, weights: model._replace(mean=x)), r"fit: shape \[12, 1\]"),
    (lambda: small_ensemble.run(num_samples=10**12), "num_samples"),
    (lambda: small_ensemble.run(num_replicas=2**30), "num_replicas"),
    (lambda: small_ensemble.run(resume=True), "resume"),
    (lambda: small_ensemble.run(out=__file__), "out"),
    (lambda: small_ensemble.run(num_real=None, regime=Reuse()), "regime"),
    (lambda: small_ensemble.run(tasks=TASKS._replace(mean=TASKS.mean[:2])), "tasks"),
    (lambda: small_ensemble.run(tasks=GAUSSIAN_1), r"Gaussian\.mean: .* of each model in a stack"),
    (lambda: small_ensemble.run(tasks=Categorical(array([[0.5, 0.5], [0.5, 0.6]]))), r"Categorical\.probs"),
    (lambda: small_ensemble.run(fit=nan_fit), "fit"),
    (lambda: small_ensemble.run(signal=lambda key, model, x: jnp.full(len(x), jnp.nan)), "signal: a weight"),
    (lambda: small_ensemble.run(signal=lambda key, model, x: x), "signal: an array"),
    (lambda: sandbox.FixedRewardModel.drawn(KEY, Verifier(0.9, 0.1, MASK), 3), "Symbols: one for 4 symbols"),
    (lambda: sandbox.FixedRewardModel.drawn(KEY, sandbox.SelfConsistencyJudge(0.9, 0.1), 3), "verifier"),
]


@pytest.mark.parametrize(("call", "begins"), BAD)
def test_bad_input_is_refused(call, begins):
    with pytest.raises(ValueError, match=rf"(?s)^{begins}") as error:
        call()
    assert " was given; accepted: " in str(error.value)


def record(*args, **options):
    return jax.tree.leaves(run(*args, num_generations=1, **options))


@pytest.mark.parametrize(
    ("loose", "strict"),
    [
        (lambda: record(Categorical([0, 1])), lambda: record(Categorical(array([0.0, 1])))),
        (lambda: record(sandbox.Gaussian(0, 1)), lambda: record(FAIR)),
        (lambda: record(key=jax.random.PRNGKey(0)), lambda: record()),
        (
            lambda: record(CATEGORICAL, Verifier(1, 0, lambda x: x == 0)),
            lambda: record(CATEGORICAL, Verifier(1.0, 0.0, Symbols([True, False, False, False]))),
        ),
        (
            lambda: record(CATEGORICAL, sandbox.Environment(lambda x: jnp.full(len(x), 0.5))),
            lambda: record(CATEGORICAL, sandbox.Environment(sandbox.Rates([0.5] * 4))),
        ),
        (
            lambda: record(CATEGORICAL, sandbox.TopFraction(0.5, lambda x: -x)),
            lambda: record(CATEGORICAL, sandbox.TopFraction(0.5, sandbox.Rates([0, -1, -2, -3]))),
        ),
        (lambda: record(fit=lambda model, x, weights: model.fit(x, weights)), lambda: record()),
        (lambda: record(regime=Reuse([1.0, 2.0])), lambda: record(regime=Reuse(array([[1.0], [2.0]])))),
        (lambda: [Categorical([0, 1]).log_prob([1, 0])], lambda: [np.array([0, -np.inf])]),
    ],
)
def test_lists_numbers_and_functions_are_what_they_stand_for(loose, strict):
    for a, b in zip(loose(), strict(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.asarray(a).dtype == np.asarray(b).dtype


class Stranger(NamedTuple):
    """A source of missing values."""

    def sample(self, key, n):
        return jnp.full(n, -1, jnp.int32)


@pytest.mark.parametrize("model", [CATEGORICAL, CHAIN], ids=["categorical", "chain"])
def test_where_values_cannot_be_seen_no_symbol_is_taken_for_another(model):
    """Under a trace: log-probability −inf, in no region, and a fit leaves it out."""
    x = jnp.array([0, -1, 1, model.probs.size if model is CATEGORICAL else 3])
    found = jax.jit(type(model).log_prob)(model, x)
    assert np.isneginf(found[jnp.array([1, 3])]).all() and np.isfinite(found[0])
    fitted = jax.jit(type(model).fit)(model, x, jnp.ones(4))
    expected = Categorical([0.5, 0.5, 0, 0]) if model is CATEGORICAL else CHAIN._replace(initial=[1, 0, 0])
    for found, right in zip(fitted, expected, strict=True):
        np.testing.assert_array_equal(found, right)
    with pytest.raises(ValueError, match=r"^fit: NaN"):
        run(model, regime=Fresh(Stranger(), 0.5))
    same = jax.jit(lambda mask, x: Symbols(mask)(x))(jnp.ones(model[0].size, bool), x)
    assert same.tolist() == [True, False, True, False]
