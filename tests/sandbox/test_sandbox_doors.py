"""Bad input at every public door of `sandbox`: the call, and how its message begins; one line a case."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import small_ensemble
from cases import CASES, CHAIN, FULL, GAUSSIAN_1, PROBS, array

import sandbox
from sandbox import policies, shortcuts
from sandbox.policies import (
    RFT,
    RLVR,
    SFT,
    Feedback,
    NaturalGradient,
    Network,
    Policy,
    Prompts,
    Score,
    Table,
    Weighted,
    network,
)
from sandbox.regimes import Accumulate, Fresh, Reuse
from sandbox.regions import Symbols
from sandbox.shortcuts import Student, Training, component, shortcut

KEY = jax.random.key(0)
NAN = float("nan")
CATEGORICAL = CASES[0].model
TASKS = small_ensemble.TASKS
MASK, HALF = Symbols(jnp.ones(4, bool)), array([0.5])
K, M, P, D = 3, 2, 3, 2
PROMPTS = Prompts(jnp.zeros((P, D)), jnp.array([2, 0, 1]), jnp.full((P, M), 0.5), jnp.full(P, 1 / P))
TABLE = Table(array(np.random.default_rng(0).normal(size=(P, K, M))))
NET = network(KEY, D, K, M, hidden=(2,))
OWN = policies.verdict(K, M)
LAW = jnp.full((2, 2, 2), 0.5)
SCORE = Score(jnp.full((P, K * M), 0.5))
ONE = shortcut(component("parity"), component("length", size=8, margin=0.5), agreement=0.8, label_noise=0.1)
FOUR = shortcuts.stack([ONE] * 4)
KEYS = jax.random.split(KEY, (4, 8))
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


def dataset(**options):
    sizes = {"num_classes": 2, "num_forms": 1, "num_contents": (6, 5), "num_domains": (3, 2), "num_bits": 4}
    return policies.dataset(KEY, **sizes | options)


def train(policy=TABLE, prompts=PROMPTS, signal=OWN, method=RLVR(0.3), **options):  # noqa: B008
    return policies.train(KEY, policy, prompts, signal, method, **{"num_rounds": 2} | options)


def rounds_to(**options):
    return policies.rounds_to(KEY, TABLE, PROMPTS, OWN, RLVR(), **{"goal": 0.9, "num_rounds": 2} | options)


def learn_online(keys=KEYS, shortcuts=FOUR, **options):
    settings = {"num_steps": 64, "batch": 16, "training": Training(switch=20), "curriculum": FOUR}
    return shortcuts.learn_online(keys, shortcuts, shortcuts.STUDENTS["linear SGD"], **settings | options)


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
    (lambda: dataset(num_classes=1), "num_classes"),
    (lambda: dataset(num_forms=0), "num_forms"),
    (lambda: dataset(num_bits=0), "num_bits"),
    (lambda: dataset(num_contents=(0, 1)), r"num_contents\[0\]"),
    (lambda: dataset(num_contents=(1, 0)), r"num_contents\[1\]"),
    (lambda: dataset(num_domains=(1, 0)), r"num_domains\[1\]"),
    (lambda: dataset(num_contents=(9, 8)), "num_contents: at most 16 in all"),
    (lambda: dataset(num_bits=21), "num_bits: at most 20"),
    (lambda: dataset(dtype=jnp.int32), "dtype: a floating type"),
    (lambda: dataset(num_contents=(9,)), "num_contents: two numbers"),
    (lambda: dataset(rule=lambda key, contents: jnp.full(len(contents), 7)), "rule: classes"),
    (lambda: policies.table_prompts(0, 2, 1), "num_prompts:"),
    (lambda: policies.table_prompts(1, 1, 1), "num_classes:"),
    (lambda: policies.table_prompts(1, 2, 0), "num_forms:"),
    *each(r"Prompts\.probs", lambda x: PROMPTS._replace(law=array(x)).check(), [0.5, 0.6, 0], [1.5, -0.5, 0]),
    (PROMPTS._replace(wording=PROMPTS.wording * 2).check, r"Prompts\.wording"),
    (PROMPTS._replace(wording=PROMPTS.wording[:2]).check, r"Prompts\.wording"),
    (PROMPTS._replace(wording=array([0.5, 0.5, 0])).check, r"Prompts\.wording"),
    (PROMPTS._replace(features=jnp.full((3, 1), jnp.nan)).check, r"Prompts\.features"),
    (PROMPTS._replace(features=jnp.zeros((2, 1))).check, r"Prompts\.features"),
    *each(r"Prompts\.correct", lambda x: PROMPTS._replace(correct=jnp.array(x)).check(), [0, -1, 0], [0, 1]),
    (PROMPTS._replace(law=array([0.5, 0.5])).check, r"Prompts\.features"),
    *each(r"Score\.accepted: an array", lambda x: Score(x).check(), [[0.5]], SCORE.accepted[0]),
    *each(r"Score\.accepted: numbers", lambda x: Score(SCORE.accepted.at[0, 0].set(x)).check(), 1.1, jnp.nan),
    (Score(SCORE.accepted.at[2, 5].set(-0.1)).check, r"Score\.accepted: numbers"),
    (Feedback(LAW * 0.9, jnp.arange(2.0)).check, r"Feedback\.channel"),
    (Feedback(LAW.at[0, 0].set(array([1.5, -0.5])), jnp.arange(2.0)).check, r"Feedback\.channel"),
    (Feedback(LAW.at[1, 0, 0].set(jnp.nan), jnp.arange(2.0)).check, r"Feedback\.channel"),
    (Feedback(LAW[0], jnp.arange(2.0)).check, r"Feedback\.channel: an array"),
    (Feedback(LAW, jnp.zeros(3)).check, r"Feedback\.value: 2 numbers"),
    (Feedback(LAW, jnp.asarray(1.0)).check, r"Feedback\.value: 2 numbers"),
    *each(r"Feedback\.value", lambda x: Feedback(LAW, jnp.array(x)).check(), [0, 1.1], [-0.1, 1.0], [0, jnp.nan]),
    (lambda: policies.verdict(2, 1, tpr=1.1), "tpr"),
    (lambda: policies.verdict(2, 1, fpr=NAN), "fpr"),
    (lambda: policies.verdict(0, 1), "num_classes"),
    (lambda: policies.rubric(2, 0), "num_forms"),
    (lambda: policies.preference(0, 1), "num_classes"),
    (lambda: policies.reference(2, 0), "num_forms"),
    *each("num_styles", lambda x: policies.reference(2, 4, num_styles=x), 3, 0),
    (lambda: policies.preference(K, M).given(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.reference(K, M).given(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.verdict(K, 1).given(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.verdict(2, 1).against(array([0.5, 0.5])), r"Feedback\.channel: 4 pairs"),
    (lambda: Score(SCORE.accepted[:2]).given(PROMPTS), r"Score\.accepted: a row for each of 3"),
    (lambda: Score(SCORE.accepted[:1]).given(PROMPTS), r"Score\.accepted: a row for each of 3"),
    *each("opponent", lambda x: policies.preference(2, 1).against(array(x)), [0.5, 0.6], [0.5, 0.25, 0.25]),
    (Table(jnp.zeros((2, 3))).check, r"Table\.logits: floats"),
    *each(r"Table\.logits", lambda x: Table(TABLE.logits.at[0, 0, 0].set(x)).check(), jnp.nan, -jnp.inf),
    (Network({"params": {"head": {"kernel": jnp.array([jnp.nan])}}}).check, r"Network\.variables.*kernel"),
    (lambda: TABLE(PROMPTS.features[:2]), r"Table\.logits: 2 rows"),
    (lambda: NET(PROMPTS.features[:, :1]), "features: 2 a prompt"),
    (lambda: network(KEY, D, K, M, hidden=())(PROMPTS.features[:, :1]), "features: 2 a prompt"),
    (lambda: network(KEY, 0, K, M), "num_features"),
    (lambda: network(KEY, D, 0, M), "num_classes"),
    (lambda: network(KEY, D, K, 0), "num_forms"),
    (lambda: network(KEY, D, K, M, hidden=(3, 0)), r"hidden\[1\]"),
    (lambda: train(num_rounds=0), "num_rounds"),
    *each(
        "num_updates", lambda x: train(num_updates=x), 0, np.array([1, -1]), np.array([1.0, 1.0]), np.array([1, 1, 1])
    ),
    *each("num_rounds", lambda x: rounds_to(num_rounds=x), 0, np.array(2.5)),
    (lambda: rounds_to(goal=np.nan), "goal"),
    (lambda: train(num_samples=1), "num_samples: an integer of 2"),
    (lambda: train(num_samples=1, method=NaturalGradient()), "num_samples: an integer of 2"),
    (lambda: train(num_samples=1, method=Weighted((RFT(), RLVR()), (1.0, 0.0))), "num_samples: an integer of 2"),
    *each("methods", lambda x: train(method=Weighted((x,), (1.0,))), NaturalGradient(), SFT()),
    (lambda: train(num_samples=0, method=RFT()), "num_samples: an integer of 1"),
    *each("learning_rate", lambda x: train(learning_rate=x), -0.1, NAN),
    (lambda: train(method=RLVR(-0.1)), "kl"),
    (lambda: train(method=NaturalGradient(-0.1)), "kl"),
    *each("clip", lambda x: train(method=RLVR(0.0, x)), 0.0, NAN),
    (lambda: train(Table(TABLE.logits * jnp.nan)), r"Table\.logits"),
    (lambda: train(prompts=PROMPTS._replace(law=PROMPTS.law * 2)), r"Prompts\.probs"),
    (lambda: train(signal=OWN._replace(value=array([0, 2.0]))), r"Feedback\.value"),
    (lambda: train(signal=policies.preference(K, M)), r"Feedback\.channel: a proposal"),
    (lambda: train(signal=policies.reference(K, M)), r"Feedback\.channel: a proposal"),
    (lambda: train(signal=policies.verdict(K + 1, M)), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=Score(jnp.ones((P, K * M + 1)))), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=policies.verdict(K - 1, M), method=RFT()), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=None, method=RFT()), "feedback: a Feedback is accepted with RFT, got None"),
    (lambda: train(signal=Score(jnp.full((P, K * M), 1.5))), r"Score\.accepted: numbers"),
    (lambda: train(signal=Score(jnp.ones((P + 1, K * M)))), r"Score\.accepted: a row for each of 3"),
    (lambda: train(signal=Feedback([[[1.0]]], jnp.ones(1))), r"Feedback\.channel: an array"),
    (lambda: train(prompts=policies.table_prompts(P, K, M + 1)), r"Prompts\.wording"),
    (lambda: train(prompts=policies.table_prompts(P, K, 1), method=SFT()), r"Prompts\.wording"),
    (lambda: train(prompts=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    (lambda: train(exam=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    *each(r"Table\.logits", lambda x: train(prompts=policies.table_prompts(x, K, M)), P + 1, 1),
    (lambda: train(prompts=PROMPTS._replace(law=[0.5, 0.3, 0.2])), r"Prompts\.probs: an array"),
    (lambda: train(network(KEY, D + 1, K, M)), "features"),
    (lambda: train(Table(jnp.zeros((P, K, M), int))), r"Table\.logits: floats"),
    (lambda: train(method=RLVR), "method: one with a `loss`, as RLVR"),
    (lambda: train(method="rlvr"), "method: one with a `loss`"),
    (lambda: component("colour"), "kind"),
    (lambda: component("parity", order=0), "order"),
    (lambda: component("parity", size=0), "size"),
    (lambda: component("parity", order=11), "order: with parity 1 to 10 is"),
    (lambda: component("length", order=2), "order: with length 1 is"),
    (lambda: component("source", margin=0.5), "margin: with source none is"),
    (lambda: component("parity", order=3, size=2), "size: 3 to 10 with parity of order 3"),
    (lambda: component("pattern", order=3, size=3), "size: 4 to 10 with pattern of order 3"),
    (lambda: component("two-layer", order=3, size=5), "size: 6 to 10 with two-layer of order 3"),
    (lambda: component("source", order=6), "order: with source 1 to 5 is"),
    (lambda: component("pattern", order=10), "order: with pattern 1 to 9 is"),
    (lambda: component("position", order=5, size=9), "size"),
    (lambda: component("length", size=11), "size"),
    *each("scale", lambda x: component("parity", scale=x), 0.0, float("inf")),
    *each("margin", lambda x: component("style", margin=x), 1.1, NAN),
    (lambda: component("style", presence=-0.1), "presence"),
    (lambda: shortcut(*ONE[:2], agreement=1.1), "agreement"),
    (lambda: shortcut(*ONE[:2], agreement=0.5, label_noise=-0.1), "label_noise"),
    (lambda: shortcut(*ONE[:2], agreement=0.5, label_noise=NAN), "label_noise"),
    (lambda: shortcuts.stack([]), "shortcuts"),
    *each(r"Shortcut\.agreement: two", lambda x: ONE._replace(agreement=np.array(x)).check(), 0.5, [0.5, 0.5, 0.5]),
    (ONE._replace(agreement=np.array([0.5, 1.5])).check, r"Shortcut\.agreement: numbers"),
    (lambda: learn_online(KEYS[0]), "keys"),
    (lambda: learn_online(KEYS[:3]), "keys: keys .* of 4 environments"),
    (lambda: learn_online(num_steps=0), "num_steps"),
    *each(
        r"Training\.learning_rate", lambda x: learn_online(training=Training(x)), 0.0, np.array([0.1, 0.1, -0.1, 0.1])
    ),
    (lambda: learn_online(training=Training(np.full(3, 0.1))), r"Training\.learning_rate: a number, or one for each"),
    *each(r"Training\.weight_decay", lambda x: learn_online(training=Training(weight_decay=x)), -0.1, np.inf),
    (lambda: learn_online(training=Training(num_batches=0)), r"Training\.num_batches"),
    (lambda: learn_online(training=Training(num_batches=2.5)), r"Training\.num_batches: integers"),
    (lambda: learn_online(training=Training(switch=-1)), r"Training\.switch"),
    (lambda: learn_online(training=Training(switch=np.array(1.5))), r"Training\.switch: integers"),
    (lambda: learn_online(shortcuts=FOUR._replace(agreement=FOUR.agreement * 2)), r"Shortcut\.agreement"),
    (lambda: learn_online(curriculum=FOUR._replace(agreement=FOUR.agreement - 1)), r"Shortcut\.agreement"),
    (lambda: learn_online(shortcuts=FOUR._replace(agreement=np.ones((4, 3)))), r"Shortcut\.agreement: two"),
    *each("curriculum: 4 environments", lambda x: learn_online(curriculum=x), shortcuts.stack([ONE] * 3), ONE),
    (lambda: shortcuts.learn_online(KEY, ONE, num_steps=1, curriculum=ONE), r"Training\.switch: .* accepted, got 0"),
    (lambda: shortcuts.learn_online(KEY, ONE, num_steps=1, batch=0), "batch: .* accepted, got 0"),
    (
        lambda: shortcuts.learn_online(KEY, ONE._replace(agreement=np.array([0.5, 1.5])), num_steps=1),
        r"Shortcut\.agreement: ",
    ),
    # an optimiser that goes uphill, as optax.adam does, since its step has a rate and a sign of its own
    (
        lambda: shortcuts.learn_online(KEY, ONE, Student((), optax.adam(0.01)), num_steps=1),
        r"Student\.optimizer: .* is -0\.0",
    ),
]


@pytest.mark.parametrize(("call", "begins"), DOORS)
def test_bad_input_is_refused(call, begins):
    with pytest.raises(ValueError, match=f"^{begins}") as error:
        call()
    assert re.search(r"(?s) accepted.*\bgot |: at most .* got | needs ", str(error.value)), error.value


def test_what_the_doors_are_made_of_is_accepted():
    for good in (PROMPTS, SCORE, OWN, TABLE, NET, ONE, Feedback(LAW, jnp.arange(2.0))):
        good.check()
    assert isinstance(TABLE, Policy) and isinstance(NET, Policy)
