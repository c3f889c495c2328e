"""A budget of queries, spread over new prompts or spent on the same ones: its exact information, and what it teaches.

There are many independent prompts, each with one of two classes; a query is a verdict on one answer to one prompt. The
policies are trained on a dataset of 16 items in 4 domains, 64 prompts, m of which are queried.
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
from sandbox import Table, policies, shard
from sandbox.policies import network, verdict

BUDGET = 64  # queries, and as many prompts
DISTINCT = (1, 2, 4, 8, 16, 32, 64)
VERIFIERS = ((1.0, 0.0), (0.9, 0.1), (0.8, 0.2), (0.65, 0.35))
NOISY, ACCURATE = (0.8, 0.2), (0.99, 0.01)
SURE = 0.95
EVEN = (0.5, 0.5)
CANDIDATES = (0.6, 0.39, 0.01)  # one task, three candidate answers; a query asks whether one is correct
NUM_CLASSES, NUM_FORMS, NUM_PROMPTS, FEW = 4, 8, 64, 8
QUERIES = 256  # verdicts, or references, per round: QUERIES / m for each of m prompts
METHODS = {"SFT": policies.SFT(), "RLVR": policies.RLVR()}
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
    """The accuracy in the end [seed] on the prompts queried in training, on all 64, and on those of unseen domains."""

    queried: np.ndarray
    all: np.ndarray
    unseen: np.ndarray


@study("coverage/network", num_seeds=32, num_rounds=100, full={"num_seeds": 64, "num_rounds": 400})
def network_learned(key: jax.Array, method: str, distinct: int, *, num_seeds: int, num_rounds: int) -> NetworkAccuracy:
    """Networks trained on `distinct` prompts; a seed has one dataset, start and order of prompts for all numbers."""
    keys = shard(jax.random.split(key, num_seeds))
    return NetworkAccuracy(*np.asarray(_learn(keys, distinct, METHODS[method], num_rounds), float).T)


@partial(jax.jit, static_argnames="num_rounds", compiler_options=RUNS_BRIEFLY)
@partial(jax.vmap, in_axes=(0, None, None, None))
def _learn(key: jax.Array, distinct: jax.Array, method: policies.Method, num_rounds: int) -> jax.Array:
    """64 slots with QUERIES / 64 queries each, which m prompts fill in turn, so that all m are one program."""
    dataset_key, start_key, order_key, reference_key, train_key = jax.random.split(key, 5)
    dataset = policies.dataset(dataset_key, num_classes=NUM_CLASSES, num_forms=NUM_FORMS)
    start = network(start_key, dataset.train.features.shape[1], NUM_CLASSES, NUM_FORMS)
    slots = jax.random.permutation(order_key, NUM_PROMPTS)[jnp.arange(NUM_PROMPTS) % distinct]
    prompts = jax.tree.map(lambda rows: rows[slots], dataset.train.fixed_reference(reference_key))
    policy = policies.train(
        train_key,
        start,
        prompts,
        verdict(NUM_CLASSES, NUM_FORMS),
        method,
        num_rounds=num_rounds,
        num_samples=QUERIES // NUM_PROMPTS,
        learning_rate=LEARNING_RATE,
        optimizer=policies.ADAM,
        measure=_nothing,
    ).policy
    return jnp.stack([policies.accuracy(policy, of) for of in (prompts, dataset.train, dataset.unseen)])


def _nothing(*_: Any) -> None:
    """Only the final policy counts."""


def table() -> Table:
    """A table of 64 prompts with random logits."""
    return Table(jax.random.normal(jax.random.key(0), (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)))


@cache
def table_learned(distinct: int, num_rounds: int = 100, rate: float = 0.1) -> float:
    """The accuracy on all prompts of a table trained on m of them by the natural gradient of the exact verdict.

    Prompts share nothing: p ∝ p_0 e^{ηt·correct} for a queried prompt, and p_0 for any other.
    """
    prompts = policies.table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
    mass = np.exp(np.asarray(table().logits)).sum(2)
    queried = np.arange(NUM_PROMPTS)[:, None] < distinct
    correct = np.eye(NUM_CLASSES)[np.asarray(prompts.correct)] > 0
    tilted = mass * np.where(queried & correct, np.exp(rate * num_rounds), 1)
    return float((tilted[correct] / tilted.sum(1)).mean())
