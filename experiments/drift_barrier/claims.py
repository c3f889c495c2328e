"""What is claimed of the drift barrier: L3, R1 and R6."""

import math
from functools import partial

import jax.numpy as jnp
import numpy as np

from experiments.drift_barrier import study
from experiments.drift_barrier.study import BLIND_ACCEPTANCE, BLIND_SIZES, BLIND_START, FPRS, SHARE, START, TPR
from experiments.harness.claim import Found, at_least, at_most, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import Estimate, budget, drift

SMALL_SELECTION, PUBLISHED_ERROR = 0.12, 0.007
LARGE = 400  # samples, for the asymptotic law
GOOD, FAIR, POOR = range(len(FPRS))
BLIND_SETTING = (
    f"until kept, right, wrong, blind spot: start {', '.join(f'{p:g}' for p in BLIND_START)}, "
    f"kept with {', '.join(f'{a:g}' for a in BLIND_ACCEPTANCE)}"
)


def kimura(largest: float, settings: Settings) -> Found:
    """The largest error of Kimura's form, up to a strength of selection."""
    errors = study.kimura_errors()
    weak = errors.selection <= largest
    setting = f"until kept, n = 5 … 100, p = .01 … .9, s ≤ {largest:g}; worst at "
    where = [setting + place for place, of in zip(errors.where, weak, strict=True) if of]
    return at_most(errors.largest[weak], PUBLISHED_ERROR, where, "probability")


def branching(settings: Settings) -> Found:
    """One right sample in many: it survives like the root of a Poisson branching process."""
    n, ratio = 400, 0.5
    kernel = drift.selection_kernel(n, jnp.array([1.0, ratio]))
    found = 1 - np.asarray(drift.fixation_probabilities(kernel)[1]) @ (np.asarray(drift.lattice(n, 2))[:, 0] / n)
    lost = 0.5
    for _ in range(200):
        lost = math.exp(-(1 - lost) / ratio)
    setting = f"until kept, n = {n}, one right sample, ψ/φ = {ratio:g}; tolerance 1/n: the process has no ceiling"
    return equal(found, lost, setting, "probability", tolerance=1 / n)


def break_even(predicted: float, name: str, settings: Settings) -> Found:
    """The break-even accuracy at large n against a limit."""
    setting = f"until kept, n = {LARGE}, p = {SHARE:g}; {name}; tolerance .01, a correction of order (ln n)/n"
    return equal(budget.break_even(LARGE, SHARE), predicted, setting, "ψ/φ", tolerance=0.01)


def probs(settings: Settings) -> Found:
    """Against the limit in which both exponents are equal."""
    return break_even(float(budget.break_even_limit(SHARE)), "the limit of equal exponents, asymptotic", settings)


def best_size(settings: Settings) -> Found:
    """The best number of samples against the largest one."""
    correct = study.blind_ends()[:, 0]
    best, most = BLIND_SIZES[correct.argmax()], BLIND_SIZES[-1]
    setting = f"{BLIND_SETTING}; ends right: n = {best} against n = {most}"
    return at_least(correct.max(), correct[-1], setting, "probability")


def takes_over(settings: Settings) -> Found:
    """Where the mass ends."""
    correct, _, blind = study.blind_ends()[-1]
    setting = f"{BLIND_SETTING}; n = {BLIND_SIZES[-1]}: blind against right at the end"
    return at_least(blind, correct, setting, "probability")


def peak(settings: Settings) -> Found:
    """The share of right outputs on the way, against that at the end."""
    n = 12
    path = study.blind_path(n)[:, 0]
    setting = f"{BLIND_SETTING}; n = {n}: the top, at t = {path.argmax()}, against t = {study.BLIND_GENERATIONS}"
    return at_least(path.max(), path[-1], setting, "share right")


def mixture(settings: Settings) -> Found:
    """A mixture whose components do not overlap against the chain of their weights, at every size."""
    ends = study.mixture(settings)
    where = [_setting(FPRS[FAIR], n, ends.simulated.count) for n in ends.sizes]
    return equal(_at(ends, FAIR, slice(None)), study.exact(ends.sizes)[FAIR], where, "share right")


def markov_chain(settings: Settings) -> Found:
    """The barrier in a Markov chain: the same verifier with many samples and with few."""
    ends = study.markov_chain(settings)
    many, few = (_at(ends, FAIR, place) for place in (-1, 0))
    setting = f"{_setting(FPRS[FAIR], ends.sizes[-1], many.count)}, against n = {ends.sizes[0]}"
    return at_least(many, few, setting, "share right")


def barrier(verifier: int, settings: Settings) -> Found:
    """The share right in the mixture's loop, against nearly certain success."""
    ends = study.mixture(settings)
    found = _at(ends, verifier, -1)
    return at_least(found, 0.95, _setting(FPRS[verifier], ends.sizes[-1], found.count), "share right")


def _at(ends: study.Ends, verifier: int, place: int | slice) -> Estimate:
    mean, stderr, count = ends.simulated
    return Estimate(mean[verifier, place], stderr[verifier, place], count)


def _setting(fpr: float, n: int, count: int) -> str:
    rates = f"φ = {TPR:g}, ψ = {fpr:g}"
    return f"until kept, p = {START:g}, {rates}, n = {n}, t = {study.NUM_GENERATIONS}, {count} replicas"


