"""Claims about rounds whose size follows the accuracy: R9."""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

import theory
from experiments.adaptive_rounds import study
from experiments.adaptive_rounds.study import CORRECT, KAPPAS, LARGEST, SLOPE
from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import budget

LOOP = "rejection sampling, verifier (.8, .4), accuracy .3 at the start"


def linear(adapts: bool, settings: Settings) -> Found:
    """R9: nats of −ln(wrong) a verdict, of rounds of equal risk or of one size, against the law of equal risk."""
    few, many = (study.equal_risk(kappa, study.ROOM) for kappa in SLOPE)
    predicted = study.slope_law(*SLOPE)
    spent = f"{few.verdicts:.0f} to {many.verdicts:.0f} verdicts"
    if not adapts:
        few, many = (study.stopped(found.verdicts) for found in (few, many))
    setting = f"{LOOP}, {spent}; tolerance 3 %: sizes are whole numbers, a risk of e^−{SLOPE[0]} is not 0"
    return equal(study.slope(few, many), predicted, setting, "nats per verdict", tolerance=0.03 * predicted)


def near_optimum(rule: Callable[[float], budget.Rounds], values: Iterable[float], most: float, settings: Settings):
    """R9: the verdicts of a rule against those that any policy needs for the same wrong share, and a little more."""
    found = [rule(value) for value in values]
    where = [f"{LOOP}, rounds ≤ {LARGEST}, wrong share {each.wrong:.2g}; {most:g} times the bound" for each in found]
    bound = np.array([most * study.needed(each.wrong) for each in found])
    return at_most([each.verdicts for each in found], bound, where, "verdicts")


def leaves_less(verifier: tuple[float, float], settings: Settings) -> Found:
    """R9: the wrong share of equal risk against a tenth of that of one size, at no fewer verdicts."""
    kappas = [kappa for kappa in KAPPAS if kappa % 4 == 0]
    found = [study.equal_risk(kappa, verifier=verifier) for kappa in kappas]
    other = [study.stopped(each.verdicts, verifier) for each in found]
    loop = f"rejection sampling, verifier (.8, {verifier[1]:.3g}), accuracy .3 at the start"
    where = [f"{loop}, {each.verdicts:.0f} verdicts; a tenth of that of rounds of one size" for each in found]
    return at_most([each.wrong for each in found], [0.1 * each.wrong for each in other], where, "wrong share")


def unseen(sees: str, settings: Settings) -> Found:
    """R9: what a run costs that sees its pass rates, or its accuracy, against 1.2 times the least that is possible."""
    runs = study.filtered(settings, sees)
    share, spent = runs.expected.mean(), runs.verdicts.mean()
    setting = f"{LOOP}, risk e^−{study.FILTERED:g}; {spent:.0f} verdicts, wrong share {share:.2g}, which is charged "
    setting += f"{1 / study.PRICE:.0f} verdicts a unit; 1.2 times the optimum; {runs.cost.size} runs"
    return at_least(theory.estimate(runs.cost), 1.2 * study.cost(study.optimum(study.PRICE)), setting, "verdicts")


FIGURE = "adaptive-rounds"

