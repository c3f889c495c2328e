"""The drift barrier: exact for categorical models, simulated in a mixture and a Markov chain."""

import math
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr
from scipy.stats import binom

import sandbox
import theory
from experiments.harness.study import study
from sandbox import regions
from theory import budget

LN2 = math.log(2)
SHARE, RARE = 0.6, 0.1  # of the correct symbol in real data: X can be read off them; few are correct
WRONG_ACCEPTED, BLIND_ACCEPTED = 0.3, 1.0  # of wrong outputs, and of the blind spot
ERRS, NEVER_REJECTS = 0.9, 1.0  # tpr: of a verifier that rejects some correct outputs, and of one that rejects none
BLIND_START = np.array([0.2, 0.75, 0.05])
BLIND_SIZES = np.array([1, 2, 3, 4, 5, 6, 8, 12, 20, 40])
BLIND_GENERATIONS = 400
START = 0.3  # the accuracy at the start of the simulated loops
TPR, FPRS = 0.9, (0.45, 0.72, 0.86)
NUM_GENERATIONS = 60


class VerifierMap(NamedTuple):
    """A quantity over verifiers and sizes."""

    sizes: np.ndarray  # n [n]
    ratios: np.ndarray  # ψ/φ [ratio]
    values: np.ndarray  # [ratio, n]


def _grid(num_points: int, lowest: float) -> tuple[np.ndarray, np.ndarray]:
    sizes = np.unique(np.rint(np.geomspace(2, 200, num_points)).astype(int))
    return sizes, np.linspace(lowest, 0.999, num_points)


@study("drift-barrier/gain", num_points=24, full={"num_points": 100})
def gain(key: jax.Array, *, num_points: int) -> VerifierMap:
    """I(X;Z_∞) − I(X;Z_0), Z_0 fitted to n real samples of which 60 % are correct on average, in nats."""
    sizes, ratios = _grid(num_points, 0.85)
    correct = budget.success(sizes, (jnp.ones((len(ratios), 1)), ratios[:, None]), SHARE, num_real=sizes)
    return VerifierMap(sizes, ratios, LN2 - _binary_entropy(correct) - start_information(sizes))


def start_information(sizes: np.ndarray) -> np.ndarray:
    """I(X;Z_0) of n real samples of which 60 % are correct on average, in nats [n]."""
    shares = np.array([[SHARE], [1 - SHARE]])
    # `drift.initial` without a compilation for each n
    joints = (binom.pmf(np.arange(n + 1), n, shares) / 2 for n in sizes)
    # H(X) − H(X|Z_0) of the posterior weights, which sum to one for each z; all sizes as one array, to compile once
    first, mass = np.hstack([(joint[0], joint.sum(0)) for joint in joints])
    left = mass * _binary_entropy(first / mass)
    return LN2 - np.add.reduceat(left, np.concatenate([[0], np.cumsum(sizes[:-1] + 1)]))


def _binary_entropy(p: ArrayLike) -> np.ndarray:
    return entr(np.asarray(p)) + entr(1 - np.asarray(p))


@study("drift-barrier/ends-right", num_points=24, full={"num_points": 100})
def ends_correct(key: jax.Array, *, num_points: int) -> VerifierMap:
    """P(ends correct) from the accuracy .1."""
    sizes, ratios = _grid(num_points, 0.0)
    correct = budget.success(sizes, (jnp.ones((len(ratios), 1)), ratios[:, None]), RARE)
    return VerifierMap(sizes, ratios, np.asarray(correct))


class KimuraErrors(NamedTuple):
    """Kimura's approximation against the exact probability, over a grid of sizes, verifiers and starts."""

    selection: np.ndarray  # s = ln(φ/ψ)
    largest: np.ndarray  # the largest |error| over sizes and starts, for each s
    where: list[str]


@cache
def kimura_errors() -> KimuraErrors:
    """n = 5 … 100, p = .01 … .9."""
    selection = np.append(np.geomspace(0.005, 0.12, 8), np.geomspace(0.2, 2.2, 8))
    sizes, starts = np.array([5, 10, 20, 50, 100]), np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
    s, n, p = np.meshgrid(selection, sizes, starts, indexing="ij")
    exact = budget.success(n, (jnp.ones(s.shape), np.exp(-s)), p)
    errors = np.abs(np.asarray(budget.kimura(n, s, p) - exact)).reshape(len(selection), -1)
    worst = errors.argmax(1)
    where = [f"n = {n[i].ravel()[j]}, p = {p[i].ravel()[j]:g}" for i, j in enumerate(worst)]
    return KimuraErrors(selection, errors.max(1), where)


