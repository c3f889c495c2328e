"""The drift barrier, exactly: which loops end right, which end with more than they began with, and blind spots."""

import math
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binom

from experiments.ledger import Settings
from theory import budget, drift
from theory.measures import binary_entropy

LN2 = math.log(2)
SHARE, RARE = 0.6, 0.1  # of the right symbol in real data: X can be read off them, and hardly any is right
BLIND_ACCEPTANCE = np.array([0.9, 0.3, 1.0])  # right, wrong, and what the verifier always keeps
BLIND_START = np.array([0.2, 0.75, 0.05])
BLIND_SIZES = np.array([1, 2, 3, 4, 5, 6, 8, 12, 20, 40])


class Diagram(NamedTuple):
    """A quantity over verifiers and sizes."""

    sizes: np.ndarray  # n [n]
    ratios: np.ndarray  # ψ/φ [ratio]
    values: np.ndarray  # [ratio, n]


def _grid(settings: Settings, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    num_points = 100 if settings.full else 24
    sizes = np.unique(np.rint(np.geomspace(2, 200, num_points)).astype(int))
    return sizes, np.linspace(lowest, 0.999, num_points)


@lru_cache
def gain(settings: Settings) -> Diagram:
    """I(X;Z_∞) − I(X;Z_0), Z_0 fitted to n real samples with the share .6 of the right symbol, in nats."""
    sizes, ratios = _grid(settings, 0.85)
    right = budget.success(sizes, (jnp.ones((len(ratios), 1)), ratios[:, None]), SHARE, num_real=sizes)
    return Diagram(sizes, ratios, np.asarray(LN2 - binary_entropy(right)) - start_information(sizes))


def start_information(sizes: np.ndarray) -> np.ndarray:
    """I(X;Z_0) of n real samples with the share .6 of the right symbol, in nats [n]."""
    shares = np.array([[SHARE], [1 - SHARE]])
    # `drift.initial` without a compilation for each n
    joints = (binom.pmf(np.arange(n + 1), n, shares) / 2 for n in sizes)
    # H(X) − H(X|Z_0) of the posterior weights, which sum to one for each z; all sizes as one array, to compile once
    first, mass = np.hstack([(joint[0], joint.sum(0)) for joint in joints])
    left = mass * np.asarray(binary_entropy(jnp.asarray(first / mass)))
    return LN2 - np.add.reduceat(left, np.concatenate([[0], np.cumsum(sizes[:-1] + 1)]))


@lru_cache
def ends_right(settings: Settings) -> Diagram:
    """P(ends right) from the share .1 of the right symbol."""
    sizes, ratios = _grid(settings, 0.0)
    right = budget.success(sizes, (jnp.ones((len(ratios), 1)), ratios[:, None]), RARE)
    return Diagram(sizes, ratios, np.asarray(right))


class Errors(NamedTuple):
    """Kimura's approximation against the exact probability, over a grid of sizes, verifiers and starts."""

    selection: np.ndarray  # s = ln(φ/ψ)
    largest: np.ndarray  # the largest |error| over sizes and starts, for each s
    where: list[str]


@lru_cache
def kimura_errors(settings: Settings) -> Errors:
    """n = 5 … 100, p = .01 … .9."""
    selection = np.append(np.geomspace(0.005, 0.12, 8), np.geomspace(0.2, 2.2, 8))
    sizes, starts = np.array([5, 10, 20, 50, 100]), np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
    s, n, p = np.meshgrid(selection, sizes, starts, indexing="ij")
    exact = budget.success(n, (jnp.ones(s.shape), np.exp(-s)), p)
    errors = np.abs(np.asarray(budget.kimura(n, s, p) - exact)).reshape(len(selection), -1)
    worst = errors.argmax(1)
    where = [f"n = {n[i].ravel()[j]}, p = {p[i].ravel()[j]:g}" for i, j in enumerate(worst)]
    return Errors(selection, errors.max(1), where)


@lru_cache
def blind_ends() -> np.ndarray:
    """Where three symbols end, right, wrong and blind [n, k], until kept, for each of `BLIND_SIZES`."""
    return np.stack([_ends(int(n), BLIND_ACCEPTANCE, BLIND_START) for n in BLIND_SIZES])


@partial(jax.jit, static_argnums=0)  # a compilation a size, instead of one an operation
def _ends(n: int, acceptance: jax.Array, start: jax.Array) -> jax.Array:
    states = drift.lattice(n, len(start)) / n
    stops = drift.fixation_probabilities(drift.selection_kernel(n, acceptance)) @ states
    return _first(n, acceptance, start) @ stops


def without_wrong(n: int) -> float:
    """P(ends right) of three symbols where the verifier keeps nothing that is wrong."""
    return float(_ends(n, BLIND_ACCEPTANCE * np.array([1, 0, 1]), BLIND_START)[0])


@lru_cache
def blind_path(n: int, num_generations: int) -> np.ndarray:
    """The expected shares of right, wrong and blind outputs [t, k], t = 0 … num_generations."""
    kernel = drift.selection_kernel(n, BLIND_ACCEPTANCE)
    laws = drift.laws(_first(n, BLIND_ACCEPTANCE, BLIND_START)[None], kernel, num_generations - 1)[:, 0]
    return np.concatenate([BLIND_START[None], np.asarray(laws @ (drift.lattice(n, 3) / n))])


def _first(n: int, acceptance: np.ndarray | jax.Array, start: np.ndarray | jax.Array):
    return drift.multinomial_kernel(n, drift.select(start[None], acceptance))[0]
