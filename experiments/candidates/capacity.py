"""What loops keep of the nats that their verdicts can carry: loops of L1, R1 and R3, for which both are exact."""

import math
from typing import NamedTuple

import jax
import numpy as np
from scipy.special import entr

from experiments.candidates import study
from experiments.drift_barrier.study import SHARE, start_information
from experiments.harness.ledger import Settings
from experiments.verdicts import study as even
from theory import budget

FITTED_SIZES, FITTED_FPRS = np.array([2, 5, 10, 20, 50, 100]), np.array([0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98])
_capacity = jax.jit(budget.verifier_capacity)


class Loops(NamedTuple):
    """Loops of one kind, a dot each."""

    bought: np.ndarray  # expected verdicts times the capacity of the verifier
    kept: np.ndarray  # I(X;Z) in the end less that of Z_0

    @property
    def share(self) -> np.ndarray:
        """The share of what was bought that is kept; negative where a loop loses."""
        return self.kept / self.bought


def even_start(sizes: tuple[int, ...] = even.SIZES) -> Loops:
    """The loops of L1: two symbols, an even start, until one is left; rounds of these sizes."""
    found, which = even.fixations(), np.isin(even.SIZES, sizes)
    phi, ratio = np.meshgrid(even.RATES, even.RATIOS, indexing="ij")
    nats = np.asarray(_capacity((phi, phi * ratio)))[..., None]
    return Loops((found.verdicts * nats)[..., which].ravel(), (found.needed * nats)[..., which].ravel())


def fitted_start() -> Loops:
    """The loops of R1: Z_0 is fitted to n real samples of which 60 % are correct, tpr 1, until one symbol is left."""
    n, fpr = np.meshgrid(FITTED_SIZES, FITTED_FPRS, indexing="ij")
    end = budget.fixation(n, (np.ones(n.shape), fpr), SHARE, num_real=n)
    wrong = np.asarray(end.wrong)
    kept = math.log(2) - entr(wrong) - entr(1 - wrong) - start_information(FITTED_SIZES)[:, None]
    return Loops((np.asarray(end.verdicts) * np.asarray(_capacity((np.ones(n.shape), fpr)))).ravel(), kept.ravel())


def candidates(settings: Settings) -> Loops:
    """The loops of R3: one of c candidates, after T rounds."""
    found = study.loops(settings)
    kept = [study.fano(c, study.ERROR) for c in found.candidates.tolist()]
    return Loops(found.rounds * float(_capacity(study.CANDIDATES)), np.array(kept))
