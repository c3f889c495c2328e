"""Bad input at every public door of `sandbox.policies` and `sandbox.shortcuts`; one line a case.

A case is a call, and `NAME: ACCEPTED`: how the message begins, and what it says is accepted. Functions are called bare,
as users call them, without the type checks of these tests.
"""

import inspect
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cases import array

from sandbox import policies, shortcuts
from sandbox.inputs import ready
from sandbox.policies import (
    GRPO,
    RFT,
    RLVR,
    SFT,
    Feedback,
    Layer,
    NaturalGradient,
    Network,
    Prompts,
    Score,
    Table,
    Weighted,
)
from sandbox.shortcuts import KINDS, WIDTH, Kind, Shortcut, Student, Training, feature, shortcut

KEY = jax.random.key(0)
bare = inspect.unwrap
NAN = float("nan")
K, M, P, D = 3, 2, 3, 2
PROMPTS = Prompts(jnp.zeros((P, D)), jnp.array([2, 0, 1]), jnp.full((P, M), 0.5), jnp.full(P, 1 / P))
TABLE = Table(array(np.random.default_rng(0).normal(size=(P, K, M))))
network = policies.network
NET = network(KEY, D, K, M, hidden=(2,))
HEAD = network(KEY, D, K, M, hidden=()).layers[0]
OWN = policies.verdict(K, M)
HALVES = jnp.full((2, 2, 2), 0.5)
SCORE = Score(jnp.full((P, K * M), 0.5))
BIT = feature("parity")
ONE = shortcut(BIT, feature("length", size=8, margin=0.5), agreement=0.8, label_noise=0.1)
FOUR = shortcuts.stack([ONE] * 4)
KEYS = jax.random.split(KEY, (4, 8))


class Rows(NamedTuple):
    """A policy with a row of logits for each prompt, which does not look at features."""

    logits: jax.Array

    def __call__(self, features, /):
        return self.logits


class Two(NamedTuple):
    """A policy that gives logits of two axes."""

    logits: jax.Array

    def __call__(self, features, /):
        return self.logits[:, :, 0]


class Undefined(NamedTuple):
    """A method whose loss is no number."""

    def loss(self, log_probs, batch, /):
        return log_probs.sum() * jnp.nan


class Plain:
    """A method that is no pytree."""

    def loss(self, log_probs, batch, /):
        return log_probs.sum()


def dataset(**options):
    sizes = {"num_classes": 2, "num_forms": 1, "num_items": (6, 5), "num_domains": (3, 2), "num_bits": 4}
    return bare(policies.dataset)(KEY, **sizes | options)


def train(policy=TABLE, prompts=PROMPTS, signal=OWN, method=RLVR(0.3), **options):  # noqa: B008
    return bare(policies.train)(KEY, policy, prompts, signal, method, **{"num_rounds": 2} | options)


def rounds_to(**options):
    return bare(policies.rounds_to)(KEY, TABLE, PROMPTS, OWN, RLVR(), **{"goal": 0.9, "num_rounds": 2} | options)


def learn_online(keys=KEYS, environments=FOUR, **options):
    settings = {"num_steps": 64, "batch": 16, "training": Training(switch=20), "curriculum": FOUR}
    return bare(shortcuts.learn_online)(keys, environments, shortcuts.STUDENTS["linear SGD"], **settings | options)


def layers(of_a_network):
    ready("it", Network(of_a_network))


def each(message, call, *values):
    return [(partial(call, value), message) for value in values]


OUT_OF_RANGE = [  # a part, one of its fields, and a number that it may not hold
    (part, field, value)
    for part, fields, values in [
        (PROMPTS, "features", (np.inf,)),
        (PROMPTS, "correct", (-1,)),
        (PROMPTS, "form_probs probs", (1.1, NAN)),
        (SCORE, "accepted", (-0.1, 1.1, NAN)),
        (OWN, "channel value", (-0.1, 1.1, NAN)),
        (TABLE, "logits", (-np.inf, NAN)),
        (HEAD, "kernel bias", (NAN,)),
        (RLVR(0.3, 0.2), "kl clip", (-0.1, NAN)),
        (RLVR(0.3, 0.2), "clip", (0.0,)),
        (GRPO(0.3, 0.2), "kl clip", (-0.1, NAN)),
        (GRPO(0.3, 0.2), "clip", (0.0,)),
        (NaturalGradient(0.3), "kl", (-0.1, NAN)),
        (BIT, "kind", (-1, len(KINDS), 0.5)),
        (BIT, "order size", (0, WIDTH + 1)),
        (BIT, "margin presence", (-0.1, 1.1, NAN)),
        (ONE, "agreement", (-0.1, 1.1, NAN)),
        (Training(), "learning_rate", (0.0, NAN)),
        (Training(), "weight_decay", (-0.1, np.inf)),
        (Training(), "num_batches switch", (-1, 1.5, 2**31)),
        (Training(), "num_batches", (0,)),
    ]
    for field in fields.split()
    for value in values
]


