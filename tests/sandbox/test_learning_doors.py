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
from sandbox.policies import (
    RFT,
    RLVR,
    SFT,
    Feedback,
    Layer,
    NaturalGradient,
    Network,
    Policy,
    Prompts,
    Score,
    Table,
    Weighted,
    network,
)
from sandbox.shortcuts import KINDS, WIDTH, Kind, Shortcut, Student, Training, feature, shortcut
from sandbox.validation import ready

KEY = jax.random.key(0)
bare = inspect.unwrap
NAN = float("nan")
K, M, P, D = 3, 2, 3, 2
PROMPTS = Prompts(jnp.zeros((P, D)), jnp.array([2, 0, 1]), jnp.full((P, M), 0.5), jnp.full(P, 1 / P))
TABLE = Table(array(np.random.default_rng(0).normal(size=(P, K, M))))
NET = network(KEY, D, K, M, hidden=(2,))
HEAD = network(KEY, D, K, M, hidden=()).layers[0]
OWN = policies.verdict(K, M)
HALVES = jnp.full((2, 2, 2), 0.5)
SCORE = Score(jnp.full((P, K * M), 0.5))
BIT = feature("parity")
ONE = shortcut(BIT, feature("length", size=8, margin=0.5), agreement=0.8, label_noise=0.1)
FOUR = shortcuts.stack([ONE] * 4)
KEYS = jax.random.split(KEY, (4, 8))


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


def each(message, call, *values):
    return [(partial(call, value), message) for value in values]


