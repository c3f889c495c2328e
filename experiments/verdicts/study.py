"""The price of verdicts: a lower bound (L1), and their worth in samples (R5).

All loops use rejection sampling, and all is exact.
"""

import math
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import entr
from scipy.stats import binom

from experiments.harness.study import study
from theory import budget

RATES = (1.0, 0.8, 0.5, 0.2)  # tpr of the verifiers of L1
RATIOS = np.linspace(0.02, 0.95, 20)  # their fpr/tpr
SIZES = (1, 2, 5, 20)  # accepted samples per generation
PAIR, SHARE = (0.9, 0.2), 0.6  # the verifier of R5; the share of the correct symbol in real samples


class FixationGrid(NamedTuple):
    """Two tasks, which of two symbols is correct, for every verifier [tpr, fpr/tpr, n], from an even start."""

    needed: np.ndarray  # the lower bound for any method: verdicts, not rounded
    verdicts: np.ndarray  # expected, until one symbol is left
    accepted: np.ndarray  # those of them that accept


@cache
def fixations() -> FixationGrid:
    """The lower bound is (I_∞ − I_0)/C; I_0 = 0, since the start is the same for both tasks."""
    phi, ratio, n = np.meshgrid(RATES, RATIOS, SIZES, indexing="ij")
    end = budget.fixation(n, (phi, phi * ratio), 0.5)
    correct, generations = np.asarray(end.correct), np.asarray(end.generations)
    gained = math.log(2) - entr(correct) - entr(1 - correct)
    return FixationGrid(gained / np.asarray(_capacity((phi, phi * ratio))), np.asarray(end.verdicts), n * generations)


_capacity = jax.jit(budget.verifier_capacity)


class Exchange(NamedTuple):
    """The fresh samples whose best decision errs no more than that of k verdicts."""

    verdicts: np.ndarray  # k
    error: np.ndarray  # of the best decision after k verdicts, the two symbols in turn
    samples: np.ndarray  # m, the fewest


@study("budget/exchange", most=40, full={"most": 80})
def exchange(key: jax.Array, *, most: int) -> Exchange:
    """Sums of binomial probabilities; an odd number of samples, since one more does not change the error."""
    k, m = np.arange(1, most + 1), np.arange(1, 30 * most, 2)
    errors = np.array([verdict_error(i) for i in k.tolist()])
    enough = sample_error(m) <= errors[:, None] * (1 + 1e-12)  # keeps ties
    return Exchange(k, errors, m[enough.argmax(1)])


def verdict_error(k: int) -> float:
    """½ Σ min(P_1, P_2): two equally likely tasks; ⌈k/2⌉ verdicts on one symbol and ⌊k/2⌋ on the other."""
    first, second = ((k + 1) // 2, k // 2)
    distributions = [
        np.outer(binom.pmf(np.arange(first + 1), first, a), binom.pmf(np.arange(second + 1), second, b))
        for a, b in (PAIR, PAIR[::-1])
    ]
    return float(np.minimum(*distributions).sum()) / 2


def sample_error(m: np.ndarray) -> np.ndarray:
    """The majority of an odd number m of fresh samples is wrong: P(Binomial(m, SHARE) < m/2)."""
    return binom.cdf((m - 1) // 2, m, SHARE)


def by_information() -> float:
    """C(φ,ψ)/I(X;Y): the most information in one verdict over that in one fresh sample."""
    return float(_capacity(PAIR)) / (math.log(2) - entr(SHARE) - entr(1 - SHARE))


def by_exponent() -> float:
    """The ratio of the Chernoff informations, both at the exponent ½ by symmetry (of a pair of verdicts).

    −ln(√(φψ) + √((1−φ)(1−ψ))) over −ln(2√(p(1−p))); Cover & Thomas (2006), section 11.9.
    """
    phi, psi = PAIR
    verdict = math.sqrt(phi * psi) + math.sqrt((1 - phi) * (1 - psi))
    return math.log(verdict) / math.log(2 * math.sqrt(SHARE * (1 - SHARE)))