DIAGRAM, BREAK_EVEN, BLIND, MODELS = (
    f"drift-barrier-{name}" for name in ("diagram", "break-even", "blind-spot", "models")
)
OUTCOMES = "tests/theory/test_outcomes.py::"

CLAIMS = (
    *claim(
        "L3-kimura",
        "Kimura's form of the probability to end right is off by at most .007 where selection is weak, s ≤ .12",
        partial(kimura, SMALL_SELECTION),
        control=("… also where it is strong, s ≤ 1.2", partial(kimura, 1.2)),
        figure=DIAGRAM,
        test=OUTCOMES + "test_kimura_is_near_and_its_twin",
    ),
    *claim(
        "L3-branching",
        "One right sample among many is lost with the probability of a branching process, 1−u = e^{−(φ/ψ)u}",
        branching,
    ),
    *claim(
        "instrument-mixture-drift",
        "The weights of a mixture whose components do not overlap drift as the categorical chain does",
        mixture,
        figure=MODELS,
    ),
    *claim(
        "L3-markov-chain",
        "A Markov chain meets the same barrier: more samples bring the same verifier past drift",
        markov_chain,
        figure=MODELS,
    ),
    *claim(
        "L3-barrier",
        "A verifier well past the barrier brings the share of right outputs of a mixture above .95",
        partial(barrier, GOOD),
        control=("… so does one that is just better than chance", partial(barrier, POOR)),
        figure=MODELS,
    ),
    *claim(
        "L3-blind-spot",
        "With many samples what a verifier always keeps takes over in the end, however rare it was",
        takes_over,
        figure=BLIND,
    ),
    *claim(
        "R1-law",
        "The break-even accuracy tends to (ψ/φ)² = (2√(p(1−p)) − (1−p))/p as n grows",
        probs,
        control=(
            "… to that of the drift barrier, n·s·p = 1",
            partial(break_even, math.exp(-1 / (LARGE * SHARE)), "n·s·p = 1"),
        ),
        figure=BREAK_EVEN,
        test=OUTCOMES + "test_break_even_limit",
    ),
    *claim(
        "R6-best-size",
        "With a blind spot the best number of samples is finite: many end right less often than few",
        best_size,
        figure=BLIND,
    ),
    *claim(
        "R6-peak",
        "With a blind spot the share of right outputs rises to a top and then falls",
        peak,
        figure=BLIND,
    ),
)
STATEMENTS = (
    Statement(
        "L3",
        title="How good a verifier must be: accuracy times samples beats drift",
        formula=r"n\, s\, p > 1, \quad s = \ln\frac{\varphi}{\psi}; \qquad u = \frac{1 - e^{-2nsp}}{1 - e^{-2ns}}",
        words=(
            "n samples are kept in a round, a share p is right at first. Retraining drifts by chance and the verifier "
            "selects, as in population genetics: what is right gets past drift where n s p is above 1, and ends alone "
            "with a probability that Kimura's u approximates where s is small."
        ),
        conditions=(
            "The paper takes the signal as given. Real verifiers err, and whether one is good enough is not a property "
            "of the verifier alone but of φ/ψ, n and p together."
        ),
        practice=(
            "A weak verifier with many samples a round ends right as often as a strong one with few; what the model "
            "then knows is another question (R1). What it always keeps, its blind spot, takes over where samples are "
            "many: audit what is never rejected."
        ),
        source="Kimura (1962), On the probability of fixation of mutant genes in a population",
    ),
    Statement(
        "R1",
        title="The break-even accuracy: a loop ends with what it began with",
        formula=(
            r"\left(\frac{\psi}{\varphi}\right)^{2} \to \frac{2\sqrt{p(1-p)} - (1-p)}{p} \qquad (n \to \infty,\; p > "
            r"\tfrac{1}{5})"
        ),
        words=(
            "For n samples a round and a share p of right ones in the real data, above a fifth where n is large, there "
            "is one ratio ψ/φ at which the loop neither gains nor loses, I(X;Z_∞) = I(X;Z_0). Below it the loop gains. "
            "Where what is right is rarer even a perfect verifier ends with less information than the real data gave."
        ),
        conditions=(
            "This and the drift barrier are two questions: to get past drift is not yet to know more than the real "
            "data did. The law is a limit; its error at finite n is in the ledger."
        ),
        practice=(
            "Read ψ/φ off a labelled sample of your verifier's verdicts. Above the curve retraining forgets faster "
            "than the verifier teaches: mix in real data, or stop."
        ),
        source="infoloop; Chernoff (1952) for the exponent of the real data, Kimura (1962) for that of the loop",
    ),
    Statement(
        "R6",
        title="With a blind spot the best number of samples is finite",
        formula=r"\mathrm{argmax}_n\, P(\text{ends right}) < \infty",
        words=(
            "With many samples what the verifier always keeps wins in the end, however rare it was at first; with few, "
            "chance may spare what is right. The share of right outputs rises to a top and then falls."
        ),
        conditions="“More verified data is better” is false as soon as the verifier has a blind spot.",
        practice=(
            "Stop when outputs are best by a measure from outside, after a few rounds; more samples and more rounds "
            "serve the blind spot."
        ),
        source="infoloop; Ewens (2004), Mathematical Population Genetics, for the drift of a few",
    ),
)
