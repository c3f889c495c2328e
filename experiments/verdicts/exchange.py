"""What a verdict is worth in fresh samples: by information, by error exponents, and exactly."""

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.stats

import theory
from experiments.ledger import Settings
from theory import budget

VERIFIER, SHARE = (0.9, 0.2), 0.6  # the verifier; the share of the right one of two symbols in real samples


class Exchange(NamedTuple):
    """The fresh samples that err no more than k verdicts, both decided as well as can be."""

    verdicts: np.ndarray  # k
    error: np.ndarray  # of the best decision after k verdicts, the two symbols in turn
    samples: np.ndarray  # m, the smallest


@lru_cache
def exact(settings: Settings) -> Exchange:
    """Sums of binomial probabilities; an odd number of samples, since one more does not change the error."""
    k = np.arange(1, 81 if settings.full else 41)
    errors = np.array([verdict_error(i) for i in k.tolist()])
    m = np.arange(1, 30 * k[-1], 2)
    enough = sample_error(m) <= errors[:, None] * (1 + 1e-12)  # ties stay ties
    return Exchange(k, errors, m[enough.argmax(1)])


def verdict_error(k: int) -> float:
    """½ Σ min(P_1, P_2): two tasks, equally likely; ⌈k/2⌉ verdicts on the one symbol and ⌊k/2⌋ on the other."""
    phi, psi = VERIFIER
    first, second = (np.arange(m + 1) for m in ((k + 1) // 2, k // 2))
    laws = [
        np.outer(scipy.stats.binom.pmf(first, first[-1], a), scipy.stats.binom.pmf(second, second[-1], b))
        for a, b in ((phi, psi), (psi, phi))
    ]
    return float(np.minimum(*laws).sum()) / 2


def sample_error(m: np.ndarray) -> np.ndarray:
    """The majority of an odd number m of fresh samples is wrong: P(Binomial(m, SHARE) < m/2)."""
    return scipy.stats.binom.cdf((m - 1) // 2, m, SHARE)


def by_information() -> float:
    """C(φ,ψ)/I(X;Y): the most that one verdict tells over what one fresh sample tells."""
    return float(budget.capacity(VERIFIER)) / (math.log(2) - float(theory.entropy([SHARE, 1 - SHARE])))


def by_exponent() -> float:
    """The ratio of the Chernoff informations; both are at the middle of the arc, by symmetry (of a pair of verdicts).

    −ln(√(φψ) + √((1−φ)(1−ψ))) over −ln(2√(p(1−p))); Cover & Thomas (2006), section 11.9.
    """
    phi, psi = VERIFIER
    verdict = math.sqrt(phi * psi) + math.sqrt((1 - phi) * (1 - psi))
    return math.log(verdict) / math.log(2 * math.sqrt(SHARE * (1 - SHARE)))
