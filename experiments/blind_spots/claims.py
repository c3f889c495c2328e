"""Claims about verifiers with a blind spot: R11."""

from functools import partial

import numpy as np

from experiments.blind_spots import study
from experiments.blind_spots.study import AREA, AREAS, FPRS, REJECTS_SOME, START, STARTS
from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import budget

LOST, SIZES = (12, 24), (30, 60)  # samples between which rates are measured: of what φ = 1 lacks, and of what φ < 1 has
NEAR, ENOUGH = 0.02, 10  # of the accuracy: what a rule of thumb may lose, from so many samples on: n (p+b) > 2
GUARANTEED_AT = 10  # samples
LOOP = "rejection sampling; shares of correct, wrong, blind spot"


def value(tpr: float, settings: Settings) -> Found:
    """How fast what is missing to p/(p+b) falls with n, against the rate at which all but wrong outputs are lost."""
    p, _, b = START
    missing = [[1 - study.correct(n, (tpr, psi, 1.0)) * (p + b) / p for n in LOST] for psi in FPRS]
    predicted = np.array([float(budget.wrong_exponent((1.0, psi), p + b)) for psi in FPRS])
    where = [
        f"{LOOP} {_listed(START)}; acceptance {_listed((tpr, psi, 1))}: −Δ ln(1 − P(ends correct) (p+b)/p)/Δn, n = "
        f"{LOST[0]} and {LOST[1]}; tolerance .002: finite n"
        for psi in FPRS
    ]
    return equal([study.rate(*LOST, each) for each in missing], predicted, where, "nats per sample", tolerance=0.002)


def rejects_some(blind: float, settings: Settings) -> Found:
    """How fast P(ends correct) falls with n if a blind spot is accepted more often than correct outputs."""
    tpr, fprs = REJECTS_SOME
    cases = [(start, psi) for start in STARTS[:2] for psi in fprs]
    found = [study.rate(*SIZES, [study.correct(n, (tpr, psi, blind), start) for n in SIZES]) for start, psi in cases]
    predicted = [budget.blind_exponent((tpr, psi), start) for start, psi in cases]
    where = [
        f"{LOOP} {_listed(start)}; acceptance {_listed((tpr, psi, blind))}: −Δ ln P(ends correct)/Δn, n = {SIZES[0]} "
        f"and {SIZES[1]}; tolerance .0006: order s³ and finite n"
        for start, psi in cases
    ]
    return equal(found, predicted, where, "nats per sample", tolerance=6e-4)


def rejections(blind_spot: bool, settings: Settings) -> Found:
    """Correct outputs that the best threshold rejects for n that it judges, from one size to the next."""
    best = study.thresholds(settings, blind_spot)
    rejected = best.sizes * (1 - best.tpr)
    where = [
        [[f"{_curve(start, area)}: n = {n}" for n in best.sizes[1:]] for area in AREAS]
        for start in (STARTS if blind_spot else map(study.without_blind_spot, STARTS))
    ]
    return at_most(rejected[..., 1:], rejected[..., :-1], where, "n (1 − tpr)")


def rule(blind_spot: bool, settings: Settings) -> Found:
    """The accuracy at the threshold of the rule against the best one on the curve, less what it may lose."""
    best = study.thresholds(settings, blind_spot)
    enough = best.sizes >= ENOUGH
    sizes = best.sizes[enough].tolist()
    worlds = STARTS if blind_spot else tuple(map(study.without_blind_spot, STARTS))
    found = [
        [[study.correct(n, (*budget.threshold_rule(n, area, start), 1.0), world) for n in sizes] for area in AREAS]
        for start, world in zip(STARTS, worlds, strict=True)
    ]
    where = [[[f"{_curve(world, area)}: n = {n}; {NEAR} less" for n in sizes] for area in AREAS] for world in worlds]
    return at_least(found, best.accuracy[..., enough] - NEAR, where, "accuracy")


def guarantee(shares: tuple[float, ...], settings: Settings) -> Found:
    """The accuracy for all blind spots that nature may choose, at the threshold that is best against the worst one."""
    best = budget.best_threshold(GUARANTEED_AT, AREA, START)
    p = START[0]
    worlds = [(b, beta) for b in shares for beta in study.ACCEPTED if (b, beta) != (START[2], 1.0)]  # the worst itself
    found = [study.correct(GUARANTEED_AT, (best.tpr, best.fpr, beta), (p, 1 - p - b, b)) for b, beta in worlds]
    where = [
        f"rejection sampling, n = {GUARANTEED_AT}, p {p:g}, AUC {AREA:g}, threshold ({best.tpr:.3f}, {best.fpr:.3f}), "
        f"blind spot {b:g}, accepted with {beta:g}"
        for b, beta in worlds
    ]
    return at_least(found, np.full(len(found), best.accuracy), where, "accuracy")


def _curve(start: study.Start, area: float) -> str:
    return f"{LOOP} {_listed(start)}; AUC {area:g}, blind spot always accepted"


