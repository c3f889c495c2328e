"""Claims about candidate answers: R3, what they cost, and L1, how near a learner comes to its lower bound."""

from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.candidates import capacity, study
from experiments.candidates.study import SEARCHED, Search
from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory import Estimate, budget

CANDIDATES = "verifier (.9, .3), uniform start, error ≤ .05"


def spends(learner: str | Callable[[Settings], Search], most: float | None, settings: Settings) -> Found:
    """L1: the verdicts of a learner against the lower bound I(X;Z)/C, or at most so many times that."""
    used, learned, _ = study.search_of(settings, learner) if isinstance(learner, str) else learner(settings)
    needed = learned / float(budget.verifier_capacity(study.SYMMETRIC))
    setting = f"one of 64 candidates, verifier (.8, .2), posterior ≥ .95, {used.size} replicas; no loop"
    if most is None:
        return at_least(*paired(used, needed), setting, "verdicts")
    return at_most(*paired(used, most * needed), f"{setting}; {most:g} times the bound", "verdicts")


def shared_coins(settings: Settings) -> Search:
    """A learner whose verdicts come in pairs that are flipped by one coin: one is spent on what is known to be wrong.

    It reveals the coin, so that the other is without error: two verdicts for one of a verifier (1, 0).
    """
    found = study.search_of(settings, "sets", (1.0, 0.0))
    return found._replace(verdicts=2 * found.verdicts)


def seldom_a_bottleneck(known: bool, settings: Settings) -> Found:
    """L1: which share of the nats that its verdicts can carry a loop keeps, with real data or without."""
    kinds = (capacity.fitted_start(), capacity.candidates(settings)) if known else (capacity.even_start(),)
    shares = np.concatenate([loops.share for loops in kinds])
    kind = "Z_0 fitted to n real samples, p = .6, or c candidates" if known else "two symbols, even start"
    setting = f"rejection sampling, {kind}: {shares.size} loops, median {np.median(shares):.2g}; the largest"
    return at_most(shares.max(), 0.25, setting, "share of the capacity paid for")


def one_each(kinds: tuple[str, ...], settings: Settings) -> Found:
    """R3: the verdicts of Bayesian learners against the lower bound for verdicts on one candidate each."""
    needed = [float(budget.candidate_verdicts(c, study.CANDIDATES, study.ERROR)) for c in SEARCHED.tolist()]
    found = [study.learner(settings, kind) for kind in kinds]
    used = found[0]._replace(mean=np.stack([each.mean for each in found]), stderr=np.stack([e.stderr for e in found]))
    where = [[f"{CANDIDATES}, c = {c}, {kind} queries; no loop" for c in SEARCHED] for kind in kinds]
    return at_least(used, np.array([needed] * len(kinds)), where, "verdicts")


def c_log_c(stops: str, settings: Settings) -> Found:
    """R3: verdicts over c ln c, from one number of candidates to twice as many."""
    loops = study.loops(settings)
    c, used = loops.candidates[1:], getattr(loops, stops)[1:]
    ratio = used / (c * np.log(c))
    where = [f"{CANDIDATES}, {stops.replace('_', ' ')}: {2 * n} candidates against {n}" for n in c[:-1]]
    return at_most(ratio[1:], ratio[:-1], where, "verdicts/(c ln c)")


def neutral_drift(stops: str, settings: Settings) -> Found:
    """R3: the verdicts at the most candidates against the law of the loop that runs until one is left."""
    loops = study.loops(settings)
    law = np.array([study.one_left_law(c) for c in loops.candidates.tolist()])
    used, c = getattr(loops, stops), loops.candidates[-1]
    ratios = _listed(np.round(used / law, 3))
    setting = f"{CANDIDATES}, {stops.replace('_', ' ')}, c = {c}; over the law {ratios} for c = 2 … {c}; 5 %: large c"
    return equal(used[-1], law[-1], setting, "verdicts", tolerance=0.05 * law[-1])


def oracle_constant(lost: float, settings: Settings) -> Found:
    """R3: the slope of verdicts per candidate in ln c against the constant, with or without what a lost loop saves."""
    c, slope = study.oracle_slope(settings)
    setting = f"{CANDIDATES}, stopped by an oracle, from {c} to {2 * c} candidates; tolerance 2.5 %: large c"
    predicted = study.oracle_constant() / (1 - lost)
    return equal(slope, predicted, setting, "verdicts/(c ln c)", tolerance=0.025 * predicted)


