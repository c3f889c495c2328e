"""The exact rows of C10: a gradient flow, Bayesian tables, and a mixture, in which the larger saving is relied on."""

import itertools
import math

import numpy as np
from scipy.optimize import root_scalar

import theory
from experiments.ledger import Outcome, Settings, equality, inequality
from theory import prequential

# signs that have the label's with probability .95 and .75: means of sign × label .9 and .5
RATES = (0.95, 0.75)
SCALE = 0.1  # of the feature of the first
WIDE, NARROW = (np.tile([[a, 1 - a], [1 - a, a]], (k, 1)) / (2 * k) for k, a in ((32, 0.9), (1, 0.8)))
SAMPLES = 600
MIXED = 4  # samples, all sequences of two bits and a label


def informations() -> tuple[float, float]:
    """I(Y; sign) of the two signs of the flow, nats."""
    first, second = (float(theory.mutual_information(np.array([[a, 1 - a], [1 - a, a]]) / 2)) for a in RATES)
    return first, second


def turn(scale: float) -> float:
    """When least squares under gradient flow answers as the first sign, whose feature is scaled, where they differ."""
    a, b = (2 * rate - 1 for rate in RATES)
    covariance = np.array([[scale**2, scale * a * b], [scale * a * b, 1]])
    return float(prequential.turn(covariance, np.array([scale * a, b]), np.array([scale, -1])))


def predicted_turn(scale: float) -> float:
    """When the first sign alone has saved more than the second alone."""
    a, b = (2 * rate - 1 for rate in RATES)

    def lead(time: float) -> float:
        first, second = (prequential.flow_saving([[s**2]], [s * c], time) for s, c in ((scale, a), (1.0, b)))
        return float(first - second)

    return root_scalar(lead, bracket=(1.0, 100 / scale**2), method="brentq").root


def scaled(_: Settings, *, most_informed_first: bool = False) -> Outcome:
    """How long the feature of more information is not the one that is answered by, though unscaled it always is."""
    slow, plain = turn(SCALE), turn(1.0)
    first, second = informations()
    setting = f"least squares, gradient flow: {first:.4f} nats at scale {SCALE:g} against {second:.4f} at 1, "
    setting += f"turn {slow:.4f}; both at scale 1: {plain:g}"
    slack = plain - slow if most_informed_first else slow - plain
    return inequality(slack, predicted=plain, measured=slow, setting=setting, unit="learning rate × updates")


def flow_turn(_: Settings, *, exactly: bool = False) -> Outcome:
    """The turn of the flow against that of the savings."""
    measured, predicted = turn(SCALE), predicted_turn(SCALE)
    setting = (
        f"least squares, gradient flow, scale {SCALE:g}: turn {measured / predicted:.4f} × as late as the savings say"
    )
    if exactly:
        return equality(measured, predicted, setting=setting, unit="learning rate × updates")
    slack = math.log(2) - abs(math.log(measured / predicted))
    return inequality(slack, predicted=predicted, measured=measured, setting=setting, unit="learning rate × updates")


def tables(_: Settings, *, most_informed_first: bool = False) -> Outcome:
    """By how much the table of less information is ahead, at most."""
    saved = [np.asarray(prequential.table_saving(joint, SAMPLES)) for joint in (WIDE, NARROW)]
    lead = saved[1] - saved[0]
    at = int(lead.argmax())
    last = int(np.flatnonzero(lead > 0)[-1])
    nats = [float(theory.mutual_information(joint)) for joint in (WIDE, NARROW)]
    setting = f"Bayesian tables: {len(WIDE)} contexts of {nats[0]:.3f} nats, {len(NARROW)} of {nats[1]:.3f}; "
    setting += f"lead of the second in saving after {at} samples, which it keeps to {last}"
    slack = -lead[at] if most_informed_first else lead[at]
    return inequality(float(slack), measured=float(lead[at]), setting=setting)


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