def blind_acceptance(tpr: float) -> np.ndarray:
    """Of correct and wrong outputs, and of the blind spot."""
    return np.array([tpr, WRONG_ACCEPTED, BLIND_ACCEPTED])


@cache
def blind_ends(n: int, tpr: float) -> np.ndarray:
    """P(the loop ends with the correct, the wrong, the blind-spot symbol) [k]."""
    return np.asarray(budget.ends_with(n, blind_acceptance(tpr), BLIND_START))


@cache
def blind_path(n: int, tpr: float) -> np.ndarray:
    """The expected shares of correct, wrong and blind-spot outputs [t, k], t = 0 … BLIND_GENERATIONS."""
    return np.asarray(budget.shares_by_round(n, blind_acceptance(tpr), BLIND_START, num_rounds=BLIND_GENERATIONS))


class FinalAccuracy(NamedTuple):
    """The accuracy of simulated loops after NUM_GENERATIONS."""

    sizes: tuple[int, ...]
    simulated: theory.Estimate  # [fpr, n]


SIZES = {"sizes": (5, 80), "num_replicas": 250}  # each size is a program
FULL = {"sizes": (5, 10, 20, 40, 80, 160), "num_replicas": 2000}


@study("drift-barrier/mixture", **SIZES, full=FULL)
def mixture(key: jax.Array, *, sizes: tuple[int, ...], num_replicas: int) -> FinalAccuracy:
    """Two components that do not overlap; a sample of the lighter one is correct."""
    scales = jnp.ones((2, 1, 1))
    model = sandbox.GaussianMixture(jnp.array([START, 1 - START]), jnp.array([[5.0], [-5.0]]), scales)
    return _simulated(key, model, regions.Box(jnp.zeros(1), jnp.full(1, jnp.inf)), sizes, num_replicas, one_step)


@study("drift-barrier/markov-chain", **SIZES, full=FULL)
def markov_chain(key: jax.Array, *, sizes: tuple[int, ...], num_replicas: int) -> FinalAccuracy:
    """Two states; a step into the first is correct."""
    row = jnp.array([START, 1 - START])
    model = sandbox.MarkovChain(row, jnp.stack([row, row]))
    correct = regions.Transitions(jnp.array([[True, False], [True, False]]))
    return _simulated(key, model, correct, sizes, num_replicas)


one_step = partial(sandbox.GaussianMixture.fit, steps=1)  # of EM, which is exact where components do not overlap


def _simulated(
    key: jax.Array, model: Any, correct: regions.Region, sizes: tuple[int, ...], num_replicas: int, fit: Any = None
) -> FinalAccuracy:
    """Each verifier and size with the same random numbers."""

    def end(n: int, fpr: float) -> np.ndarray:
        record = sandbox.ensemble(
            key,
            jax.tree.map(lambda leaf: leaf[None], model),
            sandbox.Verifier(jnp.asarray(TPR), jnp.asarray(fpr), correct),
            num_samples=n,
            num_generations=NUM_GENERATIONS,
            num_replicas=num_replicas,
            fit=fit,
            until_kept=True,
            every=NUM_GENERATIONS,
            progress=False,
        )
        return np.asarray(record.accuracy)[0, :, -1]

    ends = np.array([[end(n, fpr) for n in sizes] for fpr in FPRS])  # [fpr, n, replica]
    return FinalAccuracy(sizes, theory.estimate(np.moveaxis(ends, 2, 0)))


@cache
def exact(sizes: tuple[int, ...]) -> np.ndarray:
    """The expected accuracy of the categorical loop, from the same start [fpr, n]."""
    schedules = np.repeat(np.array(sizes)[:, None], NUM_GENERATIONS, axis=1)
    return np.array([1 - np.asarray(budget.spend(schedules, (TPR, fpr), START).wrong[:, -1]) for fpr in FPRS])