DOORS = [
    (lambda: dataset(num_classes=1), "num_classes"),
    (lambda: dataset(num_items=(0, 1)), r"num_items\[0\]"),
    (lambda: dataset(num_items=(1, 0)), r"num_items\[1\]"),
    (lambda: dataset(num_domains=(1, 0)), r"num_domains\[1\]"),
    (lambda: dataset(num_items=(9, 8)), "num_items: at most 16 in all"),
    (lambda: dataset(num_bits=21), "num_bits: 1 to 20"),
    (lambda: dataset(dtype=jnp.int32), "dtype: a floating type"),
    (lambda: dataset(num_items=(9,)), "num_items: two numbers"),
    (lambda: dataset(rule=lambda key, items: jnp.full(len(items), 7)), "rule: classes"),
    (lambda: dataset(rule=lambda key, items: jnp.zeros(len(items))), "rule: 11 integers"),
    (lambda: dataset(rule=lambda key, items: jnp.zeros((2, 2), int)), "rule: 11 integers"),
    (lambda: dataset(num_domains=(10**8, 1)), "num_domains: a size"),
    (lambda: bare(policies.dataset)(0, num_classes=2, num_forms=1), "key: one random key"),
    (lambda: bare(Prompts.fixed_reference)(PROMPTS, 7), "key: one random key"),
    (lambda: PROMPTS.references(2), r"Prompts\.correct: classes 0 … 1"),
    (lambda: policies.accuracy(Table(TABLE.logits[:, :2]), PROMPTS), r"Prompts\.correct: classes 0 … 1"),
    (lambda: bare(policies.table_prompts)(10**9, 2, 1), "num_prompts: a size"),
    (lambda: bare(policies.table_prompts)(0, 2, 1), "num_prompts:"),
    (lambda: policies.table_prompts(1, 1, 1), "num_classes:"),
    (lambda: policies.table_prompts(1, 2, 0), "num_forms:"),
    *each(r"Prompts\.probs", lambda x: ready("it", PROMPTS._replace(probs=array(x))), [0.5, 0.6, 0], [1.5, -0.5, 0]),
    (lambda: ready("it", PROMPTS._replace(form_probs=PROMPTS.form_probs * 2)), r"Prompts\.form_probs"),
    (lambda: ready("it", PROMPTS._replace(form_probs=PROMPTS.form_probs[:2])), r"Prompts\.form_probs"),
    (lambda: ready("it", PROMPTS._replace(form_probs=array([0.5, 0.5, 0]))), r"Prompts\.form_probs"),
    (lambda: ready("it", PROMPTS._replace(features=jnp.full((3, 1), jnp.nan))), r"Prompts\.features"),
    (lambda: ready("it", PROMPTS._replace(features=jnp.zeros((2, 1)))), r"Prompts\.correct: prompt = 2"),
    *each(r"Prompts\.correct", lambda x: ready("it", PROMPTS._replace(correct=jnp.array(x))), [0, -1, 0], [0, 1]),
    (lambda: ready("it", PROMPTS._replace(probs=array([0.5, 0.5]))), r"Prompts\.probs: prompt = 3"),
    *each(r"Score\.accepted: numbers \[prompt", lambda x: ready("it", Score(x)), [0.5], SCORE.accepted[0]),
    *each(r"Score\.accepted: numbers", lambda x: ready("it", Score(SCORE.accepted.at[0, 0].set(x))), 1.1, jnp.nan),
    (lambda: ready("it", Score(SCORE.accepted.at[2, 5].set(-0.1))), r"Score\.accepted: numbers"),
    (lambda: ready("it", Feedback(HALVES * 0.9, jnp.arange(2.0))), r"Feedback\.channel"),
    (lambda: ready("it", Feedback(HALVES.at[0, 0].set(array([1.5, -0.5])), jnp.arange(2.0))), r"Feedback\.channel"),
    (lambda: ready("it", Feedback(HALVES.at[1, 0, 0].set(jnp.nan), jnp.arange(2.0))), r"Feedback\.channel"),
    (lambda: ready("it", Feedback(HALVES[0], jnp.arange(2.0))), r"Feedback\.channel: numbers \[proposal"),
    (lambda: ready("it", Feedback(HALVES, jnp.zeros(3))), r"Feedback\.value: symbol = 2"),
    (lambda: ready("it", Feedback(HALVES, jnp.asarray(1.0))), r"Feedback\.value: symbol = 2"),
    *each(
        r"Feedback\.value", lambda x: ready("it", Feedback(HALVES, jnp.array(x))), [0, 1.1], [-0.1, 1.0], [0, jnp.nan]
    ),
    (lambda: bare(policies.verdict)(2, 1, tpr=np.array([0.5, 0.6])), "tpr: one number"),
    (lambda: bare(policies.verdict)(10**5, 10), "num_classes: a size"),
    (lambda: policies.preference(100, 20), "num_classes: a size"),
    *each("num_styles", lambda x: policies.reference(2, 4, num_styles=x), 3, 0),
    (lambda: policies.preference(K, M).symbol_probs(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.reference(K, M).symbol_probs(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.verdict(K, 1).symbol_probs(PROMPTS), r"Feedback\.channel: a proposal"),
    (lambda: policies.verdict(2, 1).against(array([0.5, 0.5])), r"Feedback\.channel: 4 pairs"),
    (lambda: Score(SCORE.accepted[:2]).symbol_probs(PROMPTS), r"Score\.accepted: a row for each of 3"),
    (lambda: Score(SCORE.accepted[:1]).symbol_probs(PROMPTS), r"Score\.accepted: a row for each of 3"),
    *each("opponent", lambda x: policies.preference(2, 1).against(array(x)), [0.5, 0.6], [0.5, 0.25, 0.25]),
    (lambda: ready("it", Table(jnp.zeros((2, 3)))), r"Table\.logits: numbers \[prompt"),
    *each(r"Table\.logits", lambda x: ready("it", Table(TABLE.logits.at[0, 0, 0].set(x))), jnp.nan, -jnp.inf),
    (
        lambda: ready("it", Network((HEAD._replace(kernel=HEAD.kernel.at[0].set(NAN)),))),
        r"Layer\.kernel: numbers, of which none",
    ),
    (lambda: ready("it", Network((HEAD._replace(bias=HEAD.bias[:1]),))), r"Network\.layers\[0\]: a kernel"),
    (lambda: ready("it", Network((HEAD, HEAD))), r"Network\.layers\[0\]: a kernel"),
    (
        lambda: ready("it", Network((Layer(jnp.zeros(3), jnp.zeros((D, 3))), HEAD))),
        r"Network\.layers\[1\]: a kernel \[3, class",
    ),
    (
        lambda: ready("it", Network((HEAD._replace(bias=HEAD.bias.astype(float)),))),
        r"Network\.layers: floats of one dtype",
    ),
    (lambda: bare(network)(0, D, K, M), "key: one random key"),
    (lambda: network(KEY, D, K, M, dtype=int), "dtype: a floating type"),
    (lambda: bare(network)(KEY, D, K, M, hidden=[3]), "hidden: a tuple"),
    (lambda: network(KEY, D, K, M, hidden=(10**9,)), "hidden: a size that leaves at most"),
    (lambda: TABLE(PROMPTS.features[:2]), r"Table\.logits: 2 rows"),
    (lambda: NET(PROMPTS.features[:, :1]), "features: 2 a prompt"),
    (lambda: network(KEY, D, K, M, hidden=())(PROMPTS.features[:, :1]), "features: 2 a prompt"),
    (lambda: network(KEY, D, K, M, hidden=(3, 0)), r"hidden\[1\]"),
    (lambda: bare(policies.train)(0, TABLE, PROMPTS, OWN, RLVR(), num_rounds=1), "key: one random key"),
    (lambda: train(lambda features: features[:, :, None]), "policy.*: a pytree of arrays"),
    (lambda: train(Table), "policy: a Table, a Network, or another Policy"),
    (lambda: train(Two(TABLE.logits)), "policy: one that gives float logits"),
    (lambda: train(signal=policies.verdict), "feedback: a Feedback or a Score"),
    (lambda: train(method=Plain()), "method: a pytree of arrays"),
    (lambda: train(prompts=policies.dataset(KEY, num_classes=K, num_forms=M)), "prompts: Prompts"),
    (lambda: train(optimizer="adam"), "optimizer: one of optax"),
    (lambda: train(held_out=(PROMPTS, PROMPTS)), "held_out: Prompts"),
    (lambda: train(learning_rate=np.array([0.1, 0.2])), "learning_rate: one number"),
    (lambda: train(method=Undefined()), "policy: a start, a method and a learning rate"),
    (lambda: train(method=RLVR(np.zeros(2))), "RLVR.kl: one number"),
    (lambda: train(method=NaturalGradient(np.zeros(2))), "NaturalGradient.kl: one number"),
    (lambda: train(method=Weighted((RFT(),), (np.ones(2),))), "weights: one number"),
    (lambda: train(method=Weighted((RFT(),), ())), "Weighted.weights: one or more"),
    (lambda: train(num_samples=10**9), "num_samples: a size"),
    (lambda: train(num_rounds=10**9), "num_rounds: a size"),
    (lambda: train(num_updates=np.array([1, 2**40])), r"num_updates: integers >= 0 below 2\^31"),
    (lambda: rounds_to(num_rounds=2**31), r"num_rounds: integers >= 1 below 2\^31"),
    (lambda: rounds_to(measure=lambda policy, held_out: policy.logits), "measure: one to a single number"),
    *each(
        "num_updates", lambda x: train(num_updates=x), 0, np.array([1, -1]), np.array([1.0, 1.0]), np.array([1, 1, 1])
    ),
    *each("num_rounds", lambda x: rounds_to(num_rounds=x), 0, np.array(2.5)),
    (lambda: train(num_samples=1), "num_samples: an integer >= 2"),
    (lambda: train(num_samples=1, method=NaturalGradient()), "num_samples: an integer >= 2"),
    (lambda: train(num_samples=1, method=Weighted((RFT(), RLVR()), (1.0, 0.0))), "num_samples: an integer >= 2"),
    *each("methods", lambda x: train(method=Weighted((x,), (1.0,))), NaturalGradient(), SFT()),
    (lambda: train(num_samples=0, method=RFT()), "num_samples: an integer >= 1"),
    *each("learning_rate", lambda x: train(learning_rate=x), -0.1, NAN),
    (lambda: train(method=RLVR(-0.1)), "RLVR.kl"),
    (lambda: train(method=NaturalGradient(-0.1)), "NaturalGradient.kl"),
    *each("RLVR.clip", lambda x: train(method=RLVR(0.0, x)), 0.0, NAN),
    (lambda: train(Table(TABLE.logits * jnp.nan)), r"Table\.logits"),
    (lambda: train(prompts=PROMPTS._replace(probs=PROMPTS.probs * 2)), r"Prompts\.probs"),
    (lambda: train(signal=OWN._replace(value=array([0, 2.0]))), r"Feedback\.value"),
    (lambda: train(signal=policies.preference(K, M)), r"Feedback\.channel: a proposal"),
    (lambda: train(signal=policies.reference(K, M)), r"Feedback\.channel: a proposal"),
    (lambda: train(signal=policies.verdict(K + 1, M)), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=Score(jnp.ones((P, K * M + 1)))), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=policies.verdict(K - 1, M), method=RFT()), "feedback: one on 3 classes x 2 forms"),
    (lambda: train(signal=None, method=RFT()), "feedback: a Feedback with RFT"),
    (lambda: train(signal=Score(jnp.full((P, K * M), 1.5))), r"Score\.accepted: numbers"),
    (lambda: train(signal=Score(jnp.ones((P + 1, K * M)))), r"Score\.accepted: a row for each of 3"),
    (lambda: train(prompts=policies.table_prompts(P, K, M + 1)), r"Prompts\.form_probs"),
    (lambda: train(prompts=policies.table_prompts(P, K, 1), method=SFT()), r"Prompts\.form_probs"),
    (lambda: train(prompts=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    (lambda: train(held_out=PROMPTS._replace(correct=jnp.array([0, 1, 3]))), r"Prompts\.correct"),
    *each(r"Table\.logits", lambda x: train(prompts=policies.table_prompts(x, K, M)), P + 1, 1),
    (lambda: train(network(KEY, D + 1, K, M)), "features"),
    (lambda: train(method=RLVR), "method: one with a `loss`, as RLVR"),
    (lambda: train(method="rlvr"), "method: one with a `loss`"),
    (lambda: feature("colour"), "kind"),
    (lambda: bare(feature)("parity", scale=np.ones(2)), "scale: one number"),
    *each("Feature.kind", lambda x: BIT._replace(kind=x).check(), len(KINDS), -1, 0.5),
    *each("Feature.order", lambda x: BIT._replace(order=x).check(), 0, WIDTH + 1),
    *each("Feature.size", lambda x: BIT._replace(size=x).check(), 0, WIDTH + 1),
    *each("Feature.margin", lambda x: BIT._replace(margin=x).check(), 2.0, NAN),
    (BIT._replace(scale=np.ones(2)).check, "Feature: fields of one shape"),
    (lambda: FOUR.intended.evidence(), "Feature: one feature"),
    (lambda: bare(shortcut)("parity", "length", agreement=0.8), r"Shortcut\.intended: a Feature"),
    (lambda: shortcut(BIT, FOUR.spurious, agreement=0.8), r"Shortcut\.spurious: a single feature"),
    (FOUR._replace(agreement=FOUR.agreement[:3]).check, r"Shortcut\.intended: \(3,\)"),
    *each("shortcuts: a list", bare(shortcuts.stack), ONE, [ONE, BIT]),
    (lambda: shortcuts.stack([ONE, FOUR]), "shortcuts: environments of one shape"),
    (lambda: bare(Shortcut.draw)(ONE, 0, 8, jnp.ones(2, bool)), "key: one random key"),
    (lambda: bare(Shortcut.counterfactual)(ONE, 0, 8), "key: one random key"),
    (lambda: ONE.counterfactual(KEY, 0), "num_samples"),
    (lambda: feature("parity", order=11), "order: with parity 1 to 10"),
    (lambda: feature("length", order=2), "order: with length 1"),
    (lambda: feature("source", margin=0.5), "margin: with source none"),
    (lambda: feature("parity", order=3, size=2), "size: 3 to 10 with parity of order 3"),
    (lambda: feature("pattern", order=3, size=3), "size: 4 to 10 with pattern of order 3"),
    (lambda: feature("two-layer", order=3, size=5), "size: 6 to 10 with two-layer of order 3"),
    (lambda: feature("source", order=6), "order: with source 1 to 5"),
    (lambda: feature("pattern", order=10), "order: with pattern 1 to 9"),
    (lambda: feature("position", order=5, size=9), "size"),
    (lambda: feature("length", size=11), "size"),
    *each("scale", lambda x: feature("parity", scale=x), 0.0, float("inf")),
    *each("margin", lambda x: feature("style", margin=x), 1.1, NAN),
    (lambda: shortcuts.stack([]), "shortcuts"),
    *each(r"Shortcut\.agreement: two", lambda x: ONE._replace(agreement=np.array(x)).check(), 0.5, [0.5, 0.5, 0.5]),
    (ONE._replace(agreement=np.array([0.5, 1.5])).check, r"Shortcut\.agreement: numbers"),
    (lambda: learn_online(KEYS[0]), "keys"),
    *each("keys: keys", learn_online, 0, np.zeros((4, 8))),
    (lambda: learn_online(environments=[ONE] * 4), "shortcuts: a Shortcut"),
    (lambda: learn_online(training=0.1), "training: a Training"),
    (lambda: learn_online(num_steps=10**9), "num_steps: a size"),
    (lambda: learn_online(batch=10**6), "batch: a size"),
    (lambda: bare(shortcuts.learn_online)(KEY, ONE, "MLP Adam", num_steps=1), "student: a Student"),
    *each("Student.hidden", lambda x: Student(x).check(), [64], (0,), (1.5,)),
    (Student((), "adam").check, r"Student\.optimizer: a transformation"),
    (
        lambda: learn_online(training=Training(1e38, switch=20)),
        r"Training\.learning_rate: one with which the losses",
    ),
    (lambda: learn_online(training=Training(num_batches=2**31)), r"Training\.num_batches: integers >= 1 below 2\^31"),
    (lambda: learn_online(training=Training(switch=2**40)), r"Training\.switch: integers >= 0 below 2\^31"),
    (lambda: learn_online(KEYS[:3]), "keys: keys .* of 4 environments"),
    *each(
        r"Training\.learning_rate", lambda x: learn_online(training=Training(x)), 0.0, np.array([0.1, 0.1, -0.1, 0.1])
    ),
    (lambda: learn_online(training=Training(np.full(3, 0.1))), r"Training\.learning_rate: a number, or one for each"),
    *each(r"Training\.weight_decay", lambda x: learn_online(training=Training(weight_decay=x)), -0.1, np.inf),
    (lambda: learn_online(training=Training(num_batches=0)), r"Training\.num_batches"),
    (lambda: learn_online(training=Training(num_batches=2.5)), r"Training\.num_batches: integers"),
    (lambda: learn_online(training=Training(switch=-1)), r"Training\.switch"),
    (lambda: learn_online(training=Training(switch=np.array(1.5))), r"Training\.switch: integers"),
    (lambda: learn_online(environments=FOUR._replace(agreement=FOUR.agreement * 2)), r"Shortcut\.agreement"),
    (lambda: learn_online(curriculum=FOUR._replace(agreement=FOUR.agreement - 1)), r"Shortcut\.agreement"),
    (lambda: learn_online(environments=FOUR._replace(agreement=np.ones((4, 3)))), r"Shortcut\.agreement: two"),
    *each("curriculum: 4 environments", lambda x: learn_online(curriculum=x), shortcuts.stack([ONE] * 3), ONE),
    (lambda: shortcuts.learn_online(KEY, ONE, num_steps=1, curriculum=ONE), r"Training\.switch: 1 or more"),
    (lambda: shortcuts.learn_online(KEY, ONE, num_steps=1, batch=0), "batch: an integer >= 1"),
    (
        lambda: shortcuts.learn_online(KEY, ONE._replace(agreement=np.array([0.5, 1.5])), num_steps=1),
        r"Shortcut\.agreement: ",
    ),
    # an optimiser that goes uphill, as optax.adam does, since its step has a rate and a sign of its own
    (
        lambda: shortcuts.learn_online(KEY, ONE, Student((), optax.adam(0.01)), num_steps=1),
        r"Student\.optimizer: a transformation",
    ),
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
    assert isinstance(TABLE, Policy) and isinstance(NET, Policy)


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
