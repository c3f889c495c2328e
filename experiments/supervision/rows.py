"""The ledger's rows: C7, how supervision splits into task and form; C8, when a coarse signal is the cheaper one."""

from functools import partial

import numpy as np

from experiments.ledger import Check, check
from experiments.supervision import measures
from experiments.supervision.measures import MANY

_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_THEORY = "theory/test_supervision.py::"
_SIGNALS, _COST, _CURVES = "supervision-signals", "supervision-cost", "supervision-curves"
_EXACT, _SAMPLED = partial(check, kind="exact"), partial(check, kind="monte-carlo", test=_ROWS)

CHECKS: tuple[Check, ...] = (
    _EXACT(
        "C7-split",
        statement="A signal splits into task and surface form: I(Y;S|Q) = I([Y];S|Q) + I(Y;S|[Y],Q)",
        test=_THEORY + "test_supervision_splits",
        measure=measures.chain,
        figure=_SIGNALS,
    ),
    _EXACT(
        "C7-summary",
        statement="For a summary P of any kind it is a bound: I(Y;S|Q) ≤ I(P;S|Q) + I(Y;S|P,Q)",
        test="theory/test_claims.py::test_supervision",
        measure=measures.summary,
    ),
    _EXACT(
        "C7-slack",
        statement="… with slack I(P;S|Y,Q), which is zero for a block P = [Y]",
        test="theory/test_claims.py::test_supervision",
        measure=measures.summary_slack,
    ),
    _EXACT(
        "C7-slack-twin",
        statement="… and for every other function P of Y and S",
        test="theory/test_claims.py::test_supervision_twin",
        measure=measures.xor,
        twin=True,
    ),
    _EXACT(
        "C7-efficiency",
        statement="A signal that depends on the output through its block alone has η = 1",
        test=_ROWS,
        measure=measures.blind,
        figure=_SIGNALS,
    ),
    _EXACT(
        "C7-efficiency-twin",
        statement="… as has a rubric with a criterion of style",
        test=_ROWS,
        measure=measures.graded,
        figure=_SIGNALS,
        twin=True,
    ),
    _EXACT(
        "C8-reference",
        statement="A reference over c classes × M equal forms has η = ln c/(ln c + ln M)",
        test=_THEORY + "test_reference_answer_and_verdict",
        measure=measures.reference_efficiency,
        figure=_SIGNALS,
    ),
    _EXACT(
        "C8-per-nat",
        statement="By the nat a verdict says more of the class than a reference",
        test=_ROWS,
        measure=measures.per_nat,
        figure=_SIGNALS,
    ),
    _EXACT(
        "C8-per-query",
        statement="By the query it says less: the class takes (c−1)(c+2)/(2c) verdicts, greedily, or one reference",
        test=_THEORY + "test_known_numbers_of_queries",
        measure=measures.verdict_queries,
        figure=_SIGNALS,
    ),
    _EXACT(
        "C8-per-query-twin",
        statement="… or fewer verdicts than references",
        test=_ROWS,
        measure=measures.fewer_queries,
        twin=True,
    ),
    _EXACT(
        "C8-price",
        statement="The form of a reference tells H(form) ≤ ln M nats",
        test=_THEORY + "test_price_is_the_surprise",
        measure=measures.price_cap,
    ),
    _EXACT(
        "C8-price-twin",
        statement="… always ln M",
        test=_ROWS,
        measure=measures.price_always,
        twin=True,
    ),
    _EXACT(
        "C8-student",
        statement="A student at the law of the form has nothing to learn of it: D(form‖student) = 0",
        test=_THEORY + "test_price_is_the_surprise",
        measure=partial(measures.student, measures.SKEWED, "a student at that law"),
    ),
    _EXACT(
        "C8-student-twin",
        statement="… nor has one that has seen no form yet",
        test=_ROWS,
        measure=partial(measures.student, np.full(4, 0.25), "a uniform student"),
        twin=True,
    ),
    *(
        row
        for method, statement, claimed, twin in (
            (
                "one_form",
                "On a table SFT on one fixed reference takes ln M + O(1) longer",
                "M",
                "… M times as long",
            ),
            ("all_forms", "SFT on forms drawn anew takes M times as long", "ln M", "… ln M longer"),
            ("policy_gradient", "So does RLVR, though its verdicts see no form", "none", "… no longer than for M = 1"),
            ("natural_gradient", "The natural gradient takes the same time for all M", "M", "… M times as long"),
            ("partition", "So does SFT of a model that knows the partition", "ln M", "… ln M longer"),
        )
        for row in (
            _EXACT(
                f"C8-time-{method.replace('_', '-')}",
                statement=statement,
                test="sandbox/test_training.py::test_time_to_a_goal" if method != "partition" else _ROWS,
                measure=partial(measures.time, method),
                figure=_COST,
            ),
            _EXACT(
                f"C8-time-{method.replace('_', '-')}-twin",
                statement=twin,
                test=_ROWS,
                measure=partial(measures.growth, method, claimed),
                twin=True,
            ),
        )
        if row.twin_of is None or method != "partition"
    ),
    _SAMPLED(
        "C8-small-steps",
        statement="With small steps a table takes more than M/2 times as many references, anew, for M forms as for one",
        measure=partial(measures.small_steps, MANY / 2),
        figure=_COST,
    ),
    _SAMPLED(
        "C8-large-steps",
        statement="With large steps it takes one reference, M = 16 forms or not, and is left with that one form",
        measure=measures.large_steps,
        figure=_COST,
    ),
    _SAMPLED(
        "C8-network-sft",
        statement="A network takes more than M/2 times as many references drawn anew for M forms as for one",
        measure=partial(measures.network_ratio, ("SFT", MANY), ("SFT", 1), MANY / 2, 1),
        figure=_COST,
    ),
    _SAMPLED(
        "C8-network-sft-twin",
        statement="… also where each prompt has one fixed reference",
        measure=partial(measures.network_ratio, ("SFT once", MANY), ("SFT once", 1), MANY / 2, 1),
        twin=True,
    ),
    _SAMPLED(
        "C8-network-rlvr",
        statement="It takes less than M/4 times as many verdicts: the table's factor M is not the network's",
        measure=partial(measures.network_ratio, ("RLVR", MANY), ("RLVR", 1), MANY / 4, -1),
        figure=_COST,
    ),
    _SAMPLED(
        "C8-network-rlvr-twin",
        statement="… and as many references",
        measure=partial(measures.network_ratio, ("SFT", MANY), ("SFT", 1), MANY / 4, -1),
        twin=True,
    ),
    _SAMPLED(
        "C8-cheaper",
        statement="So for many forms a network reaches 99 % with fewer verdicts than references drawn anew",
        measure=partial(measures.network_ratio, ("RLVR", MANY), ("SFT", MANY), 1, -1),
        figure=_COST,
    ),
    _SAMPLED(
        "C8-cheaper-twin",
        statement="… for one form, too",
        measure=partial(measures.network_ratio, ("RLVR", 1), ("SFT", 1), 1, -1),
        twin=True,
    ),
)
