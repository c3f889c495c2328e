"""Verdicts to find the right one of c blocks, by the loop (exact, until kept) and by Bayesian students (simulated)."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.optimize

import theory
from experiments.ledger import Settings
from theory import budget

VERIFIER, ERROR = (0.9, 0.3), 0.05
STUDENTS = ("uniform", "own", "probable", "informative", "ignoring")


class Loop(NamedTuple):
    """The loop from a uniform start, its wrong blocks lumped."""

    blocks: np.ndarray  # c
    sizes: np.ndarray  # n, the one that ends right with 1 − ERROR at the least expense
    verdicts: np.ndarray  # expected
    needed: np.ndarray  # the converse, not rounded: Fano's information over the capacity


@lru_cache
def loop(settings: Settings) -> Loop:
    """The cheapest size that is good enough, by search over all."""
    blocks, sizes = 2 ** np.arange(1, 9 if settings.full else 7), np.arange(1, 301 if settings.full else 81)
    capacity = float(budget.capacity(VERIFIER))
    found = []
    for c in blocks.tolist():
        end = budget.fixation(sizes, VERIFIER, 1 / c)
        verdicts = np.where(np.asarray(end.right) >= 1 - ERROR, np.asarray(end.verdicts), np.inf)
        needed = float(budget.information_needed(ERROR, np.full(c, 1 / c))) / capacity
        found.append((sizes[verdicts.argmin()], verdicts.min(), needed))
    return Loop(blocks, *map(np.array, zip(*found, strict=True)))


def slope_law() -> float:
    """The constant of c ln c, for many blocks: κ (1/ψ + 1/φ)/ln(φ/ψ), asymptotic.

    A kept sample of the right block is a founder with Poisson(φ/ψ) heirs, whose line survives with u = 1 − e^{−(φ/ψ)u}.
    The first round brings (φ/ψ) n/c of them, so that n = κc, κ = −ln ERROR/((φ/ψ)u). It takes ln c/ln(φ/ψ) rounds
    until half is right, at n/ψ verdicts each, and as many until the last wrong sample is gone, at n/φ.
    """
    phi, psi = VERIFIER
    u = scipy.optimize.root_scalar(lambda u: 1 - u - math.exp(-phi / psi * u), bracket=(0.1, 1)).root
    kappa = -math.log(ERROR) * psi / (phi * u)
    return kappa * (1 / psi + 1 / phi) / math.log(phi / psi)


@lru_cache
def student(kind: str, settings: Settings) -> dict[int, theory.Estimate]:
    """Verdicts until the posterior of one of c blocks is 1 − ERROR, simulated, for each c."""
    replicas = 10_000 if settings.full else 2_000
    rng = np.random.default_rng((settings.seed, STUDENTS.index(kind)))
    return {c: theory.estimate(search(kind, c, replicas, rng)[0]) for c in loop(settings).blocks.tolist() if c <= 64}


def search(kind: str, c: int, replicas: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Verdicts used [replica], and whether the block that is named is the wrong one."""
    phi, psi = VERIFIER
    kept, rejected = math.log(phi / psi), math.log((1 - phi) / (1 - psi)) if kind != "ignoring" else 0.0
    used, wrong = np.zeros(replicas), np.zeros(replicas, bool)
    running, truth, score = np.arange(replicas), rng.integers(c, size=replicas), np.zeros((replicas, c))
    while running.size:
        rows = np.arange(running.size)
        posterior = np.exp(score - score.max(1, keepdims=True))
        posterior /= posterior.sum(1, keepdims=True)
        query = _query(kind, posterior, rng)
        passes = rng.random(rows.size) < np.where(query == truth, phi, psi)
        score[rows, query] += np.where(passes, kept, rejected)
        used[running] += 1
        others = np.exp(score - score.max(1, keepdims=True)).sum(1)
        done = 1 / others >= 1 - ERROR
        wrong[running[done]] = score[done].argmax(1) != truth[done]
        running, truth, score = running[~done], truth[~done], score[~done]
    return used, wrong


def _query(kind: str, posterior: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The block of the next candidate of each replica."""
    if kind == "probable":
        return posterior.argmax(1)
    if kind == "informative":
        return _information(posterior).argmax(1)
    if kind == "own":  # a sample of its own posterior, as the loop samples its own model
        return (posterior.cumsum(1) > rng.random((len(posterior), 1)) * (1 - 1e-12)).argmax(1)
    return rng.integers(posterior.shape[1], size=len(posterior))


def _information(weight: np.ndarray) -> np.ndarray:
    """What one verdict tells of whether this block, right with probability `weight`, is the right one."""
    phi, psi = VERIFIER
    mixed = weight * phi + (1 - weight) * psi
    of_right, of_wrong = (float(theory.entropy([rate, 1 - rate])) for rate in (phi, psi))
    return -mixed * np.log(mixed) - (1 - mixed) * np.log1p(-mixed) - weight * of_right - (1 - weight) * of_wrong
