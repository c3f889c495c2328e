"""The ledger's rows: C10, of two components of a signal the one that saves more is relied on; how far that holds."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Outcome, Settings, check, twins
from experiments.thesis import exact, measures
from experiments.thesis.measures import MLPS, SAVING, TABLES

Measure = Callable[[Settings], Outcome]

_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_FAST = "experiments/test_thesis.py::"
_RACE, _HITS = "thesis-race", "thesis-hits"


_twins = partial(twins, test=_ROWS)

_EXACT = (
    *_twins(
        "C10-scale",
        "exact",
        "Information does not decide: a gradient flow answers by .13 nats first, not by .49 written ten times smaller",
        exact.scaled,
        "… the larger mutual information is always learned first: the turn is the same at scale 1",
        partial(exact.scaled, by_information=True),
        test=_FAST + "test_the_flow_turns_where_a_matrix_exponential_does",
    ),
    *_twins(
        "C10-flow-turn",
        "exact",
        "The savings of two features alone say when a gradient flow turns from one to the other, within a factor of 2",
        exact.flow_turn,
        "… at the very time",
        partial(exact.flow_turn, exactly=True),
        test=_FAST + "test_the_flow_turns_where_a_matrix_exponential_does",
    ),
    *_twins(
        "C10-tables",
        "exact",
        "Bayesian tables of many contexts and much information save less at first than those of few and little",
        exact.tables,
        "… also where both have two contexts",
        partial(exact.tables, contexts=2),
    ),
    *_twins(
        "C10-mixture",
        "exact",
        "For a Bayesian mixture of components it is a theorem: the posterior is prior × e^saving",
        exact.mixture,
        "… prior × e^(n I)",
        partial(exact.mixture, by_information=True),
    ),
)

_HIT_RATES = (
    *_twins(
        "C10-hits",
        "monte-carlo",
        "A student relies on the component whose learner alone has saved more: .9 of the decided cells (quick: .85)",
        partial(measures.right, 0.85, 0.9),
        "… on the one of the larger mutual information",
        partial(measures.right, 0.85, 0.9, how="information"),
        figure=_HITS,
    ),
    *_twins(
        "C10-leads",
        "monte-carlo",
        "Where one component has saved twice as much, it is relied on in .95 (quick: .92) of the decided cells",
        partial(measures.right, 0.92, 0.95, least=2),
        "… there the one of the larger mutual information is",
        partial(measures.right, 0.92, 0.95, least=2, how="information"),
        figure=_HITS,
    ),
    *_twins(
        "C10-above-information",
        "monte-carlo",
        "The saving says what is relied on more often than the mutual information, by 10 points or more",
        partial(measures.above, "information", 0.1),
        "… so does the correlation with the label",
        partial(measures.above, "information", 0.1, how="correlation"),
        figure=_HITS,
    ),
    *_twins(
        "C10-above-accuracy",
        "monte-carlo",
        "The saving says what is relied on more often than the accuracy of the learner of one component by then",
        partial(measures.above, "accuracy", 0.0),
        "… by 10 points or more",
        partial(measures.above, "accuracy", 0.1),
        figure=_HITS,
    ),
    *(
        check(
            f"C10-above-{id}",
            "monte-carlo",
            f"The saving says what is relied on more often than {what}, by {100 * points:g} points or more",
            _ROWS,
            partial(measures.above, rival, points),
            _HITS,
        )
        for id, rival, points, what in (
            ("correlation", "correlation", 0.1, "the correlation with the label"),
            ("always", "always the spurious one", 0.1, "“always the spurious one”"),
            ("fit", "linear fit", 0.03, "the better linear fit"),
            ("order", "order", 0.03, "the lower order, then information"),
        )
    ),
)

_WEAKER = (
    *_twins(
        "C10-optimiser",
        "monte-carlo",
        "Savings under the other optimiser, too, say what a student relies on, in .85 of decided cells (quick: .8)",
        partial(measures.right, 0.8, 0.85, how="saving, other optimiser"),
        "… as often as the student's own",
        partial(measures.above, SAVING, 0.0, how="saving, other optimiser"),
        figure=_HITS,
    ),
    *_twins(
        "C10-tenth",
        "monte-carlo",
        "Savings on a tenth of the samples say what a student relies on in two decided cells of three",
        partial(measures.right, 2 / 3, 2 / 3, how="saving, a tenth of the samples"),
        "… as often as those on all samples",
        partial(measures.above, SAVING, 0.0, how="saving, a tenth of the samples"),
        figure=_HITS,
    ),
    *_twins(
        "C10-linear",
        "monte-carlo",
        "Savings of a linear learner say what an MLP relies on, in three decided cells of four",
        partial(measures.right, 0.75, 0.75, how="saving, linear learner", students=MLPS),
        "… and what a table does, as often as its own savings",
        partial(measures.above, SAVING, 0.0, how="saving, linear learner", students=TABLES),
        figure=_HITS,
    ),
)

_TURNS = (
    *_twins(
        "C10-turn",
        "monte-carlo",
        "The savings say when an MLP turns to the intended component, up to a factor of 2 (quick profile: 3)",
        partial(measures.turns_within, 3.0, 2.0),
        "… and when a table does, up to one of 1.25",
        partial(measures.turns_within, 1.25, 1.25, students=TABLES),
        figure=_RACE,
    ),
    *_twins(
        "C10-turn-late",
        "monte-carlo",
        "A table turns to the intended component later than its savings say, by a factor of 1.5 or more",
        partial(measures.turns_late, factor=1.5),
        "… by one of 10",
        partial(measures.turns_late, factor=10.0),
        figure=_RACE,
    ),
)

CHECKS: tuple[Check, ...] = (*_EXACT, *_HIT_RATES, *_WEAKER, *_TURNS)
