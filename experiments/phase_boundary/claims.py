"""Claims about the phase boundary of verified retraining: R8."""

from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.phase_boundary import study
from experiments.phase_boundary.study import ANY, RARE, Sizes

FIGURE = "phase-boundary"
RULE = {1.0: 0.15, 2.0: 0.025}  # n · ln LR · p: the largest share of loops that ends wrong


def boundary(weak: bool, settings: Settings) -> Found:
    """R8: −ln P(ends wrong) against nV(p), or n · 2p ln LR."""
    found = study.sizes(RARE)
    predicted = found.size * (found.weak if weak else found.exponent)
    where = _where(found, "tolerance .05, a factor of e^.05: rare starts")
    return equal(-np.log(found.wrong), predicted, where, "−ln(share that ends wrong)", tolerance=0.05)


def rule(persistent: bool, settings: Settings) -> Found:
    """R8: how often a loop ends wrong whose rounds have 1/(p ln LR) accepted samples, or twice as many, rounded up."""
    found = [study.sizes(ANY, product) for product in RULE]
    wrong = [study.persistent_end(each) if persistent else each.wrong for each in found]
    where = [_where(each, "each output judged once" if persistent else "independent errors") for each in found]
    return at_most(wrong, np.array(list(RULE.values()))[:, None], where, "of loops")


def _where(found: Sizes, of: str) -> list[str]:
    cases = zip(found.initial, found.ratio, found.size, strict=True)
    return [f"rejection sampling, accuracy {p:g} at the start, LR {ratio:g}, n = {n}; {of}" for p, ratio, n in cases]


CLAIMS = (
    *claim(
        "R8-rule",
        "Rounds of 1/(p ln LR) accepted samples leave 15 % of loops wrong at most, twice as many 2.5 %, p .02 to .9",
        partial(rule, False),
        control=("… also if each output is judged once, so that its error persists", partial(rule, True)),
        figure=FIGURE,
        test="tests/theory/test_exponents.py::test_no_loop_ends_wrong_more_often",
    ),
    *claim(
        "R8-boundary",
        "From a rare start, p ≤ .1, loops of n accepted samples end wrong with e^{−nV(p)}, to a factor of e^.05",
        partial(boundary, False),
        control=("… with 2p ln LR, the exponent for weak selection, in the place of V(p)", partial(boundary, True)),
        figure=FIGURE,
        test="tests/theory/test_exponents.py::test_exact_chains",
    ),
)
STATEMENTS = (
    Statement(
        "R8",
        title="Verified retraining ends correct in 85 % of loops if n · ln LR · p is 1, in 97 % if it is 2",
        formula=(
            r"P(\text{ends wrong}) = e^{-nV(p) + o(n)}, \qquad P(\text{ends wrong}) \le LR^{-np}, \qquad "
            r"V(p) = 2sp + \tfrac13 s^2 p(1-p) + O(s^3), \quad s = \ln LR"
        ),
        words=(
            "LR = tpr/fpr is the likelihood ratio of the verifier, p the accuracy at the start, n the accepted samples "
            "of a round. V is an exponent of large deviations, which `wrong_exponent` computes. From a rare start, p ≤ "
            ".1, the chance to end wrong is e^{−nV(p)} itself, to 5 %, so that half of the loops end correct where n "
            "V(p) = ln 2. For any n, LR > 1 and p it is at most LR^{−np}, a theorem: (fpr/tpr)^{nZ} never rises on "
            "average. So n = ln(1/δ)/(p ln LR) samples are enough for a share δ of wrong ends; for p ≤ .3 about half "
            "as many for weak verifiers, and fewer still for strong ones."
        ),
        conditions=(
            "Two kinds of outputs, rejection sampling until n are accepted, one acceptance rate for all wrong outputs, "
            "independent errors at each look. Of real verifiers the diagram takes the rates alone: where their errors "
            "persist, as those of unit tests do, no number of samples helps (R12)."
        ),
        practice=(
            "Multiply the accepted samples of a round, the accuracy and the logarithm of the likelihood ratio: retrain "
            "where the product is above 2 for every prompt that matters, and collect more samples where it is not."
        ),
        source=(
            "infoloop; Freidlin & Wentzell (2012), Random Perturbations of Dynamical Systems, chapter 4; Kimura "
            "(1962), On the probability of fixation of mutant genes in a population; the bound is in the manner of "
            "Lundberg's inequality, Asmussen & Albrecher (2010), Ruin Probabilities"
        ),
        test="tests/theory/test_exponents.py::test_no_loop_ends_wrong_more_often",
        decided_by="R8-rule",
        fails_where="Where each output is judged once: then one round is all, and its accuracy may be low.",
    ),
)
