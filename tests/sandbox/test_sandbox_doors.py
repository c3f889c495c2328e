"""Bad input at every public door of `sandbox`: the call, and how its message begins; one line a case."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_ensemble
from cases import CASES, CHAIN, FULL, GAUSSIAN_1, PROBS, array

import sandbox
from sandbox.regimes import Accumulate, Fresh, Reuse
from sandbox.regions import Symbols

KEY = jax.random.key(0)
NAN = float("nan")
CATEGORICAL = CASES[0].model
TASKS = small_ensemble.TASKS
MASK, HALF = Symbols(jnp.ones(4, bool)), array([0.5])
CLUSTERS = np.arange(6.0)[:, None]


def run(model=GAUSSIAN_1, signal=small_ensemble.KEEP_ALL, **options):
    return sandbox.run(KEY, model, signal, **{"num_samples": 12, "num_generations": 4} | options)


def weigh(weights, until_kept):
    """A loop of which the weights are these functions of the samples."""
    return run(signal=lambda key, model, x: weights(x), until_kept=until_kept)


def ensemble(tasks, signal):
    options = {"num_samples": 8, "num_generations": 2, "num_replicas": 1, "progress": False}
    return sandbox.ensemble(KEY, tasks, signal, **options)


def from_data(x, count, **options):
    return sandbox.GaussianMixture.from_data(KEY, array(x), count, **options)


def smooth(family, smoothing):
    return family.fit(jnp.zeros(3, jnp.int32), jnp.ones(3), smoothing=smoothing)


def nan_fit(model, x, weights):
    return model._replace(mean=model.mean * jnp.nan)


def each(begins, call, *values):
    return [(partial(call, value), begins) for value in values]


BAD_SIGNALS = [
    (sandbox.Verifier(1.1, 0.0, MASK), r"Verifier\.tpr"),
    (sandbox.Verifier(1.0, NAN, MASK), r"Verifier\.fpr"),
    (sandbox.AllOf((sandbox.KeepAll(), sandbox.Verifier(1.0, -0.1, MASK))), r"Verifier\.fpr"),
    (sandbox.BlindSpot(sandbox.AnyOf((sandbox.Verifier(2.0, 0.1, MASK),)), MASK), r"Verifier\.tpr"),
    (sandbox.Rubric((MASK,), 3 * HALF, HALF, HALF), r"Rubric\.tpr"),
    (sandbox.Rubric((MASK,), HALF, -HALF, HALF), r"Rubric\.fpr"),
    (sandbox.Rubric((MASK,), HALF, HALF, -HALF), r"Rubric\.importance"),
    (sandbox.Rubric((MASK,), HALF, HALF, 0 * HALF), r"Rubric\.importance"),
    (sandbox.Discriminator(CATEGORICAL, -1.0), r"Discriminator\.noise"),
    (sandbox.Discriminator(sandbox.Categorical(2 * PROBS), 0.0), r"Categorical\.probs"),
    (sandbox.TopFraction(1.5, sandbox.Rates(PROBS)), r"TopFraction\.fraction"),
    (sandbox.Environment(sandbox.Rates(2 + PROBS)), r"Environment\.success"),
    (sandbox.SelfConsistencyJudge(-0.5, 0.5), r"SelfConsistencyJudge\.tpr"),
    (sandbox.SelfConsistencyJudge(0.5, 1.5), r"SelfConsistencyJudge\.fpr"),
]
BAD_WEIGHTS = [  # also where their mean is in [0, 1]
    (lambda x: jnp.where(x[:, 0] > 1.5, jnp.nan, 1.0), "signal: weights in .* got nan"),
    (lambda x: jnp.where(x[:, 0] > 1.5, 0.5, 5.0), r"signal: weights in .* got 5\.0"),
    (lambda x: jnp.where(x[:, 0] > 1.5, 1.0, -1.0), r"signal: weights in .* got -1\.0"),
    (lambda x: jnp.ones_like(x), r"signal: .*weights \[12\], .* got an array of shape \[12, 1\]"),
    (lambda x: 0.5, r"signal: .*weights \[12\], .* got float"),
]
BAD_SMOOTHINGS = [
    (family, smoothing)
    for family in (CATEGORICAL, CHAIN)
    for x in (-1.0, np.nan, np.inf)
    for smoothing in (x, [x] + [1.0] * (family[0].size - 1))
]
DOORS = [
    *((partial(run, CATEGORICAL, signal), name) for signal, name in BAD_SIGNALS),
    *((partial(ensemble, CATEGORICAL._replace(probs=PROBS[None]), signal), name) for signal, name in BAD_SIGNALS),
    *((partial(weigh, weights, until_kept), name) for weights, name in BAD_WEIGHTS for until_kept in (False, True)),
    *each("Gaussian", lambda x: sandbox.Gaussian(array([0.0, 0]), array(x)).check(), [[1.0]], [[1.0, 0.5], [0.5, 1]]),
    (sandbox.Gaussian(array([0.0]), array([[-1.0]])).check, "Gaussian"),
    *each("Categorical", lambda x: sandbox.Categorical(array(x)).check(), [0.5, 0.6], [1.5, -0.5], []),
    (CHAIN._replace(initial=array([1.0, 1, 1])).check, "MarkovChain"),
    (CHAIN._replace(transition=CHAIN.transition * 2).check, "MarkovChain"),
    (CHAIN._replace(initial=array([0.5, 0.5])).check, "MarkovChain"),
    (FULL._replace(weights=array([0.5, 0.6])).check, "GaussianMixture"),
    (FULL._replace(means=FULL.means[:1]).check, "GaussianMixture"),
    (FULL._replace(scales=-FULL.scales).check, "GaussianMixture"),
    *((partial(smooth, *case), "smoothing: a finite number of 0 or more") for case in BAD_SMOOTHINGS),
    *((partial(smooth, CATEGORICAL, [1.0] * n), "smoothing: one number or 4") for n in (0, 1, 2, 5)),
    *((partial(smooth, CHAIN, [1.0] * n), "smoothing: one number or 3") for n in (0, 1, 2, 5)),
    (lambda: from_data(np.ones((5, 2)), 0), "num_components:"),
    *each("x:", lambda x: from_data(x, 2), np.ones((5, 2)), [[1.0], [np.nan], [2.0]], [[1.0], [np.inf], [2.0]]),
    (lambda: from_data(np.ones((0, 2)), 1), "x:"),
    (lambda: from_data(CLUSTERS, 2, restarts=0), "restarts:"),
    (lambda: from_data(CLUSTERS, 2, steps=0), "steps:"),
    (lambda: from_data(CLUSTERS, 2, covariance_floor=0.0), "covariance_floor:"),
    (lambda: FULL.fit(jnp.ones((9, 2)), jnp.ones(9), steps=0), "steps:"),
    (lambda: FULL.fit(jnp.ones((9, 2)), jnp.ones(9), covariance_floor=-1.0), "covariance_floor:"),
    *each("num_samples", lambda x: run(num_samples=x), 0, True),
    (lambda: run(num_generations=-1), "num_generations"),
    (lambda: run(GAUSSIAN_1._replace(mean=array([np.nan]))), "model"),
    (lambda: run(GAUSSIAN_1._replace(scale=array([[np.inf]]))), "model"),
    (lambda: run(GAUSSIAN_1._replace(scale=array([[-1.0]]))), "Gaussian"),
    *each(r"Categorical\.probs", lambda x: run(sandbox.Categorical(array(x))), [0.5, 0.6], [1.5, -0.5]),
    (lambda: run(CHAIN._replace(transition=2 * CHAIN.transition)), r"MarkovChain\.transition"),
    (lambda: run(sandbox.Categorical([0.5, 0.5])), r"model\.probs: an array"),
    (lambda: run(CHAIN._replace(transition=[[0.5, 0.5], [1, 0]])), r"model\.transition\[0\]: an array"),
    *each("share", lambda x: run(regime=Fresh(GAUSSIAN_1, x)), 1.5, -0.1, NAN),
    *each("regime", lambda x: run(regime=x), Fresh(None, 0.5), Reuse()),
    (lambda: run(regime=Reuse(array([[np.nan]]))), "data"),
    (lambda: run(regime=Accumulate(array([[1.0, 2.0]]))), "data"),
    (lambda: run(fit=nan_fit), "fit"),
    (lambda: small_ensemble.run(num_samples=0), "num_samples"),
    (lambda: small_ensemble.run(num_generations=-1), "num_generations"),
    (lambda: small_ensemble.run(num_replicas=0), "num_replicas"),
    (lambda: small_ensemble.run(num_real=0), "num_real"),
    (lambda: small_ensemble.run(every=0), "every"),
    (lambda: small_ensemble.run(chunk=0), "chunk"),
    (lambda: small_ensemble.run(resume=True), "resume"),
    (lambda: small_ensemble.run(num_real=None, regime=Reuse()), "regime"),
    (lambda: small_ensemble.run(regime=Fresh(None, 1.5)), "share"),
    *each("tasks", lambda x: small_ensemble.run(tasks=TASKS._replace(mean=x)), TASKS.mean * np.nan, TASKS.mean[:2]),
    (lambda: small_ensemble.run(tasks=GAUSSIAN_1), "tasks: models stacked on axis 0"),
    (lambda: small_ensemble.run(tasks=sandbox.Categorical(array([[0.5, 0.5], [0.5, 0.6]]))), r"Categorical\.probs"),
    (lambda: small_ensemble.run(fit=nan_fit), "fit"),
    (lambda: small_ensemble.run(signal=lambda key, model, x: jnp.full(len(x), jnp.nan)), "signal: weights in"),
    (lambda: small_ensemble.run(signal=lambda key, model, x: x), "signal: an array of weights"),
    (lambda: sandbox.FixedRewardModel.trained(KEY, CHAIN, num_real=0), "num_real"),
    (lambda: sandbox.FixedRewardModel.trained(KEY, CHAIN, num_real=5, level=1.5), "level"),
]


@pytest.mark.parametrize(("call", "begins"), DOORS)
def test_bad_input_is_refused(call, begins):
    with pytest.raises(ValueError, match=f"^{begins}") as error:
        call()
    assert re.search(r"(?s) accepted.*\bgot |: at most .* got | needs ", str(error.value)), error.value
