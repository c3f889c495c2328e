"""What N verdicts on one prompt buy: refitting until n are accepted, or RLVR in groups, each at its best: exact."""

from functools import cache
from typing import NamedTuple

import jax
import numpy as np
from scipy.optimize import root_scalar

from experiments.harness.study import study
from theory import budget, policies

Rates = tuple[float, float]  # tpr, fpr
START = 0.3  # accuracy before the first verdict
STRICT, LENIENT = (0.1, 0.01), (0.99, 0.9)  # of one J, .09, and likelihood ratios 10 and 1.1
FAIR = (0.8, 0.4)
TPRS = np.array([0.2, 0.4, 0.7, 0.95])


class Leads(NamedTuple):
    """The verifiers at which both methods leave equally much wrong."""

    verdicts: np.ndarray  # N
    tpr: np.ndarray  # φ
    ratio: np.ndarray  # φ/ψ [N, φ]

    @property
    def youden(self) -> np.ndarray:
        """J = φ − ψ [N, φ]."""
        return self.tpr * (1 - 1 / self.ratio)


@cache
def refitted(verifier: Rates, verdicts: int, start: float = START) -> float:
    """The wrong share after refitting in rounds of the best size, none of which may pass N verdicts."""
    return budget.hard_limit(verifier, start, verdicts).wrong


@cache
def reinforced(verifier: Rates, verdicts: int, start: float = START, *, standardised: bool = False) -> float:
    """The wrong share after RLVR with the best step."""
    return policies.best_step(verifier, start, verdicts, standardised=standardised).wrong


@study("refit-or-reinforce/leads", verdicts=(100, 200, 400))
def leads(key: jax.Array, *, verdicts: tuple[int, ...]) -> Leads:
    """Where the lead changes, to 2 % of ln LR."""
    found = [[changes(tpr, n) for tpr in TPRS.tolist()] for n in verdicts]
    return Leads(np.array(verdicts), TPRS, np.exp(found))


def rule(verdicts: int, start: float) -> float:
    """ln LR = 5 p^−.7/√N, above which refitting leads: measured, at a tpr of .7 and more."""
    return 5 * start**-0.7 / verdicts**0.5


def changes(tpr: float, verdicts: int, start: float = START) -> float:
    """ln LR at which refitting begins to leave less wrong than RLVR, at this tpr."""

    def behind(log_ratio: float) -> float:
        """How far RLVR is behind, in nats."""
        verifier = (tpr, float(tpr * np.exp(-log_ratio)))
        return float(np.log(reinforced(verifier, verdicts, start) / refitted(verifier, verdicts, start)))

    near = rule(verdicts, start)
    return root_scalar(behind, x0=0.95 * near, x1=1.05 * near, xtol=0.02 * near).root  # secants
