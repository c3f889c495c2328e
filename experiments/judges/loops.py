"""The simulated loops: the frozen judge and the self-judge against their chains, and four judges on three models."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.closed_loop.loops import stream
from experiments.judges import chains
from experiments.judges.chains import NUM_SAMPLES, PRIOR, SHARE, TASKS, VERIFIER
from experiments.ledger import Settings
from sandbox.proposals import path_order
from sandbox.regions import Component, Symbols, Transitions
from theory import drift

NUM_FROZEN = 2  # generations: a judge that keeps nothing is asked 10,000 times in each
NUM_SELF = 10
NUM_MODELS = 20
LEVEL = 0.5  # a trained judge keeps what is at least as likely as the median of its real samples

MODELS = {
    "categorical": sandbox.Categorical(jnp.asarray(TASKS[0])),
    "mixture": sandbox.GaussianMixture(jnp.asarray(TASKS[0]), jnp.array([[-2.0], [2.0]]), jnp.ones((2, 1, 1))),
    "chain": sandbox.MarkovChain(  # to the right with probability .6, to the left else, on a ring of four
        jnp.full(4, 0.25),
        SHARE * jnp.eye(4)[jnp.array([1, 2, 3, 0])] + (1 - SHARE) * jnp.eye(4)[jnp.array([3, 0, 1, 2])],
    ),
}
RIGHT: dict[str, Any] = {
    "categorical": Symbols(jnp.array([True, False])),
    "mixture": Component(MODELS["mixture"], 0),
    "chain": Transitions(MODELS["chain"].transition == SHARE),
}


def drawn(key: jax.Array, task: sandbox.Categorical) -> sandbox.FrozenJudge:
    """One verdict on each symbol for ever."""
    return sandbox.FrozenJudge.drawn(key, sandbox.Verifier(*VERIFIER, Symbols(task.probs > 0.5)), 2)


def trained(key: jax.Array, task: Any) -> sandbox.FrozenJudge:
    """A judge fitted to as many other real samples as the student."""
    return sandbox.FrozenJudge.trained(key, task, NUM_SAMPLES, level=LEVEL)


@lru_cache
def shares(settings: Settings, judge: str) -> np.ndarray:
    """The share right [replica, x, t] of the categorical loop under its frozen judge or its own."""
    signal, index, num_generations = {
        "frozen": (drawn, 50, NUM_FROZEN),
        "self": (sandbox.SelfJudge(*VERIFIER), 51, NUM_SELF),
    }[judge]
    num_replicas = 4000 if settings.full else 500
    tasks = sandbox.Categorical(jnp.asarray(TASKS))
    probs = _ensemble(settings, index, tasks, signal, num_generations, num_replicas).model.probs  # [x, r, t, k]
    return np.stack([probs[x, ..., x] for x in range(2)], axis=1)


def information(settings: Settings, judge: str, exact: chains.Path, t: int) -> theory.Estimate:
    """I(X;Z_t), the mean of the exact ln p(z|x)/p(z) at the simulated z, one replica of each task beside the other."""
    right = np.rint(shares(settings, judge)[..., t] * NUM_SAMPLES).astype(int)
    states = np.stack([right[:, 0], NUM_SAMPLES - right[:, 1]])  # [x, r], the count of the first symbol
    table = np.asarray(drift.pointwise_information(PRIOR, exact.laws[t]))
    return theory.estimate(np.take_along_axis(table, states, axis=1).mean(0))


@lru_cache
def model_share(settings: Settings, model: str, judge: str) -> np.ndarray:
    """The share right [replica, t] of a thousand samples of each model in the loop."""
    signal: Any = {
        "no judge": sandbox.Verifier(1.0, 1.0, RIGHT[model]),  # keeps all, and compiles once with the verifier
        "self-judge": sandbox.SelfJudge(*VERIFIER),
        "trained": trained,
        "verifier": sandbox.Verifier(*VERIFIER, RIGHT[model]),
    }[judge]
    tasks = jax.tree.map(lambda leaf: leaf[None], MODELS[model])
    index = 60 + list(MODELS).index(model)  # the same real samples for each judge
    num_replicas = 1000 if settings.full else 400
    return _ensemble(settings, index, tasks, signal, NUM_MODELS, num_replicas, SUMMARIES[model]).model["right"][0]


def share_right(right: Any, model: Any) -> dict[str, jax.Array]:
    """The share of its samples, of a path that of its steps, drawn from the same random numbers for each model."""
    return {"right": right(model.sample(jax.random.key(0), 1000))[path_order(model) :].mean()}


# made once, since a new function would compile again
SUMMARIES: dict[str, Callable[[Any], Any]] = {name: partial(share_right, right) for name, right in RIGHT.items()}


def _ensemble(settings: Settings, index: int, tasks, signal, num_generations: int, num_replicas: int, summary=None):
    return sandbox.ensemble(
        stream(settings, index),
        tasks,
        signal,
        num_samples=NUM_SAMPLES,
        num_generations=num_generations,
        num_replicas=num_replicas,
        num_real=NUM_SAMPLES,
        until_kept=True,
        summary=summary,
        progress=False,
    )
