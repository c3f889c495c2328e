"""What is claimed of supervision: C7, how a signal splits into task and form; C8, when a coarse one is cheaper."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import theory
from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.questions.signal import signals
from experiments.questions.signal.identify import NUM_RUNS, SURE
from experiments.questions.signal.signals import NUM_CLASSES, NUM_FORMS, RATES
from experiments.supervision import study
from experiments.supervision.study import ANEW, FORMS, GOAL, METHODS, NUM_UPDATES, ONCE, SAMPLED, VERDICTS, Cost

MANY = SAMPLED[-1]  # forms, against one


def split(settings: Settings) -> Found:
    """The identity, each of its three terms computed for itself."""
    told = [signals.described(settings, name).decomposition for name in signals.NAMES]
    setting = [f"{name}, {NUM_CLASSES} classes × {NUM_FORMS} forms" for name in signals.NAMES]
    return equal([x.total for x in told], [x.task + x.within for x in told], setting)


def summary(settings: Settings) -> Found:
    """A summary P = Y xor S that is no function of Y, in the place of the class."""
    y, s = np.indices((2, 2))
    joint = np.zeros((2, 2, 2))  # [y, p, s]
    joint[y, y ^ s, s] = 0.25
    whole, parts = _sides(joint)
    return equal(whole, parts, "Y, S independent bits")


@jax.jit
def _sides(joint: jax.Array) -> tuple[jax.Array, jax.Array]:
    """I(Y;S) and I(P;S) + I(Y;S|P)."""
    given = theory.conditional_mutual_information(jnp.moveaxis(joint, 1, 2))
    return theory.mutual_information(joint.sum(1)), theory.mutual_information(joint.sum(0)) + given


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
    cost = study.on_table(settings, ANEW)[steps]
    return _ratio((cost, MANY), (cost, 1), MANY / 2, True, f"references, anew, table, rate {study.STEPS[steps]:g}")


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
    setting += f"{high.stuck} and {low.stuck} not there in time"
    sides = paired(np.log(high.samples / low.samples), np.log(bound))
    return (at_least if more else at_most)(*sides, setting, "ln ratio")


SIGNALS, COST = "supervision-signals", "supervision-cost"
TRAINING, THEORY = "tests/sandbox/test_training.py::test_time_to_a_goal", "tests/theory/test_supervision.py::"

CLAIMS = (
    *claim(
        "C7-split",
        "A signal splits into task and surface form: I(Y;S|Q) = I([Y];S|Q) + I(Y;S|[Y],Q)",
        split,
        control=("… so it does by a summary that knows more than the output: P = Y xor S for [Y]", summary),
        figure=SIGNALS,
        kind="proof",
        test=THEORY + "test_supervision_splits",
    ),
    *claim(
        "C8-per-query",
        "By the query a verdict says less: the class takes (c−1)(c+2)/(2c) verdicts, greedily, or one reference",
        partial(per_query, "verdict"),
        control=("… also where verdicts are noisy", partial(per_query, "noisy verdict")),
        figure=SIGNALS,
        test=THEORY + "test_known_numbers_of_queries",
    ),
    *claim(
        "C8-time-one-form",
        "On a table SFT on one fixed reference takes ln M + O(1) longer",
        partial(time, "one_form", "one_form"),
        control=("… also on forms drawn anew", partial(time, "all_forms", "one_form")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-all-forms",
        "SFT on forms drawn anew takes M times as long",
        partial(time, "all_forms", "all_forms"),
        control=("… also of a model that knows the partition", partial(time, "partition", "all_forms")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-policy-gradient",
        "So does RLVR, though its verdicts see no form",
        partial(time, "policy_gradient", "policy_gradient"),
        control=("… also by its natural gradient", partial(time, "natural_gradient", "policy_gradient")),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-natural-gradient",
        "The natural gradient takes the same time for all M",
        partial(time, "natural_gradient", "natural_gradient"),
        figure=COST,
        test=TRAINING,
    ),
    *claim(
        "C8-time-partition",
        "So does SFT of a model that knows the partition",
        partial(time, "partition", "partition"),
        figure=COST,
    ),
    *claim(
        "C8-small-steps",
        "With small steps a table takes more than M/2 times as many references, anew, for M forms as for one",
        partial(table_ratio, "small steps"),
        control=("… also with large steps, where it takes one, M forms or not", partial(table_ratio, "large steps")),
        figure=COST,
    ),
    *claim(
        "C8-network-sft",
        "A network takes more than M/2 times as many references drawn anew for M forms as for one",
        partial(network_ratio, (ANEW, MANY), (ANEW, 1), MANY / 2, True),
        control=(
            "… also where each prompt has one fixed reference",
            partial(network_ratio, (ONCE, MANY), (ONCE, 1), MANY / 2, True),
        ),
        figure=COST,
    ),
    *claim(
        "C8-network-rlvr",
        "It takes less than M/4 times as many verdicts: the table's factor M is not the network's",
        partial(network_ratio, (VERDICTS, MANY), (VERDICTS, 1), MANY / 4, False),
        control=("… and references", partial(network_ratio, (ANEW, MANY), (ANEW, 1), MANY / 4, False)),
        figure=COST,
    ),
    *claim(
        "C8-cheaper",
        "So for many forms a network reaches 99 % with fewer verdicts than references drawn anew",
        partial(network_ratio, (VERDICTS, MANY), (ANEW, MANY), 1, False),
        control=("… for one form, too", partial(network_ratio, (VERDICTS, 1), (ANEW, 1), 1, False)),
        figure=COST,
    ),
)
STATEMENTS = (
    Statement(
        "C7",
        title="What a signal says splits into the task and the surface form",
        formula=r"I(Y;S \mid Q) = I([Y];S \mid Q) + I(Y;S \mid [Y], Q)",
        words=(
            "[Y] is the class of an output Y, all that the task asks of it; the rest is wording. The efficiency of a "
            "signal is the share of what it says that is about the class: 1 for a verdict on the class."
        ),
        conditions=(
            "It is an identity where P, in the place of [Y], says nothing of S beyond Y, as a class does; for other "
            "summaries the right side is larger, by I(P;S|Y,Q). And efficiency is a share: a verdict wastes nothing, "
            "and says little."
        ),
        practice=(
            "Write your signal as a table p(symbol | proposal, target), and "
            "`experiments.supervision.signals.signal_study` says what it tells of class and wording, its best query, "
            "and what a policy learns from it."
        ),
        source=f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.5.2",
        test="tests/theory/test_claims.py::test_supervision",
    ),
    Statement(
        "C8",
        title="A verdict wastes nothing on the form, and says less a query",
        formula=r"\eta_{\text{reference}} = \frac{\ln c}{\ln c + \ln M}, \qquad \eta_{\text{verdict}} = 1",
        words=(
            "With c classes in M wordings each, a reference answer also says which wording. By the nat a verdict says "
            "more of the class, by the query a reference does."
        ),
        conditions=(
            "ln M is right in nats; in time only for a single fixed reference on a table, which takes ln M longer. In "
            "small steps on a table references that are worded anew take M times as many, and RLVR with exact "
            "gradients too; a natural gradient pays nothing. In a network references worded anew pay most, a fixed "
            "one less than twofold at 16 wordings, and verdicts hardly."
        ),
        practice=(
            "Take references where queries are dear and the wording is fixed, verdicts where wordings vary. What you "
            "pay for the form in time depends on the learner: see the figure for yours."
        ),
        source=PAPER,
        test="tests/theory/test_supervision.py::test_reference_answer_and_verdict",
    ),
)
