"""How many queries identify the class, each chosen after the answers before it."""

from math import inf
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import entr

import theory
from theory import supervision

SURE = 0.99  # the probability of a class at which noisy answers stop
NUM_RUNS = 500  # simulated where answers are noisy
MOST = 1000  # queries of a run


class ExpectedQueries(NamedTuple):
    """Expected queries of the greedy policy, its error where it was simulated, and a lower bound for any policy.

    With noiseless answers, queries go on until the class is certain, and the expectation is exact; with noisy ones
    until a class has probability .99.
    """

    greedy: float
    stderr: float
    converse: float
    simulated: bool = False

    def __str__(self) -> str:
        """The number with its error, and the bound."""
        shown = (
            f"{self.greedy:.1f} ± {self.stderr:.1f} until {SURE:.0%} sure" if self.simulated else f"{self.greedy:.2f}"
        )
        if self.greedy > MOST:
            shown = "never" if self.converse == inf else f"more than {MOST} until {SURE:.0%} sure"
        return f"{shown} (greedy), at least {self.converse:.2f} for any policy"


class Merged(NamedTuple):
    """A signal whose indistinguishable targets, within a class, and equal queries are merged.

    No information and no number of queries changes.
    """

    prior: np.ndarray  # [target]
    channel: np.ndarray  # [query, target, s]
    blocks: np.ndarray  # [target], the class
    proposals: np.ndarray  # [query], their probabilities


def merged(prior: np.ndarray, channel: np.ndarray, blocks: np.ndarray, proposals: np.ndarray) -> Merged:
    """Merges what the signal does not distinguish, and drops targets of probability 0."""
    keys = np.concatenate([blocks[:, None], np.moveaxis(channel, 1, 0).reshape(len(blocks), -1)], axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    probs = np.bincount(group.ravel(), prior)
    first, probs = first[probs > 0], probs[probs > 0]
    channel = channel[:, first]
    _, rows, same = np.unique(channel.reshape(len(channel), -1), axis=0, return_index=True, return_inverse=True)
    return Merged(probs, channel[rows], blocks[first], np.bincount(same.ravel(), proposals))


def expected_queries(signal: Merged, rng: np.random.Generator) -> ExpectedQueries:
    """Exact for noiseless answers, simulated for noisy ones.

    The converse for noisy answers: the entropy of the class has to fall to that of .99 (Fano), and no answer carries
    more than its capacity. Infinite where all answers together do not identify the class, or a run takes more than MOST
    queries.
    """
    probs, channel, blocks, _ = signal
    if (channel.max(2) == 1).all():
        exact = supervision.queries_to_identify(probs, channel, blocks)
        return ExpectedQueries(exact.greedy, 0.0, exact.lower_bound)
    capacities = [float(theory.capacity(w, tolerance=1e-6).upper) for w in channel]
    classes = np.bincount(blocks, probs)
    left = entr([SURE, 1 - SURE]).sum() + (1 - SURE) * np.log(max(1, (classes > 0).sum() - 1))
    unknown = max(0.0, float(entr(classes).sum() - left))
    converse = unknown / max(capacities) if max(capacities) > 1e-9 else inf if unknown > 0 else 0.0
    runs = _simulated(probs, channel, blocks, rng)
    if not np.isfinite(runs).all():
        return ExpectedQueries(inf, 0.0, converse, simulated=True)
    return ExpectedQueries(float(runs.mean()), float(runs.std(ddof=1) / NUM_RUNS**0.5), converse, simulated=True)


def _simulated(probs: np.ndarray, channel: np.ndarray, blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Queries of each run of the greedy policy until a class has probability .99; infinite after too many."""
    target = rng.choice(probs.size, NUM_RUNS, p=probs)
    member = np.eye(blocks.max() + 1)[blocks]  # [target, class]
    posterior = np.tile(probs, (NUM_RUNS, 1))
    number = np.full(NUM_RUNS, inf)
    choose = jax.jit(jax.vmap(lambda p: supervision.best_query(p, channel, tuple(blocks.tolist())).query))
    for queried in range(MOST):
        sure = (posterior @ member).max(1) >= SURE
        number = np.where(sure & ~np.isfinite(number), queried, number)
        if np.isfinite(number).all():
            break
        query = np.asarray(choose(jnp.asarray(posterior)))
        answers = channel[query, target]  # [run, s]
        symbol = (rng.random((NUM_RUNS, 1)) > np.cumsum(answers, 1)).sum(1).clip(max=answers.shape[1] - 1)
        after = posterior * channel[query, :, symbol]
        posterior = after / after.sum(1, keepdims=True)
    return number
