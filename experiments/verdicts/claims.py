"""Claims about verdicts: L1-rejected, R2 and R5. Every loop uses rejection sampling."""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.verdicts import budgets, study
from experiments.verdicts.study import RATES, RATIOS, SIZES
from theory import budget

REJECTS = RATES.index(0.2)
FEW = [n for n in SIZES if n <= 5]
ROUNDS = "verifier (.8, .4), accuracy .3 at the start, rejection sampling"
MANY = 400  # verdicts
PAIR = "verifier (.9, .2), fresh samples .6/.4, two symbols equally likely to be correct; no loop"


def too_few(paid: str, settings: Settings) -> Found:
    """L1: expected verdicts, or the accepting ones alone, against the lower bound for any method."""
    loops = study.fixations()
    few = np.s_[REJECTS, :, : len(FEW)]
    loop = f"two symbols, even start, rejection sampling, tpr {RATES[REJECTS]:g}"
    where = [f"{loop}, fpr {RATES[REJECTS] * ratio:.3f}, n = {n}" for ratio in RATIOS for n in FEW]
    return at_most(getattr(loops, paid)[few].ravel(), loops.needed[few].ravel(), where, "verdicts")


def many_rounds(best: bool, settings: Settings) -> Found:
    """R2: constant rounds, the best or of one sample, against half of what one round of any size leaves wrong."""
    found = budgets.rounds(settings)
    size, wrong = found.best if best else (np.ones(1, int), budgets.one_sample())
    where = [f"{ROUNDS}: rounds of {n}, half of what one round leaves" for n in size]
    return at_most(np.atleast_1d(wrong), budgets.one_round() / 2, where, "1 − accuracy")


def round_size(law: Callable[[int], float], settings: Settings) -> Found:
    """R2: the best constant size at the largest budget against its law."""
    found = budgets.budgets(settings)
    setting = f"{ROUNDS}: best n = {_listed(found.sizes)} for N = {_listed(found.verdicts)}; tolerance 6 %: large N"
    predicted = law(int(found.verdicts[-1]))
    return equal(found.sizes[-1], predicted, setting, "samples", tolerance=0.06 * predicted)


def exact_size(number: int) -> float:
    """√(sφN/θ)."""
    return budget.fixed_rounds_law(budgets.ROUNDS, budgets.START, number)[0]


def diffusion_size(number: int) -> float:
    """√(φN/2p), for weak selection."""
    return math.sqrt(budgets.ROUNDS[0] * number / (2 * budgets.START))


def exponent(diffusion: bool, settings: Settings) -> Found:
    """R2: how fast −ln wrong grows with √N under fixed rounds, between the two largest budgets."""
    found = budgets.budgets(settings)
    weak = 2 * budgets.SELECTION * budgets.START
    exact = budget.fixed_rounds_law(budgets.ROUNDS, budgets.START, 1)[1]
    predicted = math.sqrt(budgets.SELECTION * budgets.ROUNDS[0] * weak) if diffusion else exact
    setting = f"{ROUNDS}: best sizes, slope at N = {found.verdicts[-1]}; tolerance 2 %: large N, whole n"
    return equal(_slope(found.verdicts, found.fixed), predicted, setting, "1/√verdict", tolerance=0.02 * exact)


def limited_exponent(curve: str, settings: Settings) -> Found:
    """R2: the same slope under a hard limit, or of runs that stop."""
    found = budgets.budgets(settings)
    values = getattr(found, curve)[: found.limited.size]
    predicted = budget.fixed_rounds_law(budgets.ROUNDS, budgets.START, 1)[1]
    number = found.verdicts[values.size - 1]
    setting = f"{ROUNDS}: best sizes, slope at N = {number}; tolerance 8 %: the last round is seldom paid in full"
    return equal(_slope(found.verdicts, values), predicted, setting, "1/√verdict", tolerance=0.08 * predicted)