CLAIMS = (
    *claim(
        "R9-linear",
        "Rounds of equal risk: from N = 130 to 190 −ln(wrong share) grows by .13 nats a verdict, as the law says",
        partial(linear, True),
        control=("… also rounds of one size, until one kind is left", partial(linear, False)),
        figure=FIGURE,
        test="tests/theory/test_adaptive.py::test_equal_risk_by_simulation",
    ),
    *claim(
        "R9-equal-risk",
        "Rounds of equal risk need at most 2 % more verdicts than any policy of rounds ≤ 48, wrong from .007 to 7e-7",
        partial(near_optimum, study.equal_risk, KAPPAS, 1.02),
        control=(
            "… also rounds of an equal number of correct samples, n = c/z",
            partial(near_optimum, study.correct_samples, CORRECT, 1.02),
        ),
        figure=FIGURE,
        test="tests/theory/test_adaptive.py::test_no_policy_is_better",
    ),
    *claim(
        "R9-correct-samples",
        "Rounds of ⌈c/z⌉ need at most 10 % more verdicts than any policy of rounds ≤ 48, wrong from .05 to 3e-7",
        partial(near_optimum, study.correct_samples, CORRECT, 1.1),
        control=(
            "… also rounds of one size, until one kind is left",
            partial(near_optimum, study.constant, range(7, 20, 3), 1.1),
        ),
        figure=FIGURE,
    ),
    *claim(
        "R9-saves",
        "Rounds of equal risk leave under a tenth of what the best constant size leaves wrong, LR 2, N ≥ 75",
        partial(leaves_less, study.ROUNDS),
        control=("… also at LR 1.02, where drift decides", partial(leaves_less, study.NO_SIGNAL)),
        figure=FIGURE,
    ),
    *claim(
        "R9-unseen",
        "If pass rates alone are seen, a Bayesian filter of them costs at least 1.2 times the optimum",
        partial(unseen, "pass rates"),
        control=("… also if the accuracy is seen", partial(unseen, "accuracy")),
        figure=FIGURE,
        test="tests/experiments/test_adaptive_rounds.py::test_filter_is_calibrated",
    ),
)
STATEMENTS = (
    Statement(
        "R9",
        title="Rounds of equal risk make the exponent nearly linear in the verdicts, if the accuracy is seen",
        formula=(
            r"n_t = \frac{\ln(1/\delta)}{\ln\bigl(1 + \frac{\varphi}{\psi} \frac{z_t}{1-z_t}\bigr)}"
            r"\;\bigl(\approx c/z_t\bigr), \qquad "
            r"-\ln(\text{wrong}) \approx \ln(1/\delta), \quad N \approx \sum_t \frac{n_t}{z_t\varphi + (1-z_t)\psi}"
        ),
        words=(
            "A run ends when one kind of output is left. If the accuracy z_t is known before each round, it is nearly "
            "best to keep the chance δ of a round without any correct sample the same in all rounds; for rare correct "
            "outputs that is a constant expected number of correct samples, n = c/z. A round that is too large pays "
            "for a risk that is already small, and one that leaves few correct outputs is followed by a larger one. So "
            "−ln(wrong) grows nearly linearly in N, by .15 nats a verdict at N = 70 and .12 at 270 for a verifier (.8, "
            ".4) from accuracy .3, where rounds of one size give N/ln N and a fixed number of rounds √N. The last "
            "wrong outputs cost a factor that grows like ln ln N. Where the accuracy is seen through pass rates alone, "
            "most of it is lost: at 80 verdicts the wrong share is .011, not 6e-4, and the best constant size of runs "
            "that stop leaves .019."
        ),
        conditions=(
            "Rejection sampling, errors independent for each verdict, one prompt with correct and wrong outputs, LR "
            "well above 1 (at LR 1.02 constant rounds are better), N a mean over runs, φ, ψ known. The law is a sum "
            "over the expected path, without proof; optimum and rules are exact, for rounds up to 48 samples. ⌈c/z⌉ "
            "loses more where less may be wrong: against equal risk, rounds up to 160, 8 % at 3e-11 and 10 % at 6e-15; "
            "at LR 1.5 12 % at 1e-8. Where the noise of a gradient decides and nothing is lost for good, rounds should "
            "grow (Yang et al. 2025); here fixed schedules that grow by 10 % a round leave .074 wrong at 100 verdicts, "
            "the best constant ones .054, and those that shrink by 20 % .028. The filter knows p, φ, ψ; we know no "
            "better one, which is no proof. Seen means known exactly, also that the run has ended: N leaves out what "
            "it costs to measure z, and labels on the prompt itself would be verdicts without error."
        ),
        practice=(
            "Let rounds shrink as the accuracy z grows, by a fifth each if you cannot see it, to ln(1/δ)/ln(1 + LR · "
            "z/(1−z)) accepted samples if you can: large ones while correct outputs are rare, small ones at the end."
        ),
        source=(
            "infoloop; Bellman (1957), Dynamic Programming; Harik et al. (1999), The gambler's ruin problem, genetic "
            "algorithms, and the sizing of populations; Wang et al. (2026), Where to spend rollouts, arXiv:2605.07114, "
            "for rollouts by the chance of at least one correct sample; Yang et al. (2025), Spend wisely, "
            "arXiv:2501.18962, for budgets that grow from round to round"
        ),
        test="tests/theory/test_adaptive.py::test_equal_risk_by_simulation",
        decided_by="R9-linear",
        fails_where="Where rounds have one size: the last rounds are too large and the first too small.",
    ),
)
