"""Claims about the end of model collapse: R7, what a late loop still carries beyond what stays."""

from functools import partial

import numpy as np

from experiments.end_of_collapse import study
from experiments.end_of_collapse.study import TWO_SYMBOLS
from experiments.harness.claim import Found, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import drift

CLOSED = (*((tasks, n) for n in (20, 50, 100) for tasks in TWO_SYMBOLS), ("3 symbols, 4 tasks", 20))
SMOOTHED = (("19 tasks", 20, 1.0), ("3 unequal tasks", 50, 0.25), ("3 symbols, 4 tasks", 20, 0.5))
MANY, FROM = 50, 3  # samples, and generations over n, from which the rule of thumb holds


def last_of_it(smoothing: float, settings: Settings) -> Found:
    """The excess over the law, at the last generation."""
    loops = [study.closed(settings, tasks, n, smoothing) for tasks, n in CLOSED]
    where = [f"{loop.setting}, t = {len(loop.law) - 1}; tolerance 1e-5: (1−1/n)^t < 1e-6" for loop in loops]
    return equal([loop.excess[-1] / loop.law[-1] for loop in loops], 1.0, where, "of the law", tolerance=1e-5)


def rule_of_thumb(begins: int, settings: Settings) -> Found:
    """The excess over 3(1−1/n)^{t+1} times what a second draw adds, from t = `begins` · n on."""
    ratios, where = [], []
    for tasks, n in CLOSED:
        if n >= MANY:
            excess = study.closed(settings, tasks, n).excess[begins * n :]
            t = begins * n + np.arange(len(excess))
            added = float(drift.second_draw_information(*study.TASKS[tasks]))
            ratios.append((excess / (3 * (1 - 1 / n) ** (t + 1) * added))[:: n // 5])
            where += [
                f"{tasks}, n = {n}, t = {each}; tolerance 5 %: of order 1/n, and e^−{FROM}" for each in t[:: n // 5]
            ]
    return equal(np.concatenate(ratios), 1.0, where, "of the rule", tolerance=0.05)


def all_of_it(real: bool, settings: Settings) -> Found:
    """I(X;Z_t) of a smoothed fit over its law, at the last generation."""
    loops = [study.smoothed(settings, *loop, real) for loop in SMOOTHED]
    where = [f"{loop.setting}, t = {len(loop.law) - 1}; tolerance 1e-5: (1−μ)^t < 1e-6" for loop in loops]
    return equal([loop.information[-1] / loop.law[-1] for loop in loops], 1.0, where, "of the law", tolerance=1e-5)


FIGURE = "end-of-collapse"

CLAIMS = (
    *claim(
        "R7-closed",
        "Late, I(X;Z_t) − I(X;Y) of a closed loop is P(two symbols left) times what a second draw adds, to 1e-5",
        partial(last_of_it, 0.0),
        control=("… also where the fit adds a hundredth to each count", partial(last_of_it, 0.01)),
        figure=FIGURE,
        test="tests/theory/test_late.py::test_closed_loop_in_decimals",
    ),
    *claim(
        "R7-rule",
        "From t = 3n on, n ≥ 50, two symbols, it is 3(1−1/n)^{t+1} times what a second draw adds, to 5 %",
        partial(rule_of_thumb, FROM),
        control=("… also from the first generation on", partial(rule_of_thumb, 0)),
        figure=FIGURE,
    ),
    *claim(
        "R7-smoothed",
        "With a smoothed fit nothing stays: late, I(X;Z_t) falls by (1−μ)² a generation, its constant known to 1e-5",
        partial(all_of_it, False),
        control=("… also if what is added has the proportions of the true model", partial(all_of_it, True)),
        test="tests/theory/test_late.py::test_smoothed_loop_in_decimals",
    ),
)

STATEMENTS = (
    Statement(
        "R7",
        title="The last of a closed loop's information goes at one rate: half every n ln 2 generations",
        formula=(
            r"I(X;Z_t) - I(X;Y) \sim \frac{(1 - 1/n)^{t+1}}{2\, \mathbb{E}_q[z(1-z)]}\, "
            r"\mathbb{E}\big[\mathbf{1}\{Y \ne Y'\}\, i(X;Y'|Y)\big] \approx 3\, (1 - 1/n)^{t+1}\, "
            r"\mathbb{E}\big[\mathbf{1}\{Y \ne Y'\}\, i(X;Y'|Y)\big]"
        ),
        words=(
            "A categorical model that is refitted to n of its own samples in each generation ends with the information "
            "of one draw Y of the true model. Late, it has one symbol left, or two, and then it carries beyond that "
            "what a second draw Y′ adds that differs from the first. Two are left with a chance that falls by the "
            "factor 1 − 1/n a generation, for any number of symbols and any tasks; q is the distribution of a loop of "
            "two symbols that has not ended, nearly uniform, so that 1/(2 E z(1−z)) is 2.80 at n = 20, 2.94 at n = "
            "100, and 3 for many samples."
        ),
        conditions=(
            "Late: at t = 3n the loops here have 2 to 5 % more than the law, at 10n 4e-5. Fully synthetic data, no "
            "filter, maximum likelihood, Z₀ fitted to n real samples. A smoothed fit ends with nothing, its rate is "
            "(1−μ)², μ = λK/(n+λK) for λ added to each of K counts. One unknown parameter of a Gaussian, the mean or "
            "the variance, the other known, has no rate at all: nothing is absorbed, and I(X;Z_t) falls like 1/t."
        ),
        practice=(
            "Late in a closed loop that keeps no data, what a table of outputs still has beyond one draw of the truth "
            "halves every .69 n generations: without fresh or kept data, or a verifier, only a larger n slows that."
        ),
        source=(
            "Wright (1931), Evolution in Mendelian populations: the rate 1 − 1/n of diversity; Darroch & Seneta "
            "(1965), On quasi-stationary distributions in absorbing discrete-time finite Markov chains; Ewens (2004), "
            "Mathematical Population Genetics: the eigenvalues"
        ),
        test="tests/theory/test_late.py::test_closed_loop_in_decimals",
        decided_by="R7-closed",
        fails_where="Where the fit adds even a hundredth to each count: then no symbol is absorbed, and nothing stays.",
    ),
)
