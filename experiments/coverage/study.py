"""A budget of queries, spread over new prompts or spent on the same ones: its exact information, and what it teaches.

Exactly: many independent prompts, each with one of two classes; a query is a verdict on one answer to one prompt.
Networks: a prompt asks about an item, in a wording of its own; the item decides the class.
"""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import rel_entr
from scipy.stats import binom

from experiments.harness.cost import RUNS_BRIEFLY
from experiments.harness.study import study
from sandbox import noise, policies, shard
from sandbox.policies import Prompts, network, verdict

BUDGET = 64  # queries, and as many prompts
DISTINCT = (1, 2, 4, 8, 16, 32, 64)
VERIFIERS = ((1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.65, 0.35))
NOISY, ACCURATE = (0.8, 0.2), (0.99, 0.01)
SURE = 0.95
EVEN = (0.5, 0.5)
CANDIDATES = (0.6, 0.39, 0.01)  # one task, three candidate answers; a query asks whether one is correct

NUM_CLASSES, NUM_FORMS, NUM_BITS = 4, 8, 6
NUM_ROUNDS, BATCH, NUM_SAMPLES = 128, 32, 4  # prompts per round, and outputs or references per prompt
SHOWN = NUM_ROUNDS * BATCH  # prompts that a network is trained on, repeated ones included
NUM_NEW = 256  # prompts of evaluation
PROMPTS, ITEMS = (16, 256), (4, 16)  # different ones, few and many
METHODS = ("RLVR", "SFT")
LEARNING_RATE = 0.01  # of ADAM


@cache
def information(verifier: tuple[float, float], queries: tuple[int, ...], prior: tuple[float, ...] = EVEN) -> float:
    """I(X;S) of queries[q] verdicts on candidate q, in nats.

    The numbers that accept are sufficient: A_q ~ Binomial(queries[q], tpr or fpr), independent given X.
    """
    joint = np.array(prior)[:, None]
    for query, k in enumerate(queries):
        rates = np.where(np.arange(len(prior)) == query, *verifier)[:, None]
        joint = (joint[:, :, None] * binom.pmf(np.arange(k + 1), k, rates)[:, None]).reshape(len(prior), -1)
    return float(rel_entr(joint, joint.sum(1, keepdims=True) * joint.sum(0)).sum())


def total_information(verifier: tuple[float, float], distinct: int) -> float:
    """The information of the budget about all prompts, in nats: m prompts, each queried BUDGET/m times."""
    return distinct * information(verifier, (BUDGET // distinct,))


def known_share(distinct: int, verifier: tuple[float, float] = NOISY) -> float:
    """The expected share of the prompts whose class has a posterior of SURE or more, given all verdicts.

    Where a of k verdicts accept, the log-odds are a ln(tpr/fpr) + (k−a) ln((1−tpr)/(1−fpr)).
    """
    (tpr, fpr), k = verifier, BUDGET // distinct
    accepted = np.arange(k + 1)
    odds = accepted * np.log(tpr / fpr) + (k - accepted) * np.log((1 - tpr) / (1 - fpr))
    distributions = [binom.pmf(accepted, k, rate) for rate in (tpr, fpr)]
    return distinct / BUDGET * float(np.mean(distributions, 0)[np.abs(odds) >= np.log(SURE / (1 - SURE))].sum())


class NetworkAccuracy(NamedTuple):
    """The accuracy in the end [seed] on new items, and on the items of training, both in new wordings."""

    new: np.ndarray
    trained: np.ndarray


@study("coverage/network", num_seeds=32, full={"num_seeds": 128})
def network_learned(
    key: jax.Array, method: str, num_prompts: int, num_items: int, ruled: bool = True, *, num_seeds: int
) -> NetworkAccuracy:
    """Networks trained on SHOWN prompts, `num_prompts` of them distinct, about `num_items` items.

    Prompts come in turn, so that each is repeated SHOWN/num_prompts times; item i has the prompts i, i + num_items, ….
    A seed has one world, start and randomness of training for all numbers. Unless `ruled`, a class is drawn for each
    item, and nothing carries over from one to another.
    """
    wordings = np.arange(SHOWN) % num_prompts
    keys = shard(jax.random.split(key, num_seeds))
    losses = policies.RLVR(), policies.SFT()  # weighted, hence one program
    loss = policies.Weighted(losses, tuple(float(method == name) for name in METHODS))
    found = _learn(keys, wordings % num_items, wordings, num_items, ruled, loss)
    return NetworkAccuracy(*np.asarray(found, float).T)


@partial(jax.jit, compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, *[None] * 5))
def _learn(key: jax.Array, items: Any, wordings: Any, num_items: Any, ruled: Any, method: Any) -> jax.Array:
    """The prompts are data, so that all numbers of items and of repeats are one program."""
    world_key, start_key, train_key = jax.random.split(key, 3)
    world = World.drawn(world_key, ruled)
    policy = policies.train(
        train_key,
        network(start_key, 2 * NUM_BITS, NUM_CLASSES, NUM_FORMS),
        world.prompts(items, wordings),
        verdict(NUM_CLASSES, NUM_FORMS),
        method,
        num_rounds=NUM_ROUNDS,
        num_samples=NUM_SAMPLES,
        batches=np.arange(SHOWN).reshape(NUM_ROUNDS, BATCH),
        learning_rate=LEARNING_RATE,
        optimizer=policies.ADAM,
        measure=_nothing,
    ).policy
    new = SHOWN + jnp.arange(NUM_NEW)
    return jnp.stack([policies.accuracy(policy, world.prompts(of, new)) for of in (new, new % num_items)])


def _nothing(*_: Any) -> None:
    """Only the final policy counts."""


class World(NamedTuple):
    """SHOWN items and wordings of training, then NUM_NEW of evaluation."""

    items: jax.Array  # [item, bit], ±1
    correct: jax.Array  # [item], the class
    wordings: jax.Array  # [wording, feature]
    forms: jax.Array  # [wording, form], the surface form of the one reference to it, one-hot

    @classmethod
    def drawn(cls, key: jax.Array, ruled: Any) -> "World":
        """The classes follow a linear rule, or are drawn at random unless `ruled`."""
        keys, size = jax.random.split(key, 5), SHOWN + NUM_NEW
        items = jnp.where(noise.uniform(keys[0], (size, NUM_BITS), jnp.float32) < 0.5, -1.0, 1.0).astype(jnp.float32)
        correct = policies.linear_rule(NUM_CLASSES)(keys[1], items)
        correct = jnp.where(ruled, correct, jax.random.randint(keys[2], (size,), 0, NUM_CLASSES, correct.dtype))
        forms = jax.random.randint(keys[4], (size,), 0, NUM_FORMS)
        wordings = noise.normal(keys[3], (size, NUM_BITS), jnp.float32)
        return cls(items, correct, wordings, jax.nn.one_hot(forms, NUM_FORMS, dtype=jnp.float32))

    def prompts(self, items: Any, wordings: Any) -> Prompts:
        """A prompt for each pair of an item and a wording."""
        features = jnp.concatenate([self.items[items], self.wordings[wordings]], axis=1)
        probs = jnp.full(len(features), 1 / len(features), features.dtype)
        return Prompts(features, self.correct[items], self.forms[wordings], probs)