def spoiled(part, field, value):
    """With this value in one place."""
    numbers = np.array(getattr(part, field)).astype(type(value))
    numbers.flat[-1] = value
    ready("it", part._replace(**{field: numbers}))


DOORS = [
    (lambda: dataset(num_classes=1), "num_classes"),
    (lambda: dataset(num_items=(0, 1)), r"num_items\[0\]"),
    (lambda: dataset(num_items=(9, 8)), "num_items: at most 16 in all"),
    (lambda: dataset(num_bits=21), "num_bits: 1 to 20"),
    (lambda: dataset(dtype=jnp.int32), "dtype: a floating type"),
    (lambda: dataset(num_items=(9,)), "num_items: two numbers"),
    (lambda: dataset(rule=lambda key, items: jnp.full(len(items), 7)), "rule: classes"),
    (lambda: dataset(rule=lambda key, items: jnp.zeros(len(items))), "rule: 11 integers"),
    (lambda: dataset(num_domains=(10**8, 1)), "num_domains: a size"),
    (lambda: PROMPTS.references(2), r"Prompts\.correct: classes 0 … 1"),
    (lambda: policies.accuracy(Table(TABLE.logits[:, :2]), PROMPTS), r"Prompts\.correct: classes 0 … 1"),
    (lambda: bare(policies.table_prompts)(10**9, 2, 1), "num_prompts: a size"),
    (lambda: policies.table_prompts(1, 1, 1), "num_classes:"),
    *((partial(spoiled, *case), rf"{type(case[0]).__name__}\.{case[1]}") for case in OUT_OF_RANGE),
    (lambda: ready("it", PROMPTS._replace(probs=array([1.5, -0.5, 0]))), r"Prompts\.probs"),
    (lambda: ready("it", PROMPTS._replace(form_probs=PROMPTS.form_probs[:2])), r"Prompts\.form_probs"),
    (lambda: ready("it", PROMPTS._replace(features=jnp.zeros((2, 1)))), r"Prompts\.correct: prompt = 2"),
    (lambda: ready("it", Feedback(HALVES[0], jnp.arange(2.0))), r"Feedback\.channel: numbers \[proposal"),
    (lambda: ready("it", Feedback(HALVES, jnp.zeros(3))), r"Feedback\.value: symbol = 2"),
    (lambda: bare(policies.verdict)(2, 1, tpr=np.array([0.5, 0.6])), "tpr: one number"),
    (lambda: bare(policies.verdict)(10**5, 10), "num_classes: a size"),
    (lambda: policies.preference(100, 20), "num_classes: a size"),
    (lambda: policies.reference(2, 4, num_styles=3), "num_styles"),
    (lambda: policies.preference(K, M).symbol_probs(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.verdict(2, 1).against(array([0.5, 0.5])), r"Feedback\.channel: 4 pairs"),
    (lambda: Score(SCORE.accepted[:2]).symbol_probs(PROMPTS), r"Score\.accepted: a row for each of 3"),
    *each("opponent", lambda x: policies.preference(2, 1).against(array(x)), [0.5, 0.6], [0.5, 0.25, 0.25]),
    *each(r"Network\.layers\[0\]: a kernel", layers, (HEAD._replace(bias=HEAD.bias[:1]),), (HEAD, HEAD)),
    *each(r"Network\.layers\[1\]: a kernel \[3, class", layers, (Layer(jnp.zeros(3), jnp.zeros((D, 3))), HEAD)),
    *each(r"Network\.layers: floats of one dtype", layers, (HEAD._replace(bias=HEAD.bias.astype(float)),)),
    (lambda: bare(network)(KEY, D, K, M, hidden=[3]), "hidden: a tuple"),
    (lambda: network(KEY, D, K, M, hidden=(3, 0)), r"hidden\[1\]"),
    (lambda: network(KEY, D, K, M, hidden=(10**9,)), "hidden: a size that leaves at most"),
    (lambda: TABLE(PROMPTS.features[:2]), r"Table\.logits: 2 rows"),
    (lambda: NET(PROMPTS.features[:, :1]), "features: 2 a prompt"),
    (lambda: train(lambda features: features[:, :, None]), "policy.*: a pytree of arrays"),
    (lambda: train(Two(TABLE.logits)), "policy: one that gives float logits"),
    (lambda: train(method=Plain()), "method: a pytree of arrays"),
    (lambda: train(optimizer="adam"), "optimizer: one of optax"),
    (lambda: train(held_out=(PROMPTS, PROMPTS)), "held_out: Prompts"),
    (lambda: train(learning_rate=np.array([0.1, 0.2])), "learning_rate: one number"),
    (lambda: train(method=Undefined()), "policy: a start, a method and a learning rate"),
    (lambda: train(method=RLVR(np.zeros(2))), "RLVR.kl: one number"),
    (lambda: train(method=Weighted((RFT(),), (np.ones(2),))), "weights: one number"),
    (lambda: train(num_samples=10**9), "num_samples: a size"),
    (lambda: train(num_rounds=10**9), "num_rounds: a size"),
    (lambda: train(num_updates=np.array([1, 2**40])), r"num_updates: integers >= 0 below 2\^31"),
    (lambda: rounds_to(num_rounds=2**31), r"num_rounds: integers >= 1 below 2\^31"),
    (lambda: rounds_to(measure=lambda policy, held_out: policy.logits), "measure: one to a single number"),
    *each("num_updates", lambda x: train(num_updates=np.array(x)), [1, -1], [1.0, 1.0], [1, 1, 1]),
    *each("batches", lambda x: train(NET, batches=np.array(x)), [0, 1], [[0]], [[0, 1]] * 3, [[0], [3]], [[0], [-1]]),
    (lambda: train(batches=np.array([[0], [1]])), "Table.logits: 1 rows"),
    (lambda: train(Rows(TABLE.logits), batches=np.array([[0], [1]])), "policy: one whose logits come from features"),
    (lambda: train(num_samples=1), "num_samples: an integer >= 2"),
    (lambda: train(num_samples=1, method=GRPO()), "num_samples: an integer >= 2"),
    (lambda: train(num_samples=1, method=NaturalGradient()), "num_samples: an integer >= 2"),
    (lambda: train(num_samples=1, method=Weighted((RFT(), RLVR()), (1.0, 0.0))), "num_samples: an integer >= 2"),
    (lambda: train(method=Weighted((NaturalGradient(),), (1.0,))), "methods: losses"),
    (lambda: train(Table(TABLE.logits * jnp.nan)), r"Table\.logits"),
    (lambda: train(prompts=PROMPTS._replace(probs=PROMPTS.probs * 2)), r"Prompts\.probs"),
    (lambda: train(signal=OWN._replace(value=array([0, 2.0]))), r"Feedback\.value"),
    (lambda: train(signal=policies.reference(K, M)), r"Feedback\.channel: a proposal"),
    (lambda: train(signal=policies.verdict(K + 1, M)), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=Score(jnp.ones((P, K * M + 1)))), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=None, method=RFT()), "feedback: a Feedback with RFT"),
    (lambda: train(prompts=policies.table_prompts(P, K, M + 1), method=SFT()), r"Prompts\.form_probs"),
    (lambda: train(prompts=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    (lambda: train(held_out=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    (lambda: train(prompts=policies.table_prompts(P + 1, K, M)), r"Table\.logits"),
    (lambda: train(network(KEY, D + 1, K, M)), "features"),
    (lambda: train(method=RLVR), "method: one with a `loss`, as RLVR"),
    (lambda: bare(feature)("parity", scale=np.ones(2)), "scale: one number"),
    (BIT._replace(scale=np.ones(2)).check, "Feature: fields of one shape"),
    (lambda: FOUR.intended.evidence(), "Feature: one feature"),
    (lambda: shortcut(BIT, FOUR.spurious, agreement=0.8), r"Shortcut\.spurious: a single feature"),
    (FOUR._replace(agreement=FOUR.agreement[:3]).check, r"Shortcut\.intended: \(3,\)"),
    (lambda: bare(shortcuts.stack)([ONE, BIT]), "shortcuts: a list"),
    (lambda: shortcuts.stack([ONE, FOUR]), "shortcuts: environments of one shape"),
    (lambda: bare(Shortcut.draw)(ONE, 0, 8, jnp.ones(2, bool)), "key: one random key"),
    (lambda: bare(Shortcut.counterfactual)(ONE, 0, 8), "key: one random key"),
    (lambda: ONE.counterfactual(KEY, 0), "num_samples"),
    (lambda: feature("parity", order=11), "order: with parity 1 to 10"),
    (lambda: feature("length", order=2), "order: with length 1"),
    (lambda: feature("source", margin=0.5), "margin: with source none"),
    (lambda: feature("pattern", order=3, size=3), "size: 4 to 10 with pattern of order 3"),
    (lambda: feature("two-layer", order=3, size=5), "size: 6 to 10 with two-layer of order 3"),
    (lambda: feature("source", order=6), "order: with source 1 to 5"),
    (lambda: feature("length", size=11), "size"),
    (lambda: feature("parity", scale=0.0), "scale"),
    (lambda: shortcuts.stack([]), "shortcuts"),
    (ONE._replace(agreement=np.full(3, 0.5)).check, r"Shortcut\.agreement: two"),
    (lambda: learn_online(KEYS[0]), "keys"),
    (lambda: learn_online(num_steps=10**9), "num_steps: a size"),
    (lambda: learn_online(batch=10**6), "batch: a size"),
    *each("Student.hidden", lambda x: Student(x).check(), [64], (0,)),
    # optax.adam goes uphill, since its step has a rate and a sign of its own
    *each(r"Student\.optimizer: a transformation", lambda x: Student((), x).check(), "adam", optax.adam(0.01)),
    (lambda: learn_online(training=Training(1e38, switch=20)), r"Training\.learning_rate: one with which the losses"),
    (lambda: learn_online(KEYS[:3]), "keys: keys .* of 4 environments"),
    (lambda: learn_online(training=Training(np.array([0.1, 0, 1, 1]))), r"Training\.learning_rate"),
    (lambda: learn_online(training=Training(np.full(3, 0.1))), r"Training\.learning_rate: a number, or one for each"),
    (lambda: learn_online(environments=FOUR._replace(agreement=FOUR.agreement * 2)), r"Shortcut\.agreement: numbers"),
    *each("curriculum: 4 environments", lambda x: learn_online(curriculum=x), shortcuts.stack([ONE] * 3), ONE),
    (lambda: shortcuts.learn_online(KEY, ONE, num_steps=1, curriculum=ONE), r"Training\.switch: 1 or more"),
]


@pytest.mark.parametrize(("call", "message"), DOORS)
def test_bad_input_is_refused(call, message):
    name, _, accepted = message.partition(": ")
    with pytest.raises(ValueError, match=rf"(?s)^{name.removesuffix(':')}\S*: .* was given; accepted: .*{accepted}"):
        call()


def test_good_input_is_accepted():
    lists = Table(np.zeros((P, K, M), int).tolist()), Feedback(np.asarray(HALVES).tolist(), [0, 1])
    for good in (PROMPTS, SCORE, OWN, TABLE, NET, *lists):
        ready("it", good)
    for good in (ONE, FOUR):
        good.check()
    assert isinstance(TABLE, policies.Policy) and isinstance(NET, policies.Policy)


@pytest.mark.parametrize("write", [lambda u, sign, c: u[:, :3], lambda u, sign, c: u > 0, lambda u, sign, c: None])
def test_a_kind_that_writes_no_block_is_refused(write, monkeypatch):
    monkeypatch.setitem(KINDS, "mine", Kind(write))
    with pytest.raises(ValueError, match=r"^KINDS\['mine'\]\.write: .* was given; accepted: "):
        feature("mine")


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, int])
def test_features_of_another_dtype_train_the_same_network(dtype):
    """The weights keep theirs."""
    prompts = PROMPTS._replace(features=(jnp.arange(P * D) % 3).reshape(P, D).astype(dtype))
    single = PROMPTS._replace(features=prompts.features.astype(jnp.float32))
    found, expected = (train(NET, one, learning_rate=0.5).policy for one in (prompts, single))
    for leaf, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert leaf.dtype == jnp.float32
        np.testing.assert_array_equal(leaf, other)
