"""Claims about the drift barrier: L3, R1 and R6."""

import math
from collections.abc import Callable
from functools import partial

import jax.numpy as jnp
import numpy as np

from experiments.drift_barrier import study
from experiments.drift_barrier.study import BLIND_START, ERRS, FPRS, NEVER_REJECTS, SHARE, START, TPR
from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import Estimate, budget, drift

SMALL_SELECTION, PUBLISHED_ERROR = 0.12, 0.007
LARGE, SIZES = (400, 800), (100, 200, 400)  # samples, for the limit
LIMITS, FEWEST_NEEDED = (0.21, 0.25, 0.6, 0.95), 0.22  # real shares; below that there is no break-even at n = 100
FAIR, POOR = 1, 2  # of FPRS
BEST, MANY, ON_THE_WAY = 5, 40, 12  # samples: the best number with a blind spot and tpr .9, many, and one in between
EARLY = 5  # generations


def kimura(largest: float, settings: Settings) -> Found:
    """The largest error of Kimura's approximation, up to a strength of selection."""
    errors = study.kimura_errors()
    weak = errors.selection <= largest
    setting = f"rejection sampling, n = 5 … 100, p = .01 … .9, s ≤ {largest:g}; worst at "
    where = [setting + place for place, of in zip(errors.where, weak, strict=True) if of]
    return at_most(errors.largest[weak], PUBLISHED_ERROR, where, "probability")


def branching(settings: Settings) -> Found:
    """One correct sample among many survives like the root of a Poisson branching process."""
    n, ratio = 400, 0.5
    kernel = drift.selection_kernel(n, jnp.array([1.0, ratio]))
    found = 1 - np.asarray(drift.fixation_probabilities(kernel)[1]) @ (np.asarray(drift.lattice(n, 2))[:, 0] / n)
    lost = 0.5
    for _ in range(200):
        lost = math.exp(-(1 - lost) / ratio)
    setting = (
        f"rejection sampling, n = {n}, one correct sample, LR {1 / ratio:g}; tolerance 1/n: the process is unbounded"
    )
    return equal(found, lost, setting, "probability", tolerance=1 / n)


def equal_exponents(ratio: Callable[[float], float], settings: Settings) -> Found:
    """At the limit of break-even what is missing in the end falls with n as fast as what is missing at the start."""
    few, many = LARGE
    slopes = []
    for p in LIMITS:
        wrong = budget.fixation([few, many], (1.0, ratio(p)), p, num_real=[few, many]).wrong
        slopes.append(-np.diff(np.log(np.asarray(wrong)))[0] / (many - few))
    where = [
        f"rejection sampling, Z_0 fitted to n real samples, p = {p:g}, LR {1 / ratio(p):.4f}: −Δ ln P(ends wrong)/Δn, "
        f"n = {few} and {many}, against −½ ln 4p(1−p); tolerance 1e-4: finite n"
        for p in LIMITS
    ]
    predicted = [-math.log(4 * p * (1 - p)) / 2 for p in LIMITS]
    return equal(slopes, predicted, where, "nats per sample", tolerance=1e-4)


def weak_selection_limit(p: float) -> float:
    """ψ/φ at which Kimura's exponent equals Chernoff's."""
    return math.sqrt((2 * math.sqrt(p * (1 - p)) - (1 - p)) / p)


def tends(limit: Callable[[float], float], settings: Settings) -> Found:
    """The break-even ratio against its limit, extrapolated from three n so that terms in 1/n and ln n/n cancel."""
    terms = np.stack([np.ones(3), 1 / np.array(SIZES), np.log(SIZES) / np.array(SIZES)])
    weights = np.linalg.solve(terms, [1, 0, 0])
    starts = [p for p in LIMITS if p > FEWEST_NEEDED]
    found = np.asarray(budget.break_even(np.array(SIZES), np.array(starts)[:, None])) @ weights
    setting = "rejection sampling, fpr/tpr = 1/LR extrapolated from n = 100, 200, 400; tolerance .003: order (ln n)²/n²"
    where = [f"{setting}; p = {p:g}" for p in starts]
    return equal(found, [limit(p) for p in starts], where, "fpr/tpr", tolerance=0.003)