def stopping_law(fpr: float, settings: Settings) -> Found:
    """R2: what a sample more costs where a run ends when one kind is left: N/n grows by ln 2/(sφ) if n doubles."""
    few, many = 128, 256
    measured = np.diff(budgets.verdicts_a_sample(np.array([few, many]), fpr))[0]
    predicted = math.log(2) / (math.log(budgets.ROUNDS[0] / fpr) * budgets.ROUNDS[0])
    setting = f"rejection sampling, verifier (.8, {fpr:.3g}), accuracy .3 at the start, n = {few} and {many}"
    setting += "; tolerance 3 %: large n"
    return equal(measured, predicted, setting, "verdicts per sample", tolerance=0.03 * predicted)


def stopping_pays(many: bool, settings: Settings) -> Found:
    """R2: the exponent of runs that stop against twice that of fixed rounds."""
    found = budgets.budgets(settings)
    which = (found.verdicts >= MANY) == many
    where = [f"{ROUNDS}: −ln wrong at N = {n}, against twice that of fixed rounds" for n in found.verdicts[which]]
    return at_least(found.stopped[which], 2 * found.fixed[which], where)


def _slope(verdicts: np.ndarray, exponents: np.ndarray) -> float:
    """Of the last two budgets, in √N."""
    return float(np.diff(exponents)[-1] / np.diff(np.sqrt(verdicts[: exponents.size]))[-1])


def verdicts_saved(settings: Settings) -> Found:
    """R2: the share of verdicts that two sizes save, budget by budget, from 0 up to 1 − p."""
    found = budgets.rounds(settings)
    saved = found.two_stage.verdicts_saved
    ends = ["no budget", *(f"N = {n}" for n in found.verdicts[: saved.size]), "the conjectured limit"]
    where = [f"{ROUNDS}: two sizes, {a} against {b}" for a, b in pairwise(ends)]
    return at_most([0, *saved], [*saved, 1 - budgets.START], where, "share of verdicts")


def exchange_rate(verdicts: int | None, settings: Settings) -> Found:
    """R5: fresh samples for so many verdicts, or for the most, exactly, against the ratio of the exponents."""
    found, ratio = study.exchange(settings), study.by_exponent()
    k = verdicts or found.verdicts[-1]
    setting = f"{PAIR}; k = {k} verdicts, error {found.error[k - 1]:.2g}; tolerance 3 %: the limit k → ∞; "
    setting += f"capacity over information is {study.by_information():.2f}"
    return equal(found.samples[k - 1] / k, ratio, setting, "samples per verdict", tolerance=0.03 * ratio)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values)


