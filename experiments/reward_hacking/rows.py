"""The ledger's rows: C11, when a learned judge rewards what correlates with the truth, and what helps against it."""

from collections.abc import Callable
from functools import partial

from experiments.ledger import Check, Outcome, Settings, check
from experiments.reward_hacking import exact, measures
from experiments.reward_hacking.judge import NOISY, PURE

_ROWS = "experiments/test_reward_hacking_rows.py::test_rows_are_as_expected"
_STAGES, _PHASES, _CURES, _GOODHART = "reward-hacking", "reward-hacking-phases", "reward-hacking-cures", "goodhart"
_EXACT, _SAMPLED = (partial(check, kind=kind, test=_ROWS) for kind in ("exact", "monte-carlo"))

Measure = Callable[[Settings], Outcome]


def _twins(
    row: Callable[..., Check], name: str, figure: str, statement: str, measure: Measure, otherwise: str, twin: Measure
) -> tuple[Check, Check]:
    """A row and its false twin."""
    return (
        row(f"C11-{name}", statement=statement, measure=measure, figure=figure),
        row(f"C11-{name}-twin", statement=otherwise, measure=twin, figure=figure, twin=True),
    )


CHECKS: tuple[Check, ...] = (
    *_twins(
        _EXACT,
        "bayes",
        _PHASES,
        "RL against a Bayes judge ends long and wrong iff ρ > 1 − ε: length says more of the label than correctness",
        partial(exact.bayes, None),
        "… as soon as length says anything of the label, ρ > ½",
        partial(exact.bayes, 0.5),
    ),
    *_twins(
        _EXACT,
        "flow",
        _PHASES,
        "In a least-squares flow more training cures iff ρ < 1 − ε: then the answer to a conflict turns after all",
        partial(exact.flow, False),
        "… always",
        partial(exact.flow, True),
    ),
    *_twins(
        _SAMPLED,
        "hacked",
        _STAGES,
        "RL on sampled outputs against a judge that was trained too briefly lowers the share right on conflicts",
        partial(measures.hacked, -1),
        "… raises it, as it does the reward there",
        partial(measures.hacked, 1),
    ),
    *_twins(
        _SAMPLED,
        "hidden",
        _STAGES,
        "… and yet raises it over all prompts, where conflicts are as rare as among the labelled outputs",
        partial(measures.hidden, False),
        "… and on an exam in which half of the prompts are conflicts",
        partial(measures.hidden, True),
    ),
    *_twins(
        _SAMPLED,
        "noisy",
        _PHASES,
        "Where the labels are noisy in what is intended, ε > 1 − ρ, ten times more training of the judge does not cure",
        partial(measures.longer, NOISY, -1),
        "… more training always cures",
        partial(measures.longer, NOISY, 1),
    ),
    *_twins(
        _SAMPLED,
        "pure",
        _PHASES,
        "Where what is intended explains the labels fully, ε = 0, it does",
        partial(measures.longer, PURE, 1),
        "… more training never cures",
        partial(measures.longer, PURE, -1),
    ),
    *_twins(
        _SAMPLED,
        "phases",
        _PHASES,
        "Which component alone has saved more tells whether a judge of both is hacked, over ρ, difficulty and samples",
        partial(measures.phases, False),
        "… as does which one has more information on the label, ρ > 1 − ε",
        partial(measures.phases, True),
    ),
    *_twins(
        _SAMPLED,
        "turn",
        _PHASES,
        "… and from how many samples on it is not: within a factor of 3, in the mean",
        partial(measures.turn, True),
        "… whatever the difficulty: the single bit's number will do",
        partial(measures.turn, False),
    ),
    _SAMPLED(
        "C11-students",
        statement="Students are hacked by the judges that rely on length in more than half of the conflicts",
        measure=measures.agreed,
        figure=_PHASES,
    ),
    *_twins(
        _SAMPLED,
        "decorrelation",
        _CURES,
        "The agreement down to which lengths must be decorrelated is where the solo savings at n are equal, within .1",
        partial(measures.decorrelation, None),
        "… is 1 − ε, below which length says less than correctness",
        partial(measures.decorrelation, 0.9),
    ),
    _SAMPLED(
        "C11-decorrelation-safe",
        statement="… later that errs on the safe side: it asks for more decorrelation than it takes",
        measure=measures.safe,
        figure=_CURES,
    ),
    *_twins(
        _EXACT,
        "mixing",
        _CURES,
        "A share (ρ−1+ε)/(ρ−ρ₂) of labelled outputs with agreement ρ₂ is just enough to cure a Bayes judge",
        partial(exact.mixing, False),
        "… also one that sees where an output comes from",
        partial(exact.mixing, True),
    ),
    _EXACT(
        "C11-rebalancing-law",
        statement="Dropping aligned outputs until conflicts are half of them leaves ρ = ½, and a share 2(1−ρ)",
        measure=exact.rebalancing,
    ),
    *_twins(
        _SAMPLED,
        "rebalancing",
        _CURES,
        "That cures a judge of ρ > 1 − ε, which ten times as many labelled outputs do not",
        partial(measures.rebalanced, False),
        "… as dropping as many at random does",
        partial(measures.rebalanced, True),
    ),
    *_twins(
        _EXACT,
        "filter",
        _CURES,
        "What judge and second verifier accept is right in the end iff ln q/(1−q) + ln (1−ε)/ε > ln ρ/(1−ρ)",
        partial(exact.filtering, False),
        "… for any verifier better than a coin",
        partial(exact.filtering, True),
    ),
    _EXACT(
        "C11-weight",
        statement="A verifier of accuracy q beside the judge outweighs the wrong one's lead g iff w > g/(g + 2q − 1)",
        measure=exact.weighting,
        figure=_CURES,
    ),
    *_twins(
        _SAMPLED,
        "verifier",
        _CURES,
        "A second verifier of accuracy .9 cures students of learned judges",
        partial(measures.filtered, 0.9),
        "… so does one of accuracy .55",
        partial(measures.filtered, 0.55),
    ),
    *_twins(
        _EXACT,
        "path",
        _GOODHART,
        "Natural gradient on a judge's scores is π ∝ π₀ e^{tr} in every round",
        exact.natural_path,
        "Plain gradient goes the same way, if at its own pace",
        exact.plain_path,
    ),
    _EXACT(
        "C11-kl-optimum",
        statement="With a KL to the start it ends at π ∝ π₀ e^{r/β}: early stopping and KL are the same cure",
        measure=exact.kl_optimum,
        figure=_GOODHART,
    ),
    *_twins(
        _EXACT,
        "kl",
        _CURES,
        "A KL to the start bounds the damage: no more than √(KL/2) of the share right is lost on conflicts",
        exact.kl_bounds,
        "… and cures, at the right β",
        exact.kl_cures,
    ),
    *_twins(
        _EXACT,
        "peak",
        _GOODHART,
        "On an exam of conflicts and others the truth rises, and then falls below the start, while the reward rises",
        partial(exact.goodharts, False),
        "… the more reward, the more truth",
        partial(exact.goodharts, True),
    ),
    *_twins(
        _EXACT,
        "frontier",
        _GOODHART,
        "At equal KL that path has more reward than the best of n",
        partial(exact.frontier, False),
        "… and is right in more of the conflicts",
        partial(exact.frontier, True),
    ),
)
