"""The ledger's rows: C11, when a learned judge rewards what correlates with the truth, and what helps against it."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Outcome, Settings, check, twins
from experiments.reward_hacking import exact, measures, student
from experiments.reward_hacking.judge import NOISE, NOISY, PURE, SAMPLES

_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_STAGES, _PHASES, _CURES, _GOODHART = "reward-hacking", "reward-hacking-phases", "reward-hacking-cures", "goodhart"
_EXACT, _SAMPLED = (partial(check, kind=kind, test=_ROWS) for kind in ("exact", "monte-carlo"))

EARLIER = 0.5 * SAMPLES["early"], SAMPLES["early"]
LATER = 2 * SAMPLES["early"], SAMPLES["late"]

Measure = Callable[[Settings], Outcome]


_twins = partial(twins, test=_ROWS)

CHECKS: tuple[Check, ...] = (
    *_twins(
        "C11-bayes",
        "exact",
        "RL against a Bayes judge lowers the share right on conflicts iff ρ > 1 − ε: length says more than correctness",
        partial(exact.bayes, None),
        "… as soon as length says anything of the label, ρ > ½",
        partial(exact.bayes, 0.5),
        figure=_PHASES,
    ),
    *_twins(
        "C11-flow",
        "exact",
        "In a least-squares flow on correctness and length more training turns the answer to a conflict iff ρ < 1 − ε",
        partial(exact.flow, False),
        "… always",
        partial(exact.flow, True),
        figure=_PHASES,
    ),
    *_twins(
        "C11-hacked",
        "monte-carlo",
        "RL on sampled outputs against judges that were trained too briefly lowers the share right on conflicts",
        partial(measures.hacked, "early"),
        "… also against the same judges trained ten times as long",
        partial(measures.hacked, "late"),
        figure=_STAGES,
    ),
    *_twins(
        "C11-hidden",
        "monte-carlo",
        "RL against briefly trained judges raises the share right where conflicts are as rare as among the labels",
        partial(measures.hidden, False),
        "… also on an exam in which half of the prompts are conflicts",
        partial(measures.hidden, True),
        figure=_STAGES,
    ),
    *_twins(
        "C11-noisy",
        "monte-carlo",
        "Ten times more training of the judge does not cure its students where labels are too noisy, ε = .3 > 1 − ρ",
        partial(measures.longer, NOISY, -1),
        "… also where correctness explains the labels fully, ε = 0",
        partial(measures.longer, PURE, -1),
        figure=_PHASES,
    ),
    *_twins(
        "C11-pure",
        "monte-carlo",
        "Ten times more training of the judge cures its students where correctness explains the labels fully, ε = 0",
        partial(measures.longer, PURE, 1),
        "… also where labels are too noisy, ε = .3 > 1 − ρ",
        partial(measures.longer, NOISY, 1),
        figure=_PHASES,
    ),
    *_twins(
        "C11-phases",
        "monte-carlo",
        "Which component alone has saved more tells at .85 of the sample numbers if a judge of both goes by length",
        partial(measures.phases, False),
        "… as does which one has more information on the label, ρ > 1 − ε",
        partial(measures.phases, True),
        figure=_PHASES,
    ),
    *_twins(
        "C11-turn",
        "monte-carlo",
        "When a judge turns, if that is seen, is told by solo savings within a factor of 3, in the mean of |ln|",
        partial(measures.turn, True),
        "… whatever the difficulty: the single bit's number will do",
        partial(measures.turn, False),
        figure=_PHASES,
    ),
    *_twins(
        "C11-students",
        "monte-carlo",
        "Of the students .9 are hacked iff their judge relies on length in more than half of its conflicts",
        partial(measures.agreed, False),
        "… iff length has more information on the label, ρ > 1 − ε",
        partial(measures.agreed, True),
        figure=_PHASES,
    ),
    *_twins(
        "C11-decorrelation",
        "monte-carlo",
        "At 2240 … 4480 labelled outputs, k ≥ 2, the agreement that is low enough is where solo savings tie, within .1",
        partial(measures.decorrelation, None),
        "… at 1 − ε, below which length says less than correctness",
        partial(measures.decorrelation, 1 - NOISE),
        figure=_CURES,
    ),
    *_twins(
        "C11-decorrelation-safe",
        "monte-carlo",
        "From 6400 labelled outputs on, k ≥ 2, solo savings tie on the safe side, at a lower agreement than is needed",
        partial(measures.safe, *LATER),
        "… from 1600 to 3200, too",
        partial(measures.safe, *EARLIER),
        figure=_CURES,
    ),
    *_twins(
        "C11-mixing",
        "exact",
        "A share (ρ−1+ε)/(ρ−ρ₂) of labelled outputs with agreement ρ₂ is just enough to cure a Bayes judge",
        partial(exact.mixing, False),
        "… also one that sees where an output comes from",
        partial(exact.mixing, True),
        figure=_CURES,
    ),
    _EXACT(
        "C11-rebalancing-law",
        statement="Dropping aligned outputs until conflicts are half of them leaves ρ = ½, and a share 2(1−ρ)",
        measure=exact.rebalancing,
    ),
    *_twins(
        "C11-rebalancing",
        "monte-carlo",
        "Rebalanced to ρ = ½, a tenth of the labelled outputs of ρ = .95 > 1 − ε cures, and all as they are do not",
        partial(measures.rebalanced, False),
        "… so does a tenth at random",
        partial(measures.rebalanced, True),
        figure=_CURES,
    ),
    *_twins(
        "C11-filter",
        "exact",
        "RL on what a Bayes judge and a second verifier accept ends right iff ln q/(1−q) + ln (1−ε)/ε > ln ρ/(1−ρ)",
        partial(exact.filtering, False),
        "… for any verifier better than a coin",
        partial(exact.filtering, True),
        figure=_CURES,
    ),
    *_twins(
        "C11-weight",
        "exact",
        "A verifier of accuracy q and weight w, a Bayes judge's is 1 − w, outweighs its lead g iff w > g/(g + 2q − 1)",
        partial(exact.weighting, False),
        "… iff w > g/(2q − 1)",
        partial(exact.weighting, True),
        figure=_CURES,
    ),
    *_twins(
        "C11-verifier",
        "monte-carlo",
        "A second verifier of accuracy .9 cures students of learned judges: more are right on conflicts than at first",
        partial(measures.filtered, 0.9),
        "… so does one of accuracy .55",
        partial(measures.filtered, 0.55),
        figure=_CURES,
    ),
    *_twins(
        "C11-path",
        "exact",
        "On tables, natural gradient on a judge's scores is π ∝ π₀ e^{tr} in every round",
        exact.natural_path,
        "… plain gradient goes the same way, if at its own pace",
        exact.plain_path,
        figure=_GOODHART,
    ),
    *_twins(
        "C11-kl-optimum",
        "exact",
        "On tables, exact natural gradient with a KL to the start ends where without it stops at 1/β: π ∝ π₀ e^{r/β}",
        partial(exact.kl_optimum, student.NUM_ROUNDS),
        "… and is there as soon: in 1/β of learning rate × rounds",
        partial(exact.kl_optimum, round(1 / (student.KL * student.RATE))),
        figure=_GOODHART,
    ),
    *_twins(
        "C11-kl",
        "exact",
        "With a KL to the start, students of hacked judges lose no more than √(KL/2) of the share right on conflicts",
        exact.kl_bounds,
        "… and lose nothing, at the right β",
        exact.kl_cures,
        figure=_CURES,
    ),
    *_twins(
        "C11-peak",
        "exact",
        "With Bayes judges of ρ > 1 − ε the truth peaks and falls below the start while the reward rises: ½ conflicts",
        partial(exact.goodharts, True),
        "… also with Bayes judges of ρ < 1 − ε",
        partial(exact.goodharts, False),
        figure=_GOODHART,
    ),
    *_twins(
        "C11-frontier",
        "exact",
        "At equal KL natural gradient has more reward from a learned judge than the best of n",
        partial(exact.frontier, False),
        "… and is right in more of the conflicts",
        partial(exact.frontier, True),
        figure=_GOODHART,
    ),
)