CLAIMS = (
    *claim(
        "L1-rejected",
        "A loop may need more verdicts than it has accepted samples: rejections carry information too",
        partial(too_few, "accepted"),
        control=("… and more than all its verdicts", partial(too_few, "verdicts")),
        figure="budget-verdicts",
    ),
    *claim(
        "R2-many-rounds",
        "Constant rounds of the best size leave less than half as many wrong as one round of any size, N ≥ 100",
        partial(many_rounds, True),
        control=("… so do rounds of one sample, which end after the first", partial(many_rounds, False)),
        figure="budget-rounds",
    ),
    *claim(
        "R2-round-size",
        "The best size of a fixed number of rounds grows like √(sφN/θ), θ the exponent of the loss by drift",
        partial(round_size, exact_size),
        control=("… like √(φN/2p) of weak selection, also at LR 2", partial(round_size, diffusion_size)),
        figure="budget-rounds",
    ),
    *claim(
        "R2-exponent",
        "A fixed number of rounds of the best size leaves the share e^{−√(sφθN)} wrong",
        partial(exponent, False),
        control=("… with θ = 2sp of weak selection, also at LR 2", partial(exponent, True)),
        figure="budget-rounds",
        test="tests/theory/test_exponents.py::test_exact_chains",
    ),
    *claim(
        "R2-hard-limit",
        "So does a hard limit of N verdicts a run: its exponent grows like √(sφθN)",
        partial(limited_exponent, "limited"),
        control=("… and that of runs that stop when one kind is left", partial(limited_exponent, "stopped")),
        figure="budget-rounds",
        test="tests/theory/test_rounds.py::test_hard_limit_by_simulation",
    ),
    *claim(
        "R2-stopping",
        "Runs that stop when one kind is left have over twice the exponent of fixed rounds, from N = 400 on",
        partial(stopping_pays, True),
        control=("… also for fewer verdicts", partial(stopping_pays, False)),
        figure="budget-rounds",
    ),
    *claim(
        "R2-stopping-cost",
        "If runs stop when one kind is left, doubling a round adds ln 2/(sφ) verdicts per sample",
        partial(stopping_law, budgets.ROUNDS[1]),
        control=("… also where drift is about as strong as selection, LR 1.02", partial(stopping_law, 0.8 / 1.02)),
    ),
    *claim(
        "R2-schedule",
        "Two sizes, the larger first, save a share of the verdicts that grows with N and stays below 1 − p",
        verdicts_saved,
    ),
    *claim(
        "R5-exchange",
        "For small errors a verdict is worth the ratio of the Chernoff informations in fresh samples",
        partial(exchange_rate, None),
        control=("… also for an error of 15 %, that of one verdict", partial(exchange_rate, 1)),
        figure="budget-exchange",
    ),
)
STATEMENTS = (
    Statement(
        "R2",
        title="How N verdicts are best split into rounds depends on when a run stops",
        formula=(
            r"n \approx \sqrt{s \varphi N / \theta},\; -\ln(\text{wrong}) \sim \sqrt{s \varphi \theta N}; \qquad "
            r"n \ln n \approx s \varphi N,\; -\ln(\text{wrong}) \sim \theta n"
        ),
        words=(
            "N verdicts may be spent in one round or in many; one round leaves the same share wrong whatever its size. "
            "Under a fixed number of rounds for all runs, or a hard limit for each, the best constant size grows like "
            "√(sφN/θ) and −ln(wrong share) like √(sφθN). If a run stops when one kind of output is left, and N is what "
            "runs spend on average, both grow like N/ln N. s = ln(φ/ψ), θ the exponent of the loss by drift."
        ),
        conditions=(
            "Rejection sampling, errors independent for each verdict, one prompt with correct and wrong outputs, LR > "
            "1, rounds of constant size; the laws are limits for large N (at N = 3200 the exact "
            "n is 228, and n ln n = sφN gives 309). Rounds of one sample are no better than one "
            "round. Two sizes save at most 1 − p of the verdicts of a fixed schedule, as far as we searched."
        ),
        practice=(
            "Share a budget among many prompts, stop each one whose samples agree, and give the verdicts it saves to "
            "the others; `infoloop plan` shows that beside a hard limit for each prompt."
        ),
        source="infoloop; Freidlin & Wentzell (2012) for the exponent, Kimura (1962) for its limit of weak selection",
        decided_by="R2-stopping",
        fails_where="Where verdicts are so few that stopping saves hardly any of them.",
    ),
    Statement(
        "R5",
        title="For small errors between two tasks a verdict is worth a fixed number of fresh samples",
        formula=(
            r"\frac{m}{k} \to \frac{\ln\bigl(\sqrt{\varphi\psi} + "
            r"\sqrt{(1-\varphi)(1-\psi)}\bigr)}{\ln\bigl(2\sqrt{p(1-p)}\bigr)}"
        ),
        words=(
            "k verdicts on two symbols in turn, or m fresh real samples of which a share p is correct: as both grow, "
            "their errors are equal if m/k is the ratio of the Chernoff informations."
        ),
        conditions=(
            "Two equally likely tasks, decided once, without a loop, independent noise, k → ∞: one verdict alone is "
            "worth 27 samples, not 17. Capacities give another rate, 13.7: they bound the "
            "information in one verdict, not the number needed for a small error."
        ),
        practice=(
            "Buy verdicts as long as one costs less than that many real samples. Compare exponents, not capacities."
        ),
        source=(
            "Chernoff (1952), A measure of asymptotic efficiency for tests of a hypothesis based on the sum of "
            "observations"
        ),
        decided_by="R5-exchange",
        fails_where="Where errors are large: a single verdict errs with 15 %.",
    ),
)