def _listed(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{x:g}" for x in values) + ")"


TESTS = "tests/theory/test_blind.py::"
CLAIMS = (
    *claim(
        "R11-value",
        "A verifier that rejects nothing correct ends correct with p/(p+b), up to e^{−nV(p+b)}, V of LR 1/ψ",
        partial(value, 1.0),
        control=("… also one that rejects 3 % of the correct outputs", partial(value, 0.97)),
        test=TESTS + "test_never_rejecting_is_exactly_a_product",
    ),
    *claim(
        "R11-rejects-some",
        "If φ < β, P(ends correct) falls like e^{−nE}, E ≈ V(b') − 2s²b'(1−b') · r/(p+b) · ψ/(β−ψ), s = ln(β/φ)",
        partial(rejects_some, 1.0),
        control=("… also if the blind spot is accepted as often as correct outputs, β = φ", partial(rejects_some, 0.9)),
        test=TESTS + "test_exponent_is_the_least_action",
    ),
    *claim(
        "R11-threshold",
        "With a blind spot n (1 − tpr) of the best threshold falls as n grows: n ≥ 5, b ≥ p/20, ROC curves of AUC ≥ .8",
        partial(rejections, True),
        control=("… also where its outputs are correct ones, and there is no blind spot", partial(rejections, False)),
        figure="blind-spots",
    ),
    *claim(
        "R11-rule",
        "The threshold of 2n(p+b)(1−ψ) = ln(2(p+b)/(b'ρ)) is .02 below the best at most: n(p+b) > 2, b p/20 to p/4",
        partial(rule, True),
        control=("… also where its outputs are correct ones, and there is no blind spot", partial(rule, False)),
        figure="blind-spots",
    ),
    *claim(
        "R11-guarantee",
        "The best threshold against the largest blind spot, always accepted, is worth no less against smaller: n = 10",
        partial(guarantee, study.SHARES),
        control=("… nor against one twice as large", partial(guarantee, (2 * START[2],))),
    ),
)
STATEMENTS = (
    Statement(
        "R11",
        title="Never reject what is correct: with a blind spot the best threshold moves to tpr = 1 as n grows",
        formula=(
            r"P(\text{ends correct}) = \frac{p}{p+b} \bigl(1 - e^{-nV(p+b) + o(n)}\bigr) \;(\varphi = 1), \quad "
            r"e^{-nE + o(n)} \;(\varphi < 1); \qquad "
            r"2n(p+b)(1-\psi^*) \approx \ln \frac{2(p+b)}{b' \rho}, \; b' = \frac{b}{p+b}, \; "
            r"\rho = \frac{d\varphi}{d\psi}"
        ),
        words=(
            "A designer picks tpr φ and fpr ψ, nature a blind spot: a share b of wrong outputs accepted with β ≤ 1, at "
            "worst always. As n → ∞ each fixed φ < 1 is worth 0 and φ = 1 is worth p/(p+b), from which chance takes "
            "only e^{−nV}. On a ROC curve φ = 1 is reached where nothing is selected any more, ψ = 1; there the best "
            "threshold moves with n, accepts most wrong outputs, and reaches p/(p+b) in the limit: n(1−φ) → 0, n(1−ψ) "
            "→ ∞. At n = 20, AUC .9, p = .2, b = .05 it is (.988, .68), which ends correct with .76; that of equal "
            "errors, (.82, .18), with .24, a strict one, ψ = .02, with .0006. If what is in the blind spot were "
            "correct instead, that threshold would cost 2 %: .98 in the place of 1."
        ),
        conditions=(
            "Rejection sampling until n are accepted, rounds until one kind is left, independent errors outside the "
            "blind spot, equal-variance binormal ROC curves. The value at φ = 1 is a theorem for every n; E is an "
            "expansion for φ near β; that always accepted and largest is the worst blind spot was checked, not proved. "
            "A lenient threshold needs more rounds, which are free here. The rule: for n(p+b) > 2, b from p/20 to p/4, "
            "AUC ≥ .8; for a smaller blind spot it loses more."
        ),
        practice=(
            "If your verifier may have a blind spot, loosen its threshold as rounds get larger, so that it rejects far "
            "fewer than one in n of the correct outputs (`budget.threshold_rule`), and let many rounds remove the "
            "wrong ones; be strict only where you know that nothing wrong is always accepted."
        ),
        source=(
            "infoloop; Kimura (1962) and Freidlin & Wentzell (2012) for the rates; Dorner, Chen, Cruz & Yang (2026), "
            "arXiv:2507.12399, for one round, where the strict end of the ROC curve decides; Egashira et al. (2026), "
            "arXiv:2605.02909, found by experiment that systematic false positives, not negatives, end a training"
        ),
        test=TESTS + "test_never_rejecting_is_exactly_a_product",
        decided_by="R11-threshold",
        fails_where="Where there is no blind spot: then the strictest threshold is best, which rejects most of them.",
    ),
)