def ends_correct_below(n: int, settings: Settings) -> Found:
    """How often a loop ends correct whose verifier is below break-even."""
    ratio = 0.98
    setting = f"rejection sampling, p = {SHARE:g}, n = {n}: break-even {float(budget.break_even(n, SHARE)):.3f}"
    found = budget.success(n, (1.0, ratio), SHARE, num_real=n)
    return at_least(found, 0.99, f"{setting}, verifier (1, {ratio:g})", "probability")


def best_size(tpr: float, settings: Settings) -> Found:
    """A few samples against many: how often the loop ends correct."""
    few, many = (study.blind_ends(n, tpr)[0] for n in (BEST, MANY))
    setting = f"{_blind(tpr)}; ends correct: n = {BEST} against n = {MANY}"
    return at_least(few, many, setting, "probability")


def always_accepted(tpr: float, settings: Settings) -> Found:
    """How often the loop ends correct, at many samples, against its share among what is always accepted."""
    correct, _, blind = BLIND_START
    setting = f"{_blind(tpr)}; n = {MANY}; tolerance .001: the wrong ones that win by chance"
    found = study.blind_ends(MANY, tpr)[0]
    return equal(found, correct / (correct + blind), setting, "probability", tolerance=1e-3)


def takes_over(tpr: float, settings: Settings) -> Found:
    """The probability to end in the blind spot against that to end correct."""
    correct, _, blind = study.blind_ends(MANY, tpr)
    return at_least(
        blind, correct, f"{_blind(tpr)}; n = {MANY}: ends in the blind spot against ends correct", "probability"
    )


def peak(tpr: float, settings: Settings) -> Found:
    """The accuracy early against that in the end."""
    accuracy = study.blind_path(ON_THE_WAY, tpr)[:, 0]
    setting = f"{_blind(tpr)}; n = {ON_THE_WAY}: t = {EARLY} against t = {study.BLIND_GENERATIONS}"
    return at_least(accuracy[EARLY], accuracy[-1], setting, "accuracy")


def _blind(tpr: float) -> str:
    start, rates = (", ".join(f"{x:g}" for x in values) for values in (BLIND_START, study.blind_acceptance(tpr)))
    return f"rejection sampling; correct, wrong, blind spot: start {start}, acceptance rates {rates}"


def mixture(settings: Settings) -> Found:
    """A mixture without overlap against the exact chain of its weights, at every size."""
    ends = study.mixture(settings)
    where = [_setting(FPRS[POOR], n, ends.simulated.count) for n in ends.sizes]
    return equal(_at(ends, POOR, slice(None)), study.exact(ends.sizes)[POOR], where, "accuracy")


def markov_chain(settings: Settings) -> Found:
    """The barrier in a Markov chain: one verifier with many samples and with few."""
    ends = study.markov_chain(settings)
    many, few = (_at(ends, FAIR, place) for place in (-1, 0))
    setting = f"{_setting(FPRS[FAIR], ends.sizes[-1], many.count)}, against n = {ends.sizes[0]}"
    return at_least(many, few, setting, "accuracy")


def barrier(place: int, settings: Settings) -> Found:
    """The accuracy of the mixture's loop against nearly certain success, with many samples or few."""
    ends = study.mixture(settings)
    n, found = ends.sizes[place], _at(ends, FAIR, place)
    setting = f"{_setting(FPRS[FAIR], n, found.count)}, n s p = {n * math.log(TPR / FPRS[FAIR]) * START:.2f}"
    return at_least(found, 0.95, setting, "accuracy")


def _at(ends: study.FinalAccuracy, verifier: int, place: int | slice) -> Estimate:
    mean, stderr, count = ends.simulated
    return Estimate(mean[verifier, place], stderr[verifier, place], count)


def _setting(fpr: float, n: int, count: int) -> str:
    loop = f"rejection sampling, p = {START:g}, verifier ({TPR:g}, {fpr:g}), n = {n}"
    return f"{loop}, t = {study.NUM_GENERATIONS}, {count} replicas"


