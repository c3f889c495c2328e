"""Claims on supervision: C7, how a signal splits into task and form; C8, when a coarse one is cheaper."""

from functools import partial

import numpy as np

import theory
from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.questions.signal.identify import NUM_RUNS, SURE
from experiments.supervision import signals, study
from experiments.supervision.signals import NUM_CLASSES, NUM_FORMS, RATES
from experiments.supervision.study import FIXED, FORMS, GOAL, METHODS, NUM_UPDATES, PARAPHRASED, SAMPLED, VERDICTS, Cost

MANY = SAMPLED[-1]  # forms, against one


def efficiency(bias: float, settings: Settings) -> Found:
    """I(Y;S) against I([Y];S), both estimated from the same verdicts."""
    found = signals.judged(settings, bias)
    share = found.task.mean() / found.total.mean()
    return equal(*paired(found.total, found.task), f"{found.setting}; efficiency {share:.3f}")


def per_query(name: str, settings: Settings) -> Found:
    """Verdicts on one class after the other, against (c−1)(c+2)/(2c)."""
    queries, c = signals.described(settings, name).queries, NUM_CLASSES
    setting = (
        f"{c} × {NUM_FORMS}, greedy, until the class is known; a reference takes 1 query, of ln {c * NUM_FORMS} nats"
    )
    found = queries.greedy
    if queries.simulated:
        found = theory.Estimate(queries.greedy, queries.stderr, NUM_RUNS)  # pyright: ignore[reportArgumentType]
        setting = f"{c} × {NUM_FORMS}, greedy, rates {RATES}, until a class has probability {SURE:g}, {NUM_RUNS} runs"
    return equal(found, (c - 1) * (c + 2) / (2 * c), setting, "queries")


def time(method: str, formula: str, settings: Settings) -> Found:
    """Trained against a closed form, at every M."""
    found, expected = study.trained(method), study.predicted()[formula]
    setting = f"{METHODS[method]}, {study.NUM_CLASSES} classes, to {GOAL:.0%}, M = "
    where = [f"{setting}{m}: {t:.4g} against {e:.4g}" for m, t, e in zip(FORMS, found.time, expected, strict=True)]
    tail = f"; {NUM_UPDATES} and twice as many updates, extrapolated, hence 1e-5 for the order rate²"
    return equal(found.time / expected, 1.0, [place + tail for place in where], "trained / predicted", tolerance=1e-5)


def table_ratio(steps: str, settings: Settings) -> Found:
    """References on a table, for many forms and for one, against half of M."""
    cost = study.on_table(settings, PARAPHRASED)[steps]
    return _ratio((cost, MANY), (cost, 1), MANY / 2, True, f"{PARAPHRASED}, table, rate {study.STEPS[steps]:g}")


def network_ratio(
    above: tuple[str, int], below: tuple[str, int], bound: float, at_least: bool, settings: Settings
) -> Found:
    """The samples of two trainings of the network, as a ratio, against a bound."""
    high, low = ((study.on_network(settings, signal), num_forms) for signal, num_forms in (above, below))
    return _ratio(high, low, bound, at_least, f"network, ADAM .01, {above[0]} per {below[0]}")


def _ratio(above: tuple[Cost, int], below: tuple[Cost, int], bound: float, more: bool, setting: str) -> Found:
    """A bound on the geometric mean over seeds, in logarithms."""
    (high, m), (low, n) = above, below
    high, low = (Cost(*(leaf[SAMPLED.index(forms)] for leaf in cost)) for cost, forms in (above, below))
    setting += f": M = {m} per M = {n}, samples a prompt to {GOAL:.0%}, geometric means of {len(high.samples)} seeds, "
    setting += f"{high.stuck} and {low.stuck} did not reach it"
    sides = paired(np.log(high.samples / low.samples), np.log(bound))
    return (at_least if more else at_most)(*sides, setting, "ln ratio")


SIGNALS, COST = "supervision-signals", "supervision-cost"
TRAINING, THEORY = "tests/sandbox/test_losses.py::test_time_to_a_goal", "tests/theory/test_supervision.py::"

