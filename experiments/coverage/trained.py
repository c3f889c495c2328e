"""A budget of verdicts or references, spent on few prompts again and again or on many: policies that were trained.

The world has 16 contents in 4 domains, 64 prompts; m of them are asked, each as often as the budget allows.
"""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from experiments.ledger import Settings
from sandbox import Table, environments, spread, training
from sandbox.feedback import verdict
from sandbox.models.policy import network

NUM_CLASSES, NUM_FORMS, NUM_PROMPTS = 4, 8, 64
FEW = 8
LOOKS = 256  # verdicts, or references shown, in a round: LOOKS / m at each of m prompts
METHODS = {"SFT": training.SFT(), "RLVR": training.RLVR()}
RATE = 0.01  # of ADAM


class Size(NamedTuple):
    """How much is simulated."""

    seeds: int
    rounds: int
    distinct: tuple[int, ...]  # numbers of prompts, FEW and NUM_PROMPTS among them


QUICK = Size(seeds=32, rounds=100, distinct=(FEW, 16, NUM_PROMPTS))
FULL = Size(seeds=64, rounds=400, distinct=(4, FEW, 16, 32, NUM_PROMPTS))


def size(settings: Settings) -> Size:
    """That of the profile."""
    return FULL if settings.full else QUICK


class Learned(NamedTuple):
    """Correctness in the end [seed]."""

    asked: np.ndarray
    all: np.ndarray
    unseen: np.ndarray


def _measure(policy: training.Policy, exams: tuple[environments.Prompts, ...]) -> Array:
    return jnp.stack([training.share_right(policy, exam) for exam in exams])


@cache
def network_learned(settings: Settings, method: str, distinct: int) -> Learned:
    """A network trained on `distinct` prompts: what it knows of those, of all 64, and of all in unseen domains."""
    seeds, rounds, _ = size(settings)

    @jax.vmap
    def learn(key: Array) -> Array:
        keys = [jax.random.fold_in(key, i) for i in range(5)]
        world = environments.world(keys[0], num_classes=NUM_CLASSES, num_forms=NUM_FORMS)
        start = network(keys[1], world.train.features.shape[1], NUM_CLASSES, NUM_FORMS)
        asked = jax.random.permutation(keys[2], NUM_PROMPTS)[:distinct]
        prompts = jax.tree.map(lambda rows: rows[asked], world.train.worded_once(keys[3]))
        prompts = prompts._replace(law=jnp.full(distinct, 1 / distinct, prompts.law.dtype))
        return training.train(
            keys[4],
            start,
            prompts,
            verdict(NUM_CLASSES, NUM_FORMS),
            METHODS[method],
            num_rounds=rounds,
            num_samples=LOOKS // distinct,
            learning_rate=RATE,
            optimizer=training.ADAM,
            measure=_measure,
            exam=(prompts, world.train, world.unseen),
        ).measured[-1]

    right = jax.jit(learn)(spread(jax.random.split(jax.random.key(settings.seed), seeds)))
    return Learned(*np.asarray(right, float).T)


@cache
def table_learned(distinct: int, rounds: int = 100) -> tuple[float, float, float]:
    """A table with random logits, trained exactly on some of its prompts: correctness on all, as predicted, at first.

    Prompts share nothing, so what is not asked stays at its start: Σ_q [asked ? trained_q : start_q] / 64, each asked
    prompt trained alone.
    """
    prompts = environments.table_prompts(NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
    shape = (NUM_PROMPTS, NUM_CLASSES, NUM_FORMS)
    start = Table(jax.random.normal(jax.random.key(0), shape, prompts.wording.dtype))
    train = partial(training.train, jax.random.key(0), method=training.Natural(), num_rounds=rounds, learning_rate=0.1)
    feedback = verdict(NUM_CLASSES, NUM_FORMS)
    asked = jnp.arange(NUM_PROMPTS) < distinct
    right = train(
        start, prompts._replace(law=asked.astype(prompts.law.dtype) / distinct), feedback, exam=prompts
    ).measured
    alone = jnp.exp(0.1 * rounds * jnp.eye(NUM_CLASSES)[prompts.right])  # natural gradient: p ∝ p_0 e^{ηtr}
    mass = jax.nn.softmax(start.logits, axis=(1, 2)).sum(2)
    tilted = mass * jnp.where(asked[:, None], alone, 1)
    own = jnp.take_along_axis(tilted / tilted.sum(1, keepdims=True), prompts.right[:, None], axis=1)
    return float(right[-1]), float(own.mean()), float(right[0])
