"""The ledger's rows: L2, where the thesis fails; C10, how much earlier an efficient component is learned."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Kind, twins
from experiments.thesis import acceleration, failures
from experiments.thesis.failures import AGREEMENT, BROKEN, CONTROLS, FAILURES, as_often, rule

MOST = 2 / 3  # of the answers: fewer follow the larger saving where it says little, more where it tells

_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_FAST = "experiments/test_thesis_limits.py::"
_MAP, _EARLIER = "thesis-failures", "thesis-acceleration"


_pair = partial(twins, test=_ROWS, figure=_MAP)


def _failure(mode: str, statement: str, also: str, *, bound: float = 0.5) -> tuple[Check, Check]:
    """That the rule fails in a network, and, the twin, that it does in the control as well."""
    found, control = (partial(rule, probes=where[mode], holds=False, bound=bound) for where in (FAILURES, CONTROLS))
    return _pair(f"L2-{mode}", "monte-carlo", statement, found, f"… {also}", control)


def _earlier(
    means: str, kind: Kind, statement: str, measure: Callable, otherwise: str, twin: Callable, *, test: str = _ROWS
) -> tuple[Check, Check]:
    return _pair(f"C10-acceleration-{means}", kind, statement, measure, otherwise, twin, test=test, figure=_EARLIER)


_LIMITS = (
    *_failure(
        "tie",
        "Between two equal components, both learned, the savings say little: under ⅔ of the answers follow the larger",
        "also between unequal ones, right in .9 and .75 of the labels",
        bound=MOST,
    ),
    *_pair(
        "L2-tie-broken",
        "monte-carlo",
        "Which of two equal components a network learns first, its own run's savings tell in ⅔ of the answers or more",
        partial(rule, probes=BROKEN, holds=True, bound=MOST),
        "… so do those of other runs",
        partial(rule, probes=tuple(x._replace(by="others") for x in BROKEN), holds=True, bound=MOST),
    ),
    *_pair(
        "L2-scale-flow",
        "exact",
        "In a gradient flow a small feature has saved more before the student turns to it: the margin decides",
        partial(failures.flow_rule, time=50.0),
        "… also at scale 1",
        partial(failures.flow_rule, time=50.0, scale=1.0),
        test=_FAST + "test_scale",
    ),
    *_failure(
        "scale",
        "Under log loss and SGD, too, a small feature has saved more, and the student goes by the large one",
        "also where both are written at scale 1",
    ),
    *_pair(
        "L2-decay-flow",
        "exact",
        "Under weight decay a small feature may save more for ever, with the same decay, and never win",
        partial(failures.flow_rule, time=1000.0, decay=0.02),
        "… also under a tenth of that decay",
        partial(failures.flow_rule, time=1000.0, decay=0.002),
        test=_FAST + "test_decay",
    ),
    *_failure(
        "decay",
        "Under strong weight decay, in solo learners too, a small feature saves more; an MLP goes by the other one",
        "also without weight decay",
    ),
    *_pair(
        "L2-rate-edge",
        "exact",
        "At a rate that each component alone can bear, but not both, every second answer is against the savings",
        partial(failures.edge, rate=1.9),
        "… also at half that rate",
        partial(failures.edge, rate=0.95),
        test=_FAST + "test_edge_of_stability",
    ),
    *_pair(
        "L2-rate",
        "monte-carlo",
        "At rate 100 log-loss learners lose nats instead of saving; most answers go by the component that loses less",
        partial(rule, probes=FAILURES["rate"], holds=True),
        "… as often as at rate .1",
        partial(as_often, probes=FAILURES["rate"], control=CONTROLS["rate"]),
    ),
    *_failure(
        "repeats",
        "A student that sees few samples again and again goes against the savings on fresh ones",
        "also against those on the same samples, as often repeated",
    ),
    *_failure(
        "lag",
        "Savings lag: a student goes by the intended component, once it is worth more, before the savings cross",
        "also after half as many samples",
    ),
    *_pair(
        "L2-joint-table",
        "exact",
        "A table of all pairs of contexts shares nothing, and answers a conflict against the larger saving",
        partial(failures.joint_table, agreement=AGREEMENT),
        "… also where the spurious component agrees more often than the intended one",
        partial(failures.joint_table, agreement=0.95),
        test=_FAST + "test_joint_table",
    ),
)

_ACCELERATION = (
    *_earlier(
        "scale",
        "exact",
        "In a gradient flow twice the scale of the intended feature turns the student 4 times as early, to O(scale²)",
        acceleration.scaled,
        "… twice as early",
        partial(acceleration.scaled, power=1),
        test=_FAST + "test_scale",
    ),
    *_earlier(
        "curriculum",
        "monte-carlo",
        "A curriculum of clear cases first turns the student earlier",
        partial(acceleration.earlier, name="curriculum"),
        "… by as much as the savings say",
        partial(acceleration.in_full, name="curriculum"),
    ),
    *_earlier(
        "features",
        "monte-carlo",
        "Clearer features, a wider margin, turn the student earlier by what the savings say, ln right to a half",
        partial(acceleration.agrees, name="features", within=1 / 2),
        "… no change is as near to what they say",
        partial(acceleration.no_change, name="features"),
    ),
    *_earlier(
        "verdicts",
        "monte-carlo",
        "Cleaner verdicts, less label noise, turn the student earlier by what the savings say, ln right to two thirds",
        partial(acceleration.agrees, name="verdicts", within=2 / 3),
        "… no change is as near to what they say",
        partial(acceleration.no_change, name="verdicts"),
    ),
    *_earlier(
        "detour",
        "monte-carlo",
        "Not every easier task helps: one bit first, then the parity of three, turns the student later",
        partial(acceleration.later, name="detour"),
        "… so do clear cases of the same task first",
        partial(acceleration.later, name="curriculum"),
    ),
)

CHECKS: tuple[Check, ...] = (*_LIMITS, *_ACCELERATION)
