"""The ledger's rows: L2, where the thesis fails; C10, how much earlier an efficient component is learned."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Kind, Outcome, Settings, check, inequality
from experiments.thesis import acceleration, failures
from experiments.thesis.failures import BROKEN, CONTROLS, FAILURES, Probe, exactly, rule
from theory import prequential

TIED = 2 / 3  # of the answers: fewer follow the larger saving where it says nothing
FLOW = 0.1  # the scale of the intended sign in the gradient flow
CONTEXTS, RIGHT, AGREEMENT, SAMPLES = 64, 0.9, 0.8, 100  # of the table: the spurious one has 2 contexts

_ROWS = "experiments/test_thesis_limits_rows.py::test_rows_are_as_expected"
_FAST = "experiments/test_thesis_limits.py::"
_MAP, _EARLIER = "thesis-failures", "thesis-acceleration"


def flow_scale(settings: Settings, *, sign: int = 1) -> Outcome:
    """L2: how much later than the savings cross the student turns."""
    cross, turn = failures.crosses(FLOW), failures.turns(FLOW)
    return inequality(
        sign * (turn - cross),
        predicted=cross,
        measured=turn,
        unit="rate × updates",
        setting=f"least squares, signs of .49 nats at scale {FLOW} and .13 at 1: the savings cross, the student turns",
    )


def flow_decay(settings: Settings, *, decay: float) -> Outcome:
    """L2: with the same weight decay in the solo learners, at time 1000."""
    time = 1000.0
    lead = float(failures.savings(FLOW, decay, time) @ [1, -1])
    turn = failures.turns(FLOW, decay)
    share = float((turn < time) == (lead > 0))
    return exactly(
        share,
        setting=f"least squares, scale {FLOW}, weight decay {decay}, time {time:.0f}: lead {lead:.0f}, turn {turn:.0f}",
    )


def edge(settings: Settings, *, rate: float) -> Outcome:
    """L2: gradient descent whose rate each component alone can bear."""
    found = failures.descend(0.7, rate)
    factors = ", ".join(f"{x:.2f}" for x in found.alone)
    return exactly(
        found.share,
        setting=f"least squares, scale .7, learning rate {rate}: largest |1 − rate λ| alone {factors}, "
        f"together {found.together:.2f}",
    )


def joint_table(settings: Settings, *, agreement: float) -> Outcome:
    """L2: a table of all pairs of contexts."""
    tables = failures.table_joint(CONTEXTS, RIGHT), failures.table_joint(2, agreement)
    first, second = (float(prequential.table_saving(table, SAMPLES)[-1]) for table in tables)
    reliance = failures.joint_reliance(CONTEXTS, RIGHT, agreement, SAMPLES)
    return exactly(
        1 - reliance if first > second else reliance,
        setting=f"a sign in {CONTEXTS} contexts ({RIGHT}) and one in 2 ({agreement}), {SAMPLES} samples: Bayesian "
        f"tables of each save {first:.1f} and {second:.1f} nats",
    )


def _pair(
    id: str,
    kind: Kind,
    statement: str,
    measure: Callable[[Settings], Outcome],
    otherwise: str,
    twin: Callable[[Settings], Outcome],
    *,
    test: str = _ROWS,
    figure: str = _MAP,
) -> tuple[Check, Check]:
    """A row and its false twin."""
    return (
        check(id, kind, statement, test, measure, figure),
        check(f"{id}-twin", kind, otherwise, test, twin, figure, twin=True),
    )


def _rule(id: str, statement: str, otherwise: str, holds: bool, probes: tuple[Probe, ...]) -> tuple[Check, Check]:
    """That the rule holds, or fails, in a network."""
    found, false = (partial(rule, probes=probes, holds=x) for x in (holds, not holds))
    return _pair(id, "monte-carlo", statement, found, otherwise, false)


def _faster(means: str, statement: str) -> tuple[Check, Check]:
    return _pair(
        f"C10-acceleration-{means}",
        "monte-carlo",
        f"{statement}: the student turns earlier by the factor that the savings cross earlier by, within a factor of 2",
        partial(acceleration.agrees, name=means),
        "… the turn is left where it was",
        partial(acceleration.later, name=means),
        figure=_EARLIER,
    )


CHECKS: tuple[Check, ...] = (
    *_pair(
        "L2-tie",
        "monte-carlo",
        "Of two equal components that are both learned the savings say nothing: under 2/3 of the answers follow them",
        partial(rule, probes=FAILURES["tie"], holds=False, bound=TIED),
        "… they follow the larger saving",
        partial(rule, probes=FAILURES["tie"], holds=True, bound=TIED),
    ),
    *_rule(
        "L2-tie-broken",
        "Which of two equal ones is learned first, the savings on the same samples, from the same start, tell",
        "… nothing tells",
        True,
        BROKEN,
    ),
    *_pair(
        "L2-scale-flow",
        "exact",
        "In a gradient flow the savings cross before the student turns: squared loss counts, the margin decides",
        flow_scale,
        "… as soon as they cross",
        partial(flow_scale, sign=-1),
        test=_FAST + "test_scale",
    ),
    *_rule(
        "L2-scale",
        "So it is for the log loss and SGD: a small feature has saved more, and the student goes by the large one",
        "… the rule holds there too",
        False,
        FAILURES["scale"],
    ),
    *_pair(
        "L2-decay-flow",
        "exact",
        "Under weight decay a small feature may save more for ever, with the same decay, and never win",
        partial(flow_decay, decay=0.02),
        "… under any decay",
        partial(flow_decay, decay=0.002),
        test=_FAST + "test_decay",
    ),
    *_rule(
        "L2-decay",
        "So it is in a network under strong weight decay, its solo learners' too",
        "… the rule holds there too",
        False,
        FAILURES["decay"],
    ),
    *_pair(
        "L2-rate-edge",
        "exact",
        "At a rate that each component alone can bear, but not both, every second answer is against the savings",
        partial(edge, rate=1.9),
        "… at half that rate",
        partial(edge, rate=0.95),
        test=_FAST + "test_edge_of_stability",
    ),
    *_rule(
        "L2-rate",
        "A large rate alone is no failure: on the log loss, where nothing diverges, the rule holds at rate 100",
        "… it fails",
        True,
        CONTROLS["rate"],
    ),
    *_rule(
        "L2-repeats",
        "A student that sees few samples again and again goes against the savings on fresh ones",
        "… it goes by them",
        False,
        FAILURES["repeats"],
    ),
    *_rule(
        "L2-repeats-same",
        "… but by those of solo learners that see the same few samples as often",
        "… against them as well",
        True,
        CONTROLS["repeats"],
    ),
    *_rule(
        "L2-lag",
        "Savings lag: once the intended component is what is worth more, the student goes by it before they cross",
        "… the rule holds there too",
        False,
        FAILURES["lag"],
    ),
    *_pair(
        "L2-joint-table",
        "exact",
        "A table of all pairs of contexts shares nothing, and answers a conflict against the larger saving",
        partial(joint_table, agreement=AGREEMENT),
        "… also where the spurious component agrees more often than the intended one",
        partial(joint_table, agreement=0.95),
        test=_FAST + "test_joint_table",
    ),
    *_pair(
        "C10-acceleration-scale",
        "exact",
        "In a gradient flow twice the scale of the intended feature turns the student 4 times as early, to O(scale²)",
        acceleration.scaled,
        "… twice as early",
        partial(acceleration.scaled, power=1),
        test=_FAST + "test_scale",
        figure=_EARLIER,
    ),
    *_faster("curriculum", "A curriculum of clear cases first"),
    *_faster("features", "Clearer features, a wider margin"),
    *_faster("verdicts", "Cleaner verdicts, less label noise"),
    *_pair(
        "C10-acceleration-detour",
        "monte-carlo",
        "Not every easier task helps: one bit first, then the parity of three, turns the student later",
        partial(acceleration.later, name="detour"),
        "… it helps",
        partial(acceleration.later, name="detour", sign=-1),
        figure=_EARLIER,
    ),
)