DIAGRAM, BREAK_EVEN, BLIND, MODELS = (
    f"drift-barrier-{name}" for name in ("diagram", "break-even", "blind-spot", "models")
)
OUTCOMES = "tests/theory/test_outcomes.py::"

CLAIMS = (
    *claim(
        "L3-kimura",
        "Kimura's P(ends correct) is off by at most .007 for n ≤ 100 and weak selection, s = ln LR ≤ .12",
        partial(kimura, SMALL_SELECTION),
        control=("… also if it is strong, s ≤ 1.2", partial(kimura, 1.2)),
        figure=DIAGRAM,
        test=OUTCOMES + "test_kimura_is_near_and_its_twin",
    ),
    *claim(
        "L3-branching",
        "One correct sample among many is lost with the probability of a branching process, 1−u = e^{−(φ/ψ)u}",
        branching,
    ),
    *claim(
        "instrument-mixture-drift",
        "The weights of a mixture without overlap drift like the categorical chain",
        mixture,
        figure=MODELS,
    ),
    *claim(
        "L3-markov-chain",
        "A Markov chain has the same barrier: with more samples the same verifier overcomes drift",
        markov_chain,
        figure=MODELS,
    ),
    *claim(
        "L3-barrier",
        "A verifier of LR 1.25 brings a mixture above the accuracy .95 with many samples, n s p = 5.4",
        partial(barrier, -1),
        control=("… also with few, n s p < 1", partial(barrier, 0)),
        figure=MODELS,
    ),
    *claim(
        "L3-blind-spot",
        "If a verifier rejects some correct outputs but none of a blind spot, this takes over with many samples",
        partial(takes_over, ERRS),
        control=("… also if it rejects no correct output", partial(takes_over, NEVER_REJECTS)),
        figure=BLIND,
    ),
    *claim(
        "R1-law",
        "At the limit of break-even, V₀(p) = −½ ln 4p(1−p), a loop loses with n as fast as its real data, p > 1/5",
        partial(equal_exponents, lambda p: float(budget.break_even_limit(p))),
        control=(
            "… also at that of weak selection, 1/LR² = (2√(p(1−p)) − (1−p))/p",
            partial(equal_exponents, weak_selection_limit),
        ),
        figure=BREAK_EVEN,
        test=OUTCOMES + "test_break_even_limit",
    ),
    *claim(
        "R1-tends",
        "The break-even ratio of finite n tends to that limit",
        partial(tends, lambda p: float(budget.break_even_limit(p))),
        control=("… to that of weak selection", partial(tends, weak_selection_limit)),
        figure=BREAK_EVEN,
    ),
    *claim(
        "R1-readability",
        "A loop below break-even, which loses information, may end correct in over 99 % of its runs: n = 400",
        partial(ends_correct_below, 400),
        control=("… also with fewer samples, n = 50", partial(ends_correct_below, 50)),
    ),
    *claim(
        "R6-best-size",
        "With a blind spot and a verifier that rejects some correct outputs, 40 samples end correct less often than 5",
        partial(best_size, ERRS),
        control=("… also with one that rejects no correct output", partial(best_size, NEVER_REJECTS)),
        figure=BLIND,
    ),
    *claim(
        "R6-peak",
        "With a blind spot and a verifier that rejects some correct outputs, the accuracy rises and then falls",
        partial(peak, ERRS),
        control=("… also with one that rejects no correct output", partial(peak, NEVER_REJECTS)),
        figure=BLIND,
    ),
    *claim(
        "R6-never-rejects",
        "With a blind spot b and a verifier that rejects no correct output, many samples end correct with p/(p + b)",
        partial(always_accepted, NEVER_REJECTS),
        control=("… also with one that rejects some", partial(always_accepted, ERRS)),
    ),
)
STATEMENTS = (
    Statement(
        "L3",
        title="How good a verifier must be: n · ln(tpr/fpr) · p > 1 overcomes drift",
        formula=r"n\, s\, p > 1, \quad s = \ln\frac{\varphi}{\psi}; \qquad u = \frac{1 - e^{-2nsp}}{1 - e^{-2ns}}",
        words=(
            "Each round accepts n samples by a verifier with likelihood ratio LR = tpr/fpr = φ/ψ; a share p of the "
            "outputs is correct initially. Retraining drifts by chance and the verifier selects, as in population "
            "genetics: correct outputs overcome drift if n s p > 1, s = ln LR. The loop ends with correct outputs only "
            "(ends correct) with a probability that Kimura's u approximates for small s."
        ),
        conditions=(
            "Rejection sampling until n are accepted, errors independent for each verdict. Kimura's u is within .007 "
            "for s ≤ .12 and n ≤ 100. Whether a verifier that errs is good enough depends on LR, n and p together."
        ),
        practice=(
            "A weak verifier with many samples per round ends correct as often as a strong one with few; how much the "
            "model then knows is another question (R1). If the verifier rejects some correct outputs, its blind spot "
            "takes over with many samples: audit what it never rejects, and which correct outputs it rejects."
        ),
        source="Kimura (1962), On the probability of fixation of mutant genes in a population",
        decided_by="L3-barrier",
        fails_where="Where drift is stronger than selection: n s p < 1, with few samples.",
    ),
    Statement(
        "R1",
        title="The break-even likelihood ratio: where a loop ends as readable as it began",
        formula=(
            r"V_0(p) = -\tfrac12 \ln 4p(1-p) \quad (n \to \infty,\; p > \tfrac15), \qquad "
            r"V(z) = \min_y \bigl[D(y \Vert f(z)) + V(y)\bigr],\; V(0) = 0,\; "
            r"f(z) = \frac{z\varphi}{z\varphi + (1-z)\psi}"
        ),
        words=(
            "For n samples per round and a share p of correct real data there is one likelihood ratio LR = φ/ψ, for "
            "p > 1/5 and n large enough, at which I(X;Z_∞) = I(X;Z_0): above it a loop ends with more information "
            "about which answer is correct than its real data carried, below it with less. As n grows it tends to the "
            "LR at which the chance to end wrong, e^{−nV₀}, falls as fast as what the real data leave open."
        ),
        conditions=(
            "Two symbols equally likely to be correct, rejection sampling, errors independent for each verdict, Z_0 "
            "fitted to n real samples. I(X;Z) is how well the task can be read off the model by somebody who knows p, "
            "not how good its outputs are: at n = 400, p = .6, LR 1/.98 information is lost and 99.99 % of the loops "
            "end correct. For p ≤ 1/5 even a perfect verifier loses information once n is large."
        ),
        practice=(
            "Judge a loop by its accuracy. Break-even tells only whether the retrained model still shows what the real "
            "data showed; keep the real data, and nothing of it is lost."
        ),
        source="infoloop; Chernoff (1952) for the real data, Freidlin & Wentzell (2012) for the loop",
        decided_by="R1-law",
        fails_where="Where selection is weak, LR near 1, and Kimura's exponent is taken for the exact one.",
    ),
    Statement(
        "R6",
        title="With a blind spot, and tpr < 1, the best number of samples is finite",
        formula=(
            r"\varphi < 1:\; \mathrm{argmax}_n\, P(\text{ends correct}) < \infty; \qquad "
            r"\varphi = 1:\; P \to \frac{p}{p+b}"
        ),
        words=(
            "If the verifier rejects some correct outputs and none of its blind spot, wrong outputs that it always "
            "accepts, then with many samples the blind spot wins in the end, however rare it was initially; with few "
            "samples, chance may favour correct outputs. The accuracy rises to a peak and then falls (reward hacking)."
        ),
        conditions=(
            "Rejection sampling with tpr φ < 1, and a blind spot that is accepted more often than what is correct. "
            "There “more verified data is better” is false. With φ = 1 (tests that every correct program passes) it "
            "is true: P(ends correct) rises with n to p/(p + b), the share of correct outputs among what is always "
            "accepted, p and b the shares of both at the start."
        ),
        practice=(
            "First see that the verifier rejects nothing correct. If it does, stop when outputs are best by a measure "
            "independent of it, after a few rounds: more samples and more rounds favour the blind spot."
        ),
        source="infoloop; Ewens (2004), Mathematical Population Genetics, for the drift of a few",
        decided_by="R6-best-size",
        fails_where="Where the verifier rejects no correct output, φ = 1.",
    ),
)
