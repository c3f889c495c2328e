"""The same barrier in loops of mixtures and Markov chains, by simulation."""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.ledger import Settings
from sandbox import regions
from theory import budget

SHARE = 0.3  # of right samples at the start
TPR, FPRS = 0.9, (0.45, 0.72, 0.86)
NUM_GENERATIONS = 60


class Ends(NamedTuple):
    """The share of right outputs after NUM_GENERATIONS."""

    sizes: tuple[int, ...]
    simulated: dict[float, theory.Estimate]  # by fpr; arrays [n]
    exact: dict[float, np.ndarray]  # of the categorical loop [n]


def sizes(settings: Settings) -> tuple[int, ...]:
    """The samples kept in a generation."""
    return (5, 10, 20, 40, 80, 160) if settings.full else (5, 20, 80)


@lru_cache
def mixture(settings: Settings) -> Ends:
    """Two components that do not overlap; what is right is to come from the lighter one."""
    scales = jnp.ones((2, 1, 1))
    model = sandbox.GaussianMixture(jnp.array([SHARE, 1 - SHARE]), jnp.array([[5.0], [-5.0]]), scales)
    return _ends(model, regions.Box(jnp.zeros(1), jnp.full(1, jnp.inf)), 20, settings)


@lru_cache
def markov_chain(settings: Settings) -> Ends:
    """Two states; what is right is a step into the first, from wherever."""
    row = jnp.array([SHARE, 1 - SHARE])
    model = sandbox.MarkovChain(row, jnp.stack([row, row]))
    return _ends(model, regions.Transitions(jnp.array([[True, False], [True, False]])), 21, settings)


def _ends(model, right: regions.Region, stream: int, settings: Settings) -> Ends:
    key = jax.random.fold_in(jax.random.key(settings.seed), stream)
    num_replicas = 2000 if settings.full else 400

    def end(n: int, fpr: float) -> theory.Estimate:
        record = sandbox.ensemble(
            key,
            jax.tree.map(lambda leaf: leaf[None], model),
            sandbox.Verifier(jnp.asarray(TPR), jnp.asarray(fpr), right),
            num_samples=n,
            num_generations=NUM_GENERATIONS,
            num_replicas=num_replicas,
            until_kept=True,
            every=NUM_GENERATIONS,
            progress=False,
        )
        assert record.right is not None
        return theory.estimate(record.right[0, :, -1])

    def simulated(fpr: float) -> theory.Estimate:
        ends = [end(n, fpr) for n in sizes(settings)]
        return theory.Estimate(jnp.stack([e.mean for e in ends]), jnp.stack([e.stderr for e in ends]), num_replicas)

    return Ends(sizes(settings), {fpr: simulated(fpr) for fpr in FPRS}, {fpr: exact(fpr, settings) for fpr in FPRS})


@lru_cache
def exact(fpr: float, settings: Settings) -> np.ndarray:
    """The expected share right of the categorical loop, from the same start [n]."""
    schedules = np.repeat(np.array(sizes(settings))[:, None], NUM_GENERATIONS, axis=1)
    return 1 - np.asarray(budget.spend(schedules, (TPR, fpr), SHARE).wrong[:, -1])