CLAIMS = (
    *claim(
        "C7-efficiency",
        "The verdicts of a judge of the class alone carry nothing about the surface form: I(Y;S) = I([Y];S)",
        partial(efficiency, 0.0),
        control=("… so do those of a judge who prefers long outputs", partial(efficiency, 0.5)),
        figure=SIGNALS,
        test=THEORY + "test_supervision_splits",
    ),
    *claim(
        "C8-per-query",
        "Per query a verdict carries less: the class takes (c−1)(c+2)/(2c) greedy verdicts, or one reference",
        partial(per_query, "verdict"),
        control=("… also where verdicts are noisy", partial(per_query, "noisy verdict")),
        figure=SIGNALS,
        test=THEORY + "test_known_numbers_of_queries",
    ),
    *claim(
        "C8-time-one-form",
        "On a table SFT on one fixed reference takes ln M + O(1) longer",
        partial(time, "one_form", "one_form"),
        control=("… also on references that are paraphrased each time", partial(time, "all_forms", "one_form")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-all-forms",
        "On a table, with exact gradients and small steps, SFT on paraphrased references takes M times as long",
        partial(time, "all_forms", "all_forms"),
        control=("… also of a model that knows the partition", partial(time, "partition", "all_forms")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-policy-gradient",
        "On a table, with exact gradients and small steps, RLVR takes M times as long, though no verdict sees a form",
        partial(time, "policy_gradient", "policy_gradient"),
        control=("… also by its natural gradient", partial(time, "natural_gradient", "policy_gradient")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-natural-gradient",
        "On a table the natural gradient takes the same time for all M",
        partial(time, "natural_gradient", "natural_gradient"),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-partition",
        "SFT of a model that knows the partition takes the same time for all M",
        partial(time, "partition", "partition"),
        figure=COST,
    ),
    *claim(
        "C8-small-steps",
        "With small steps a table takes more than M/2 times as many paraphrased references for M forms as for one",
        partial(table_ratio, "small steps"),
        control=("… also with large steps, where it takes one, M forms or not", partial(table_ratio, "large steps")),
        figure=COST,
    ),
    *claim(
        "C8-network-sft",
        "A network takes more than M/2 times as many paraphrased references for M forms as for one",
        partial(network_ratio, (PARAPHRASED, MANY), (PARAPHRASED, 1), MANY / 2, True),
        control=(
            "… also where each prompt has one fixed reference",
            partial(network_ratio, (FIXED, MANY), (FIXED, 1), MANY / 2, True),
        ),
        figure=COST,
    ),
    *claim(
        "C8-network-rlvr",
        "A network takes less than M/4 times as many verdicts for M forms as for one: the factor M is the table's",
        partial(network_ratio, (VERDICTS, MANY), (VERDICTS, 1), MANY / 4, False),
        control=("… and references", partial(network_ratio, (PARAPHRASED, MANY), (PARAPHRASED, 1), MANY / 4, False)),
        figure=COST,
    ),
    *claim(
        "C8-cheaper",
        "For many forms a network reaches 99 % accuracy with fewer verdicts than paraphrased references",
        partial(network_ratio, (VERDICTS, MANY), (PARAPHRASED, MANY), 1, False),
        control=("… for one form, too", partial(network_ratio, (VERDICTS, 1), (PARAPHRASED, 1), 1, False)),
        figure=COST,
    ),
)
STATEMENTS = (
    Statement(
        "C7",
        title="The information of a signal splits into the task and the surface form",
        formula=r"I(Y;S \mid Q) = I([Y];S \mid Q) + I(Y;S \mid [Y], Q)",
        words=(
            "[Y] is the class of an output Y, the only part that matters for the task; the rest is its surface form. "
            "The efficiency of a signal is the share of its information that is about the class: 1 for a verdict on it."
        ),
        conditions=(
            "The split is exact only if the class is a function of the output; for another summary P in its place the "
            "right side is larger, by I(P;S|Y,Q). The efficiency is 1 only if the signal depends on the class alone: a "
            "judge who prefers long outputs spends information on length. And it is a share: a verdict spends nothing "
            "on the form, but carries little."
        ),
        practice=(
            "Write your signal as a table p(symbol | proposal, target): `experiments.questions.signal.signal_study` "
            "computes what it carries about class and form, its best query, and how fast a policy learns from it."
        ),
        source=f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2",
        test="tests/theory/test_claims.py::test_supervision",
        decided_by="C7-efficiency",
        fails_where="Where the verdict depends on the form: a judge who prefers long outputs.",
    ),
    Statement(
        "C8",
        title="Verdicts carry no information about surface form, and less per query",
        formula=r"\eta_{\text{reference}} = \frac{\ln c}{\ln c + \ln M}, \qquad \eta_{\text{verdict}} = 1",
        words=(
            "With c classes of M surface forms each, a reference answer also carries which form. Per nat, verdicts "
            "carry more about the class; per query, references do."
        ),
        conditions=(
            "ln M is the cost in nats; in time it is so only for a single fixed reference on a table, which takes ln M "
            "longer. On a table with small steps, references that are paraphrased each time take M times as many, and "
            "so does RLVR with exact gradients; a natural gradient pays nothing. In a network paraphrased references "
            "pay most, a fixed one less than a factor of two at 16 forms, and verdicts hardly anything."
        ),
        practice=(
            "Take references where queries are expensive and the surface form is fixed, verdicts where it varies. The "
            "time spent on the form depends on the learner: see the figure for yours."
        ),
        source=PAPER,
        test="tests/theory/test_supervision.py::test_reference_answer_and_verdict",
        decided_by="C8-cheaper",
        fails_where="Where each answer has a single surface form.",
    ),
)