def better_learners(settings: Settings) -> Found:
    """R3: a Bayesian against the loop, and one that queries the likeliest candidate against one that queries any."""
    fewer, links = SEARCHED >= 4, ("loop against uniform queries", "uniform queries against the likeliest")
    uniform, chosen = (study.learner(settings, kind) for kind in ("uniform", "probable"))
    alone = study.loops(settings).rounds[: SEARCHED.size]
    loop = uniform._replace(mean=alone, stderr=np.zeros(alone.shape))
    where = [f"{CANDIDATES}, or a posterior ≥ .95, c = {c}: {link}" for link in links for c in SEARCHED[fewer]]
    return at_least(_stacked(loop, uniform, fewer), _stacked(uniform, chosen, fewer), where, "verdicts")


def forgetful_learner(settings: Settings) -> Found:
    """R3: a Bayesian that uses rejections against one that ignores them."""
    uniform, forgets = (study.learner(settings, kind) for kind in ("uniform", "ignoring"))
    where = [f"verifier (.9, .3), posterior ≥ .95, c = {c}, uniform queries; no loop" for c in SEARCHED]
    return at_least(uniform, forgets, where, "verdicts")


def _stacked(first: Estimate, second: Estimate, which: np.ndarray) -> Estimate:
    mean, stderr = (np.concatenate([a[which], b[which]]) for a, b in zip(first[:2], second[:2], strict=True))
    return first._replace(mean=mean, stderr=stderr)


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in values)


FIGURE = "budget-blocks"

