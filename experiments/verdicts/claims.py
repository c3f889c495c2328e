"""Claims about verdicts: L1-rejected, R2 and R5. Every loop uses rejection sampling."""

from functools import partial
from itertools import pairwise

import numpy as np

from experiments.harness.claim import Found, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.verdicts import study
from experiments.verdicts.study import RATES, RATIOS, SIZES
from theory import budget

REJECTS = RATES.index(0.2)
FEW = [n for n in SIZES if n <= 5]
ROUNDS = "verifier (.8, .4), accuracy .3 at the start, rejection sampling"
PAIR = "verifier (.9, .2), fresh samples .6/.4, two symbols equally likely to be correct; no loop"


def too_few(paid: str, settings: Settings) -> Found:
    """L1: expected verdicts, or the accepting ones alone, against the lower bound for any method."""
    loops = study.fixations()
    few = np.s_[REJECTS, :, : len(FEW)]
    loop = f"two symbols, even start, rejection sampling, tpr {RATES[REJECTS]:g}"
    where = [f"{loop}, fpr {RATES[REJECTS] * ratio:.3f}, n = {n}" for ratio in RATIOS for n in FEW]
    return at_most(getattr(loops, paid)[few].ravel(), loops.needed[few].ravel(), where, "verdicts")


def many_rounds(settings: Settings) -> Found:
    """R2: the best constant rounds against one round of any size."""
    found = study.rounds(settings)
    size, wrong = found.best
    where = [
        f"{ROUNDS}: rounds of {n} for N = {number}, against one round"
        for n, number in zip(size, found.verdicts, strict=True)
    ]
    return at_most(wrong, study.one_round(), where, "1 − accuracy")


def round_size(settings: Settings) -> Found:
    """R2: the best constant size at the largest budget against √(φN/2p)."""
    found = study.rounds(settings)
    size, number = found.best[0], found.verdicts[-1]
    predicted, _ = budget.round_size_law(study.ROUNDS, study.START, number)
    setting = (
        f"{ROUNDS}: best n = {_listed(size)} for N = {_listed(found.verdicts)}; tolerance 10 %: large N, diffusion"
    )
    return equal(size[-1], predicted, setting, "samples", tolerance=0.1 * predicted)


def exponent(diffusion: bool, settings: Settings) -> Found:
    """R2: how fast −ln wrong grows with √N, between the two largest budgets."""
    found = study.rounds(settings)
    exact, selection = study.drift_exponent(), 2 * study.SELECTION * study.START
    slope = np.diff(-np.log(found.best[1]))[-1] / np.diff(np.sqrt(found.verdicts))[-1]
    theta = f"θ = {exact:.4f} from the exact chain, 2sp = {selection:.4f}"
    setting = f"{ROUNDS}: best sizes, slope at N = {found.verdicts[-1]}; {theta}; tolerance 2 %: large N, whole n"
    predicted = study.decay_exponent(selection if diffusion else exact)
    return equal(slope, predicted, setting, "1/√verdict", tolerance=0.02 * study.decay_exponent(exact))


def verdicts_saved(settings: Settings) -> Found:
    """R2: the share of verdicts that two sizes save, budget by budget, from 0 up to 1 − p."""
    found = study.rounds(settings)
    saved = found.two_stage.verdicts_saved
    ends = ["no budget", *(f"N = {n}" for n in found.verdicts[: saved.size]), "the conjectured limit"]
    where = [f"{ROUNDS}: two sizes, {a} against {b}" for a, b in pairwise(ends)]
    return at_most([0, *saved], [*saved, 1 - study.START], where, "share of verdicts")


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
        "R2-round-size",
        "The best constant round size grows like √(φN/2p)",
        round_size,
        figure="budget-rounds",
    ),
    *claim(
        "R2-exponent",
        "The best constant rounds leave the share e^{−√(sφθN)} wrong, θ the exact exponent of the loss by drift",
        partial(exponent, False),
        control=("… with θ = 2sp of the diffusion, also under strong selection", partial(exponent, True)),
        figure="budget-rounds",
    ),
    *claim(
        "R2-many-rounds",
        "Rounds of the best size leave fewer wrong outputs than one round of any size",
        many_rounds,
        figure="budget-rounds",
    ),
    *claim(
        "R2-schedule",
        "Two sizes, the larger first, save a share of the verdicts that grows with N and stays below 1 − p",
        verdicts_saved,
        figure="budget-rounds",
    ),
    *claim(
        "R5-exchange",
        "For small errors a verdict is worth the ratio of the Chernoff informations in fresh samples",
        partial(exchange_rate, None),
        control=("… also for an error of 35 %, that of one verdict", partial(exchange_rate, 1)),
        figure="budget-exchange",
    ),
)
STATEMENTS = (
    Statement(
        "R2",
        title="Many small rounds beat few large ones",
        formula=(
            r"n \approx \sqrt{\frac{\varphi N}{2p}}, \qquad "
            r"-\ln(\text{wrong}) \sim \sqrt{s\, \varphi\, \theta\, N}"
        ),
        words=(
            "N verdicts may be spent in one round or in many. One round leaves the same share wrong whatever its size. "
            "Of constant sizes about √(φN/2p) accepted samples per round is best, and −ln(wrong share) then grows like "
            "√(sφθN), s = ln(φ/ψ), p the accuracy at the start, θ the exponent of the loss by drift."
        ),
        conditions=(
            "Asymptotic in N, for rejection sampling with a budget of expected verdicts; a few hundred verdicts leave "
            "more wrong. That two sizes approach 1/√p times the exponent of one is a conjecture."
        ),
        practice=(
            "Never spend a budget in one round. Begin with rounds 1.5 times that size, and let them shrink. Better "
            "than any fixed plan, watch the acceptance rate, and keep rounds large until it has risen."
        ),
        source="infoloop; Kimura (1962) for the diffusion",
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
            "worth 27 samples, not 17. Capacities, which the paper uses, give another rate, 13.7: they bound the "
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
        fails_where="Where errors are large: a single verdict errs with 35 %.",
    ),
)
