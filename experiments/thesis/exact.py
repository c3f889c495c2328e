"""The exact rows: gradient flows and descent on two signs, and Bayesian tables."""

from itertools import product

import numpy as np
from scipy.special import rel_entr

from experiments.harness.claim import Found, at_least, at_most, equal
from experiments.harness.ledger import Settings
from experiments.thesis import failures, flow
from experiments.thesis.failures import AGREEMENT, CONTEXTS, CORRECT
from experiments.thesis.switches import agree, described

TABLE_SAMPLES = 84  # where the table of 2 contexts is farthest ahead of one of 64
SCALES = (0.05, 0.1, 0.2)
STRONG, WEAK = (0.5, 0.7, 0.8), (0.1, 0.3)  # means of the second sign, that of the first being .9
MOST = 3 / 4
ANSWERS, TIME = "share of answers that follow the rule", "learning rate × updates"
FLOW = "least squares, gradient flow: a sign of .49 nats at scale {:g}, one of .13 at 1"


def _flows() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """When the flow switches, when the losses saved cross, and where."""
    switches, crosses = (np.array([of(scale) for scale in SCALES]) for of in (flow.crossover, flow.savings_cross))
    where = [
        f"{FLOW.format(scale)}: it switches at {switch:.4g}, the losses saved cross at {cross:.4g}"
        for scale, switch, cross in zip(SCALES, switches, crosses, strict=True)
    ]
    return switches, crosses, where


def scaled(settings: Settings) -> Found:
    """How long the flow relies on the sign with less information, against no time with both at scale 1."""
    setting = f"{FLOW.format(flow.SCALE)}; relies on the second until then, predicted: with both at scale 1"
    return at_least(flow.crossover(flow.SCALE), flow.crossover(1.0), setting, TIME)


def flow_switches(means: tuple[float, ...], settings: Settings) -> Found:
    """The share of switches, of a flow or predicted, that are both and within a factor of 2."""
    grid = list(product((*SCALES, 0.4), means))
    found = np.array(
        [[of(s, means=(flow.MEANS[0], b)) for of in (flow.savings_cross, flow.crossover)] for s, b in grid]
    )
    predicted, measured = np.where((found > 0) & (found < np.inf), found, np.nan).T
    agreed = agree(predicted, measured)
    setting = f"least squares, an intended sign of mean .9 at scales {SCALES} and .4, one of mean {means} at 1; "
    setting += described(predicted, measured)
    return at_least(np.nanmean(agreed), MOST, setting, "share of switches")


def scaled_flow(settings: Settings) -> Found:
    """Between the two crossovers the rule is wrong."""
    switches, crosses, where = _flows()
    return at_least(switches, crosses, where, TIME)


def decayed_flow(decay: float, settings: Settings) -> Found:
    """In the limit: the answer to the counterfactual input, > 0 for the small sign, and the loss each saves alone."""
    answer, (first, second) = flow.limit(flow.SCALE, decay)
    setting = f"{FLOW.format(flow.SCALE)}, weight decay {decay:g}, in the limit: "
    where = ["answer to a counterfactual, > 0: by the first", "saved by the second alone, predicted: by the first"]
    return at_most([answer, second], [0.0, first], [setting + what for what in where], "1, or nats a unit of time")


def faster_flow(settings: Settings) -> Found:
    """The crossover at half the scale: 4 times as late by `separated_crossover`."""
    small, large = 0.01, 0.02
    saved = flow.savings_cross(small) / flow.savings_cross(large)
    setting = (
        f"least squares, scales {small} and {large}, tolerance O(scale²); the losses saved cross {saved:.4f} × as late"
    )
    return equal(flow.crossover(small) / flow.crossover(large), 4.0, setting, "times as late", tolerance=4 * large**2)


def edge(rate: float, settings: Settings) -> Found:
    """Gradient descent at a rate that is stable for each sign alone."""
    found = flow.descend(0.7, rate)
    factors = ", ".join(f"{x:.2f}" for x in found.alone)
    setting = (
        f"least squares, a sign of .49 nats at scale .7, one of .13 at 1, learning rate {rate:g}: largest |1 − rate λ| "
        f"alone {factors}, together {found.together:.2f}"
    )
    return at_most(found.share, 0.5, setting, ANSWERS)


def tables(contexts: int, settings: Settings) -> Found:
    """A table of less information in two contexts, against one of more information in so many."""
    sizes = ((2, AGREEMENT), (contexts, CORRECT))
    second, first = (failures.table_nats_saved(*size)[TABLE_SAMPLES] for size in sizes)
    joints = [failures.table_joint(*size) for size in sizes]
    nats = [rel_entr(joint, joint.sum(1, keepdims=True) * joint.sum(0)).sum() for joint in joints]
    setting = (
        f"Bayesian tables after {TABLE_SAMPLES} samples: saved in 2 contexts of {nats[0]:.3f} nats, predicted: in "
        f"{contexts} of {nats[1]:.3f}"
    )
    return at_least(second, first, setting)


def joint_table(agreement: float, settings: Settings) -> Found:
    """A table of all pairs of contexts, against one of each feature."""
    first, second = (failures.table_nats_saved(*x)[failures.SAMPLES] for x in ((CONTEXTS, CORRECT), (2, agreement)))
    setting = (
        f"an intended sign in {CONTEXTS} contexts, of agreement {CORRECT}, a spurious one in 2, of {agreement}; "
        f"{failures.SAMPLES} samples: Bayesian tables of each save {first:.1f} and {second:.1f} nats"
    )
    return at_most(failures.joint_follows(agreement), 0.5, setting, ANSWERS)
