"""Claims about refitting and RLVR under a budget of verdicts: R10."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.refit_or_reinforce import study
from experiments.refit_or_reinforce.study import FAIR, LENIENT, START, STRICT, Rates, refitted, reinforced
from theory import policies

LAW_VERIFIERS, GROUPS = (FAIR, (0.9, 0.6)), (2, 4)
PAIRED = (FAIR, (0.9, 0.5), (0.6, 0.3))
STANDARDISED = (STRICT, LENIENT, FAIR, (0.5, 0.1))
ONE_PROMPT = f"one prompt, p = {START:g}"


def lead_changes(at: Callable[[study.Leads], np.ndarray], name: str, settings: Settings) -> Found:
    """How much the strength of the verifier at which the lead changes, times √N, varies over tpr and N."""
    found = study.leads(settings)
    scaled = at(found) * np.sqrt(found.verdicts)[:, None]
    setting = (
        f"{ONE_PROMPT}, tpr .2 … .95, N = {found.verdicts[0]} … {found.verdicts[-1]}, RLVR in groups of 8, best step, "
        f"refitting in rounds of the best size: {name} √N is {scaled.min():.3g} … {scaled.max():.3g}; largest/smallest"
    )
    return at_most(scaled.max() / scaled.min(), 1.3, setting, "ratio")


def equal_youden(method: Callable[[Rates, int], float], name: str, settings: Settings) -> Found:
    """What two verifiers of one J leave wrong."""
    wrong = [method(verifier, 400) for verifier in (STRICT, LENIENT)]
    setting = f"{ONE_PROMPT}, 400 verdicts, {name}: {STRICT} leaves {wrong[0]:.3g} wrong, {LENIENT} {wrong[1]:.3g}"
    return at_most(max(wrong) / min(wrong), 1.3, setting, "ratio")


def follows_law(verdicts: int, settings: Settings) -> Found:
    """What RLVR leaves wrong at its best step over its law."""
    found, where = [], []
    for verifier in LAW_VERIFIERS:
        for group in GROUPS:
            exact, law = (
                of(verifier, START, verdicts, group=group).wrong for of in (policies.best_step, policies.reinforce_law)
            )
            found.append(exact / law)
            where.append(f"{ONE_PROMPT}, N = {verdicts}, {verifier}, G = {group}; tolerance 3 %: finite N")
    return equal(found, 1.0, where, "exact/law", tolerance=0.03)


def near_the_limit(wrong: Callable[[Rates], float], settings: Settings) -> Found:
    """What pairs of outputs leave wrong over what is left by who takes the answer that is accepted more often.

    A lead of d of one answer is e^{dL} times as likely as one of −d, L = ln OR; a sample of the posterior errs in these
    two cases with at most e^{−dL} ((1−p)/p + 1) of the first one's probability, the limit with e^{−dL}: 1/p in all.
    """
    found = [wrong(verifier) / policies.differing_pairs(verifier, START, 100) for verifier in PAIRED]
    where = [f"{ONE_PROMPT}, 100 verdicts, G = 2, {verifier}" for verifier in PAIRED]
    return at_most(found, 1 / START, where, "times the limit")


def paid_if_they_differ(verifier: Rates) -> float:
    """RLVR in pairs whose answers differ, at the Bayesian's step, 2 ln of the odds ratio."""
    phi, psi = verifier
    step = 2 * math.log(phi * (1 - psi) / (psi * (1 - phi)))
    return policies.differing_pairs(verifier, START, 100, step=step)


def all_paid(verifier: Rates) -> float:
    """RLVR in pairs, at its best step."""
    return policies.best_step(verifier, START, 100, group=2).wrong


def divided(tuned: bool, settings: Settings) -> Found:
    """By how many nats GRPO's division by σ changes what is left wrong."""
    found = []
    for verifier in STANDARDISED:
        plain = policies.best_step(verifier, START, 200)
        if tuned:
            other = reinforced(verifier, 200, standardised=True)
        else:
            other = policies.reinforce(verifier, START, 200, step=plain.step, standardised=True).wrong
        found.append(abs(math.log(other / plain.wrong)))
    where = [f"{ONE_PROMPT}, 200 verdicts, groups of 8, {verifier}; |ln| of the ratio" for verifier in STANDARDISED]
    return at_most(found, 0.2, where)


FIGURE = "refit-or-reinforce"
LAW_TEST = "tests/theory/test_reinforce.py::test_chain_is_the_sandbox"