CLAIMS = (
    *claim(
        "L1-bound",
        "A learner that queries sets of candidates needs at least I(X;Z)/C verdicts, if each has noise of its own",
        partial(spends, "sets", None),
        control=("… also if one coin flips two of them", partial(spends, shared_coins, None)),
        test="tests/theory/test_budget.py::test_shared_noise_twin",
    ),
    *claim(
        "L1-spends",
        "… and at most 1.15 times that: the bound is nearly reached",
        partial(spends, "sets", 1.15),
        control=(
            "… also if each verdict concerns one candidate",
            partial(spends, "probable", 1.15),
        ),
    ),
    *claim(
        "L1-bottleneck",
        "Capacity is a ceiling, seldom the bottleneck: loops from real data, or on many candidates, keep under ¼",
        partial(seldom_a_bottleneck, True),
        control=("… also one that starts with no information about two symbols", partial(seldom_a_bottleneck, False)),
        figure="budget-capacity",
    ),
    *claim(
        "R3-one-each",
        "Whoever queries one of c candidates at a time needs at least c/D(ψ‖φ) · ∫ d(1/c‖s) ds verdicts, about .77 c",
        partial(one_each, ("uniform", "own", "probable")),
        control=("… also whoever queries sets of candidates", partial(one_each, ("sets",))),
        figure=FIGURE,
        test="tests/theory/test_candidates.py::test_no_policy_needs_fewer_verdicts",
    ),
    *claim(
        "R3-rounds",
        "A loop of T rounds, answered by a majority of the last, costs about c ln c: no more, as c doubles",
        partial(c_log_c, "rounds"),
        control=("… also until one candidate is left", partial(c_log_c, "one_left")),
        figure=FIGURE,
    ),
    *claim(
        "R3-one-left",
        "Until one candidate is left a loop pays 2δκ²c²/ψ besides: the correct one lost, wrong ones drift neutrally",
        partial(neutral_drift, "one_left"),
        control=(
            "… also if an oracle stops it once no wrong candidate is left, or no correct one",
            partial(neutral_drift, "oracle"),
        ),
        figure=FIGURE,
    ),
    *claim(
        "R3-oracle",
        "Stopped by that oracle a loop costs (1−δ) κ (1/ψ + 1/φ)/ln(φ/ψ) · c ln c for many candidates",
        partial(oracle_constant, 0.0),
        control=(
            "… without 1 − δ, as if a loop that loses the correct candidate paid for all",
            partial(oracle_constant, study.ERROR),
        ),
        figure=FIGURE,
    ),
    *claim(
        "R3-better-student",
        "A Bayesian needs fewer verdicts than a loop of T rounds, c ≥ 4, and fewer still if it queries the likeliest",
        better_learners,
        control=("… and no more verdicts if it ignores rejections", forgetful_learner),
        figure=FIGURE,
    ),
)
STATEMENTS = (
    Statement(
        "L1",
        title="A goal takes at least the missing nats over the capacity in verdicts with independent noise",
        formula=r"N \ge \frac{I_* - I_0}{C(\varphi, \psi)}",
        words=(
            "A verdict is one accept/reject call of a verifier, which accepts correct outputs with probability φ (tpr) "
            "and wrong ones with ψ (fpr). It carries at most the capacity C. To raise I(X;Z) from I₀ to I* any method "
            "needs at least this many verdicts on average, rejections included. Who may ask of sets of candidates and "
            "keeps a posterior comes within 7 % of it at 64 candidates."
        ),
        conditions=(
            "The noise must be independent for each verdict: verdicts with shared noise may carry more together than "
            "the sum of their capacities."
        ),
        practice=(
            "Divide the missing nats by the capacity: no method needs fewer verdicts. A loop of sampling, filtering "
            "and retraining takes 1.13 times as many at best, with a strong verifier and rounds of one sample, and "
            "several times as many in rounds that are large enough to end correct; `infoloop plan` computes how many."
        ),
        source="Fano (1961), Transmission of Information; Cover & Thomas (2006), theorem 2.10.1 and section 7.9",
        decided_by="L1-bound",
        fails_where="Where verdicts share their noise: one on an item known to be wrong reveals that of another.",
    ),
    Statement(
        "R3",
        title="Verdicts on one of c candidates each: in proportion to c at least, c ln c for a loop stopped in time",
        formula=(
            r"N \ge \frac{c}{D(\psi \Vert \varphi)} \int_{1/c}^{1-\delta} d(1/c \Vert s)\, ds, \qquad "
            r"N_{\text{one left}} \approx (1-\delta) \frac{\kappa (1/\psi + 1/\varphi)}{\ln(\varphi/\psi)}\, c \ln c "
            r"+ \frac{2 \delta \kappa^2}{\psi}\, c^2"
        ),
        words=(
            "One of c equally likely candidates is correct, and each verdict, with noise of its own, concerns one of "
            "them. Then any method with an error of δ needs c (1 − δ + δ ln δ)/D(ψ‖φ) verdicts or more, for large c; "
            "verdicts on sets need ln c. A loop needs about c ln c if it stops after T ≈ ln c/ln(φ/ψ) rounds and a "
            "majority of the last one decides, and about c² until one candidate is left: where it lost the correct "
            "one, equally wrong ones drift for 2n rounds. κ = −ln δ · ψ/(φu), u the root of 1 − u = e^{−φu/ψ}. The "
            "larger waste is in what is asked, a factor of 6 at c = 64, the rest, 2.5, in the learner: all verdicts "
            "carry at most ln c together, but one that concerns one of 64 candidates carries .012 nats at the start, "
            "(φ, ψ) = (.9, .3), of a capacity of .206."
        ),
        conditions=(
            "The lower bound is a theorem, for verdicts with independent noise and one correct candidate. The laws of "
            "the loop hold for rejection sampling and large c, by a branching argument, which is not a proof; the "
            "first term alone is the cost if an oracle stops the loop once no wrong candidate is left."
        ),
        practice=(
            "Ask of sets of answers, if your verifier can judge them. Else store all verdicts, rejections too, in a "
            "posterior over the candidates (a count of acceptances and rejections for each), and query the likeliest: "
            "that saves 90 % of the loop's verdicts at 64 candidates. Never retrain until one answer is left."
        ),
        source=(
            "infoloop; Chernoff (1959), Sequential design of experiments; Kaufmann, Cappé & Garivier (2016), On the "
            "complexity of best-arm identification in multi-armed bandit models, for the change of measure"
        ),
        test="tests/theory/test_candidates.py::test_no_policy_needs_fewer_verdicts",
        decided_by="R3-one-each",
        fails_where="Where a verdict may concern a set of candidates, half of them at best.",
    ),
)
