"""The rows without a random number: gradient flows and descent on two signs, and Bayesian tables."""

import math

import numpy as np
from scipy.special import rel_entr

from experiments.harness.claim import Found, at_least, at_most, equal
from experiments.harness.ledger import Settings
from experiments.thesis import failures, flow
from experiments.thesis.failures import AGREEMENT, CONTEXTS, RIGHT

TABLE_SAMPLES = 84  # where the table of 2 contexts is farthest ahead of one of 64
SCALES = (0.05, 0.1, 0.2)
ANSWERS, TIME = "share of answers as the rule says", "learning rate × updates"
FLOW = "least squares, gradient flow: a sign of .49 nats at scale {:g}, one of .13 at 1"


def _flows() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """When the flow turns, when the savings cross, and where."""
    turns, crosses = (np.array([of(scale) for scale in SCALES]) for of in (flow.turns, flow.crosses))
    where = [
        f"{FLOW.format(scale)}: turn at {crossover:.4g}, the savings cross at {cross:.4g}"
        for scale, crossover, cross in zip(SCALES, turns, crosses, strict=True)
    ]
    return turns, crosses, where


def scaled(settings: Settings) -> Found:
    """How long the feature of more information is not the one that is answered by, though unscaled it always is."""
    setting = f"{FLOW.format(flow.SCALE)}; answers by the second until then, predicted: with both at scale 1"
    return at_least(flow.turns(flow.SCALE), flow.turns(1.0), setting, TIME)


def flow_turn(settings: Settings) -> Found:
    """The turn of the flow against that of the savings."""
    turns, crosses, where = _flows()
    return at_most(np.abs(np.log(turns / crosses)), math.log(2), where, "|ln turn/predicted|")


def scaled_flow(settings: Settings) -> Found:
    """Between the two the rule is wrong."""
    turns, crosses, where = _flows()
    return at_least(turns, crosses, where, TIME)


def decayed_flow(decay: float, settings: Settings) -> Found:
    """In the limit: the answer to a conflict, > 0 for the small sign, and what each saves alone with that decay."""
    answer, (first, second) = flow.limit(flow.SCALE, decay)
    setting = f"{FLOW.format(flow.SCALE)}, weight decay {decay:g}, in the limit: "
    where = ["answer to a conflict, > 0: by the first", "saved by the second alone, predicted: by the first"]
    return at_most([answer, second], [0.0, first], [setting + what for what in where], "1, or nats a unit of time")


def faster_flow(settings: Settings) -> Found:
    """The turn at half the scale; `separated_crossover` predicts 4 times as late."""
    small, large = 0.01, 0.02
    saved = flow.crosses(small) / flow.crosses(large)
    setting = f"least squares, scales {small} and {large}, tolerance O(scale²); savings cross {saved:.4f} × as late"
    return equal(flow.turns(small) / flow.turns(large), 4.0, setting, "times as late", tolerance=4 * large**2)


def edge(rate: float, settings: Settings) -> Found:
    """Gradient descent at a rate that each component alone can bear."""
    found = flow.descend(0.7, rate)
    factors = ", ".join(f"{x:.2f}" for x in found.alone)
    setting = (
        f"least squares, a sign of .49 nats at scale .7, one of .13 at 1, learning rate {rate:g}: largest |1 − rate λ| "
        f"alone {factors}, together {found.together:.2f}"
    )
    return at_most(found.share, 0.5, setting, ANSWERS)


def tables(contexts: int, settings: Settings) -> Found:
    """A table of less information, in two contexts, against one of more in so many."""
    sizes = ((2, AGREEMENT), (contexts, RIGHT))
    second, first = (failures.table_nats_saved(*size)[TABLE_SAMPLES] for size in sizes)
    joints = [failures.table_joint(*size) for size in sizes]
    nats = [rel_entr(joint, joint.sum(1, keepdims=True) * joint.sum(0)).sum() for joint in joints]
    setting = (
        f"Bayesian tables after {TABLE_SAMPLES} samples: saved in 2 contexts of {nats[0]:.3f} nats, predicted: in "
        f"{contexts} of {nats[1]:.3f}"
    )
    return at_least(second, first, setting)


def joint_table(agreement: float, settings: Settings) -> Found:
    """A table of all pairs of contexts, against one of each component."""
    first, second = (failures.table_nats_saved(*x)[failures.SAMPLES] for x in ((CONTEXTS, RIGHT), (2, agreement)))
    setting = (
        f"an intended sign in {CONTEXTS} contexts, right in {RIGHT}, a spurious one in 2, in {agreement}; "
        f"{failures.SAMPLES} samples: Bayesian tables of each save {first:.1f} and {second:.1f} nats"
    )
    return at_most(failures.joint_follows(agreement), 0.5, setting, ANSWERS)