CLAIMS = (
    *claim(
        "R10-ratio",
        "Refitting leads RLVR where ln LR passes about 12/√N, at tpr .2 … .95: p = .3, N = 100 … 400, G = 8",
        partial(lead_changes, lambda found: np.log(found.ratio), "ln LR"),
        control=(
            "… also where Youden's J passes one value over √N",
            partial(lead_changes, lambda found: found.youden, "J"),
        ),
        figure=FIGURE,
        test=LAW_TEST,
    ),
    *claim(
        "R10-youden",
        "From mirror verifiers, (.1, .01) and (.99, .9), of one J and odds ratio, RLVR learns as much: N = 400, p = .3",
        partial(equal_youden, reinforced, "RLVR in groups of 8, best step"),
        control=(
            "… also a loop that refits to accepted outputs",
            partial(equal_youden, refitted, "refitting in rounds of the best size"),
        ),
        figure=FIGURE,
        test=LAW_TEST,
    ),
    *claim(
        "R10-law",
        "At its best step RLVR leaves the two terms of its law wrong, groups of 2 and 4, N = 10⁶, p = .3",
        partial(follows_law, 1_000_000),
        control=("… also after 100 verdicts", partial(follows_law, 100)),
        test=LAW_TEST,
    ),
    *claim(
        "R10-agreeing",
        "RLVR in pairs, paid for only where their answers differ, leaves at most 1/p times the limit: two answers",
        partial(near_the_limit, paid_if_they_differ),
        control=("… also where pairs that agree are paid for", partial(near_the_limit, all_paid)),
        kind="proof",
        test="tests/theory/test_reinforce.py::test_differing_pairs_are_a_bayesian",
    ),
    *claim(
        "R10-sigma",
        "GRPO's σ changes what is left wrong by a fifth at most, each at its best step: G = 8, p = .3, N = 200",
        partial(divided, True),
        control=("… also if both have the step that is best without it", partial(divided, False)),
        test=LAW_TEST,
    ),
)
STATEMENTS = (
    Statement(
        "R10",
        title="From 30 % correct, refit where ln LR > 12/√N, else use RLVR: LR decides who leads, not Youden's J",
        formula=(
            r"1 - z_{\text{RLVR}} \approx \min_\eta \Bigl[x_\eta + \bigl(\tfrac{1-p}{p}\, x_\eta\bigr)^{y/\eta}\Bigr], "
            r"\ x_\eta = \frac{1}{N \eta m}; \qquad "
            r"1 - z_{\text{refit}} = e^{-\sqrt{\ln(\varphi/\psi)\, \varphi\, V(p)\, N}\,(1 + o(1))}; \qquad "
            r"1 - z_{\text{limit}} = \bigl(\sqrt{\varphi\psi} + \sqrt{(1-\varphi)(1-\psi)}\bigr)^{N(1 + o(1))}"
        ),
        words=(
            "No more than N verdicts may be spent on one prompt. A policy gradient with steps η moves the log odds by "
            "η times the covariance of verdict and correctness, J z(1−z) on average: the more accurate the policy, the "
            "fewer groups have answers that differ. So it leaves 1/(N m y) wrong to leading order, m y = J ln OR = "
            "D(φ‖ψ) + D(ψ‖φ) in groups of 2, OR = φ(1−ψ)/(ψ(1−φ)), and 1.6 to 2 times that at thousands of verdicts. "
            "Refitting to n accepted outputs selects by ln LR and leaves e^{−c√N}: it is behind at first, and ahead "
            "where ln LR √N passes 12, about, at p = .3: LR 3.3 at 100 verdicts, 2.3 at 200, 1.8 at 400. So from two "
            "mirror verifiers, (φ, ψ) and (1−ψ, 1−φ), of one J and one odds ratio, RLVR learns as much, and refitting "
            "nearly nothing from the lenient one; one J alone does not fix what RLVR leaves. GRPO's division by σ is "
            "hardly more than another step. To compare two known answers leaves far less than either."
        ),
        conditions=(
            "Errors are independent for each verdict, also on the same answer again; the prompt has one correct answer "
            "and one wrong one; each method has its best constant step or round size, which takes knowledge of the "
            "verifier; a table, no KL penalty, no clipping. The number 12 is of p = .3, N = 100 … 400, tpr ≥ .2 and "
            "groups of 8: about 10 in groups of 4, 11 … 17 in groups of 16 at tpr ≥ .7, and in groups of 2 it grows "
            "with the tpr, from 5 to 10. From p = .1 … .6 it is 5 p^−.7, to a quarter, at tpr ≥ .7 and N = 200 … 400; "
            "from p = .1 RLVR leads at N = 100 up to LR 150, and from p = .8 refitting at any LR tried. It is "
            "measured, not derived: the law of refitting is of N ≫ 1000. The limit knows which two answers there are, "
            "and that φ > ψ. Whoever need not pay for groups whose answers agree, which move nothing, does far better "
            "with RLVR than all this, if there are two answers (R10-agreeing)."
        ),
        practice=(
            "If you pay for every verdict, N = 100 to 400 on a prompt of accuracy about .3, refit to accepted outputs "
            "(RFT, STaR) if ln(tpr/fpr) > 12/√N (3.3 to 1 at 100 verdicts, 1.8 to 1 at 400), and use RLVR in groups of "
            "8 otherwise."
        ),
        source=(
            "Rad et al. (2026), arXiv:2601.04411 (J alone decides the mean field of RLVR); Mei et al. (2023), ICML "
            "(1/t at a constant step); Wu et al. (2025), arXiv:2510.00977 (GRPO in pairs); Davis & Recht (2025), "
            "arXiv:2510.13651 (which objective each method climbs); Bertoin & Yor (2002), Potential Analysis 17"
        ),
        test=LAW_TEST,
        decided_by="R10-ratio",
        fails_where="Where J takes the place of the likelihood ratio: the J at which the lead changes varies fivefold.",
    ),
)
