"""A budget of looks, spread over new prompts or spent on the same ones: what it tells, exactly, and what it teaches.

There are many independent prompts, each with one of two classes; a look is a verdict on one answer to one prompt. The
policies are trained in a world of 16 contents in 4 domains, 64 prompts, m of which are asked.
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
from sandbox import Table, policies, spread
from sandbox.policies import network, verdict

BUDGET = 64  # looks, and as many prompts
DISTINCT = (1, 2, 4, 8, 16, 32, 64)
VERIFIERS = ((1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.65, 0.35))
NOISY, ACCURATE = (0.8, 0.2), (0.99, 0.01)
SURE = 0.95
EVEN = (0.5, 0.5)
BLOCKS = (0.6, 0.39, 0.01)  # one task, three blocks; a query asks whether it is this one
NUM_CLASSES, NUM_FORMS, NUM_PROMPTS, FEW = 4, 8, 64, 8
LOOKS = 256  # verdicts, or references shown, in a round: LOOKS / m at each of m prompts
METHODS = {"SFT": policies.SFT(), "RLVR": policies.RLVR()}
RATE = 0.01  # of ADAM


@cache
def told(verifier: tuple[float, float], looks: tuple[int, ...], prior: tuple[float, ...] = EVEN) -> float:
    """I(X;S) of looks[q] looks at query q, which asks whether the block is q, in nats.

    How many of them accept says all: A_q ~ Binomial(looks[q], tpr or fpr), independent given X.
    """
    joint = np.array(prior)[:, None]
    for query, k in enumerate(looks):
        rates = np.where(np.arange(len(prior)) == query, *verifier)[:, None]
        joint = (joint[:, :, None] * binom.pmf(np.arange(k + 1), k, rates)[:, None]).reshape(len(prior), -1)
    return float(rel_entr(joint, joint.sum(1, keepdims=True) * joint.sum(0)).sum())


def total(verifier: tuple[float, float], distinct: int) -> float:
    """What the budget tells of all prompts, in nats: m prompts, each looked at BUDGET/m times."""
    return distinct * told(verifier, (BUDGET // distinct,))


def sure(distinct: int, verifier: tuple[float, float] = NOISY) -> float:
    """The expected share of the prompts whose class is known with probability SURE or more, given all looks.

    Of k looks that accept a times, the log-odds are a ln(tpr/fpr) + (k−a) ln((1−tpr)/(1−fpr)).
    """
    (tpr, fpr), k = verifier, BUDGET // distinct
    accepted = np.arange(k + 1)
    odds = accepted * np.log(tpr / fpr) + (k - accepted) * np.log((1 - tpr) / (1 - fpr))
    distributions = [binom.pmf(accepted, k, rate) for rate in (tpr, fpr)]
    return distinct / BUDGET * float(np.mean(distributions, 0)[np.abs(odds) >= np.log(SURE / (1 - SURE))].sum())


class Learned(NamedTuple):
    """The share right in the end [seed], of the prompts that were asked, of all 64, and of all in unseen domains."""

    asked: np.ndarray
    all: np.ndarray
    unseen: np.ndarray


@study("coverage/network", num_seeds=32, num_rounds=100, full={"num_seeds": 64, "num_rounds": 400})
def network_learned(key: jax.Array, method: str, distinct: int, *, num_seeds: int, num_rounds: int) -> Learned:
    """A network trained on `distinct` prompts; of one seed the same world, start and prompts, whatever their number."""
    keys = spread(jax.random.split(key, num_seeds))
    return Learned(*np.asarray(_learn(keys, distinct, METHODS[method], num_rounds), float).T)


@partial(jax.jit, static_argnames="num_rounds", compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None))
def _learn(key: jax.Array, distinct: jax.Array, method: policies.Method, num_rounds: int) -> jax.Array:
    """64 slots with LOOKS / 64 looks each, which m prompts fill in turn, so that all m are one program."""
    world_key, start_key, order_key, wording_key, train_key = jax.random.split(key, 5)
    dataset = policies.dataset(world_key, num_classes=NUM_CLASSES, num_forms=NUM_FORMS)
    start = network(start_key, dataset.train.features.shape[1], NUM_CLASSES, NUM_FORMS)
    slots = jax.random.permutation(order_key, NUM_PROMPTS)[jnp.arange(NUM_PROMPTS) % distinct]
    prompts = jax.tree.map(lambda rows: rows[slots], dataset.train.fixed_reference(wording_key))
    policy = policies.train(
        train_key,
        start,
        prompts,
        verdict(NUM_CLASSES, NUM_FORMS),
        method,
        num_rounds=num_rounds,
        num_samples=LOOKS // NUM_PROMPTS,
        learning_rate=RATE,
        optimizer=policies.ADAM,
        measure=_nothing,
    ).policy
    return jnp.stack([policies.accuracy(policy, exam) for exam in (prompts, dataset.train, dataset.unseen)])


def _nothing(*_: Any) -> None:
    """What counts is the policy in the end."""


def table() -> Table:
    """A table of 64 prompts with random logits."""
    return Table(jax.random.normal(jax.random.key(0), (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)))


@cache
def table_learned(distinct: int, num_rounds: int = 100, rate: float = 0.1) -> float:
    """The share right of all prompts, where the table is trained by the natural gradient of the exact verdict on m.

    Prompts share nothing: p ∝ p_0 e^{ηt·right} where the prompt is asked, and p_0 where it is not.
    """
    prompts = policies.table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
    mass = np.exp(np.asarray(table().logits)).sum(2)
    asked = np.arange(NUM_PROMPTS)[:, None] < distinct
    own = np.eye(NUM_CLASSES)[np.asarray(prompts.correct)] > 0
    tilted = mass * np.where(asked & own, np.exp(rate * num_rounds), 1)
    return float((tilted[own] / tilted.sum(1)).mean())
