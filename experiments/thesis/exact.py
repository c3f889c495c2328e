"""The exact rows of C10: a gradient flow, Bayesian tables, and a mixture, in which the larger saving is relied on."""

import itertools
import math

import numpy as np

import theory
from experiments.ledger import Outcome, Settings, equality, inequality
from experiments.thesis.failures import table_joint
from experiments.thesis.flow import RATES, SCALE, crosses, turns
from theory import prequential

SAMPLES = 84  # of the tables: where the one of 2 contexts is farthest ahead of one of 64
MIXED = 4  # samples, all sequences of two bits and a label


def informations() -> tuple[float, float]:
    """I(Y; sign) of the two signs of the flow, nats."""
    first, second = (float(theory.mutual_information(np.array([[a, 1 - a], [1 - a, a]]) / 2)) for a in RATES)
    return first, second


def scaled(_: Settings, *, by_information: bool = False) -> Outcome:
    """How long the feature of more information is not the one that is answered by, though unscaled it always is."""
    slow, plain = turns(SCALE), turns(1.0)
    first, second = informations()
    setting = f"least squares, gradient flow: a sign of {first:.4f} nats at scale {SCALE:g}, one of {second:.4f} at 1: "
    setting += f"answers by the second until {slow:.4f}; with both at scale 1 until {plain:g}"
    if by_information:
        return equality(slow, plain, setting=setting, unit="learning rate × updates")
    return inequality(slow - plain, predicted=plain, measured=slow, setting=setting, unit="learning rate × updates")


def flow_turn(_: Settings, *, exactly: bool = False) -> Outcome:
    """The turn of the flow against that of the savings."""
    measured, predicted = turns(SCALE), crosses(SCALE)
    setting = "least squares, gradient flow, a sign of .49 nats at scale "
    setting += f"{SCALE:g}, one of .13 at 1: turn {measured / predicted:.4f} × as late as the savings say"
    if exactly:
        return equality(measured, predicted, setting=setting, unit="learning rate × updates")
    slack = math.log(2) - abs(math.log(measured / predicted))
    return inequality(slack, predicted=predicted, measured=measured, setting=setting, unit="learning rate × updates")


def tables(_: Settings, *, contexts: int = 64) -> Outcome:
    """By how much a table of less information, in two contexts, is ahead of one of more in so many."""
    joints = table_joint(contexts, 0.9), table_joint(2, 0.8)
    first, second = (float(prequential.table_saving(joint, SAMPLES)[-1]) for joint in joints)
    nats = [float(theory.mutual_information(joint)) for joint in joints]
    setting = f"Bayesian tables: {contexts} contexts of {nats[0]:.3f} nats have saved {first:.3f} after {SAMPLES} "
    setting += f"samples, 2 contexts of {nats[1]:.3f} {second:.3f}"
    return inequality(second - first, measured=second - first, setting=setting)


def mixture(_: Settings, *, by_information: bool = False) -> Outcome:
    """The posterior of two table learners, their parameters integrated out, against their savings; all sequences."""
    signs, labels = sequences()
    savings = np.asarray(prequential.saving(online_losses(signs, labels), math.log(2)))[..., -1]
    told = np.broadcast_to(MIXED * np.array(informations()), savings.T.shape) if by_information else savings.T
    gap = np.abs(np.asarray(prequential.mixture_weights(told)) - posterior(signs, labels).T).max()
    setting = (
        f"two tables, Beta(½, ½) in each context, all {labels.shape[0]} sequences of {MIXED} samples of two signs "
    )
    return equality(float(gap), 0.0, setting=f"{setting}and a label; largest distance", unit="probability")


def sequences() -> tuple[np.ndarray, np.ndarray]:
    """All sequences of samples: two signs [component, sequence, sample], and labels [sequence, sample], 0 or 1."""
    cells = np.array(list(itertools.product(range(8), repeat=MIXED)))
    return np.stack([cells >> 2, cells >> 1 & 1]), cells & 1


def online_losses(signs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """−ln((n_xy + ½)/(n_x + 1)), with the counts before each sample."""
    earlier = np.tri(labels.shape[-1], k=-1, dtype=bool)
    same = (signs[..., None] == signs[..., None, :]) & earlier
    agree = same & (labels[..., None] == labels[..., None, :])
    return -np.log((agree.sum(-1) + 0.5) / (same.sum(-1) + 1))


def posterior(signs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of the two tables [component, sequence]; Gauss–Chebyshev nodes integrate such polynomials under Beta(½, ½)."""
    theta = (1 + np.cos((np.arange(MIXED) + 0.5) * math.pi / MIXED)) / 2
    evidence = np.ones(signs.shape[:-1])
    for context in (0, 1):
        ones, zeros = (((signs == context) & (labels == y)).sum(-1)[..., None] for y in (1, 0))
        evidence *= (theta**ones * (1 - theta) ** zeros).mean(-1)
    return evidence / evidence.sum(0)
