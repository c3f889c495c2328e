"""What verdicts cannot do: exact expected numbers against the converse, and fresh noise against shared noise."""

import math
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import theory
from theory import budget, drift
from theory.measures import binary_entropy

RATES = (1.0, 0.8, 0.5, 0.2)  # tpr
RATIOS = np.linspace(0.02, 0.95, 20)  # fpr/tpr
SIZES = (1, 2, 5, 20)  # samples kept a generation
STARTS = {"even": (0.5, None), "from data": (0.6, 10)}  # the share of the right symbol, and real samples of Z_0


class Fixations(NamedTuple):
    """Two tasks, which of two symbols is right, for every verifier [tpr, fpr/tpr, n]; until kept."""

    gained: np.ndarray  # I(X;Z_∞) − I(X;Z_0), in nats
    needed: np.ndarray  # the converse: verdicts, not rounded, ≥ 0
    verdicts: np.ndarray  # expected, until one symbol is left
    kept: np.ndarray  # those of them that were kept


@lru_cache
def fixations(start: str) -> Fixations:
    """The loop whose start says nothing (an even one), or what a fit to real samples says.

    A known start with an uneven share would reveal the task, as it is z under one and 1−z under the other.
    """
    initial, num_real = STARTS[start]
    phi, ratio, n = np.meshgrid(RATES, RATIOS, SIZES, indexing="ij")
    end = budget.fixation(n, (phi, phi * ratio), initial, num_real=None if num_real is None else np.array(num_real))
    known = 0.0
    if num_real is not None:
        tables = jnp.stack([drift.initial(num_real, [p, 1 - p]) for p in (initial, 1 - initial)]) / 2
        known = float(theory.mutual_information(tables))
    gained = math.log(2) - np.asarray(binary_entropy(end.right)) - known
    needed = np.maximum(gained, 0) / np.asarray(budget.capacity((phi, phi * ratio)))
    return Fixations(gained, needed, np.asarray(end.verdicts), n * np.asarray(end.generations))


def injected(num_tables: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """I(X;V) of one verdict on each of 5 items, all with fresh noise, and Σ_i C_i; for random tables of 3 tasks."""
    rng = np.random.default_rng(seed)
    prior, rates = rng.dirichlet(np.ones(3), num_tables), rng.uniform(size=(num_tables, 3, 5))

    def table(prior, rates):
        information = theory.mutual_information(prior[:, None] * budget.judge_law(rates))
        return information, budget.item_capacities(rates).sum()

    information, bound = jax.jit(jax.vmap(table))(jnp.asarray(prior), jnp.asarray(rates))
    return np.asarray(information), np.asarray(bound)


def shared() -> tuple[float, float]:
    """I(X;V) and Σ_i C_i of two verdicts flipped by one shared fair coin: right is the set {1}, or {1, 2}."""
    joint = np.zeros((2, 2, 2))
    for task, coin in np.ndindex(2, 2):
        joint[task, 1 ^ coin, task ^ coin] += 0.25
    keeps = np.stack([joint.sum(2)[:, 1], joint.sum(1)[:, 1]], axis=1) * 2  # P(keep | task) of each item
    information = float(theory.mutual_information(joint.reshape(2, 4)))
    return information, float(budget.item_capacities(keeps).sum())
