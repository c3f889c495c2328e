"""Claims about judges: C5, self-consistency; L4, what a fixed judge injects; R4, its worth in fresh verdicts."""

from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.judges import study
from experiments.judges.study import (
    JUDGES,
    LEARNED,
    NUM_GENERATIONS,
    NUM_SAMPLES,
    SHARE,
    VERIFIER,
    WEAK,
    JudgedLoop,
    VerifierRates,
)
from theory import Estimate

BEST = (0.99, 0.01)  # a fixed judge that hardly errs
LIMIT_SIZES = (50, 100)
LOW = 4  # the generation with the least information under a weak earlier model
PEAK, LATE = 4, 15  # generations of the self-judged mixture: at its best, and past it
CLOSED, SELF, VERIFIED = (list(JUDGES).index(name) for name in ("no judge", "self-consistency judge", "verifier"))
TWO = f"two symbols, rejection sampling, n = {NUM_SAMPLES}, real share {SHARE:g}"


def opens(loop: Callable[[], JudgedLoop], judge: str, settings: Settings) -> Found:
    """Whether a judge injects more than drift loses: the information in the end against that of Z_0."""
    information = loop().information
    return at_least(information[-1], information[0], f"{TWO}, {judge}, t = {NUM_GENERATIONS}")


def brings_back(loop: Callable[[], JudgedLoop], judge: str, settings: Settings) -> Found:
    """The information in the end against that after the first generations."""
    information = loop().information
    setting = f"{TWO}, {judge} {_rates(WEAK)}: I(X;Z_0) = {information[0]:.4f}, t = {NUM_GENERATIONS} against t = {LOW}"
    return at_least(information[-1], information[LOW], setting)


def best_guess_caps(loop: Callable[[], JudgedLoop], judge: str, settings: Settings) -> Found:
    """A sample of Z_t is a guess of the task from Z_0, and no guess is correct more often than the best."""
    accuracy, best = loop().accuracy, study.best_guess()
    setting = f"{TWO}, {judge} {_rates(VERIFIER)}: {accuracy[0]:.3f} → {accuracy[-1]:.4f}"
    return at_most(accuracy, best, [f"{setting}, t = {t}" for t in range(len(accuracy))], "accuracy")


def sharpens(judge: int, settings: Settings) -> Found:
    """The accuracy of a mixture and of a Markov chain after one generation against that of Z_0."""
    mixture, chain = (study.accuracy(settings, model)[judge] for model in ("mixture", "chain"))
    first, later = (np.stack([mixture[:, t], chain[:, t]], axis=1) for t in (0, 1))
    where = [f"{model}, {_loops(len(first))}, t = 1 against t = 0" for model in ("mixture", "chain")]
    return at_least(*paired(later, first), where, "accuracy")


def fades(judge: int, settings: Settings) -> Found:
    """The accuracy of a mixture at its peak against that later on."""
    accuracy = study.accuracy(settings, "mixture")[judge]
    setting = f"mixture, {_loops(len(accuracy))}, t = {PEAK} against t = {LATE}"
    return at_least(*paired(accuracy[:, PEAK], accuracy[:, LATE]), setting, "accuracy")


def exceeds_the_cap(loop: Callable[[], JudgedLoop], judge: str, settings: Settings) -> Found:
    """A loop's largest information against I(X;Z_0) + I(X;J|Z_0), the cap of a fixed judge."""
    information, cap = loop().information, study.cap()
    setting = f"{TWO}, {judge} {_rates(VERIFIER)}: I(X;Z_0) = {information[0]:.4f}, I(X;J|Z_0) = {cap:.4f}"
    return at_least(information.max(), information[0] + cap, setting)


def learned_judge_pays(sizes: tuple[int, ...], settings: Settings) -> Found:
    """The loop at its best under a judge that learned from m samples against its start."""
    best = [study.learned_judge(m)[0].information[1:].max() for m in sizes]
    where = [f"{TWO}, m = {m}, the best t ≥ 1 against t = 0" for m in sizes]
    return at_least(best, study.no_judge().information[0], where)


def worth(num_candidates: int, settings: Settings) -> Found:
    """R4: the worth of a judge of so many candidates against its limit."""
    setting = f"one of {num_candidates} equally likely candidates is correct, {_rates(VERIFIER)}; 3 %: many candidates"
    limit = study.worth_limit()
    return equal(study.worth(num_candidates), limit, setting, "fresh verdicts", tolerance=0.03 * limit)


def spends(kind: str, settings: Settings) -> Found:
    """L4: what a loop gains under a trained judge, at its best, against I(X;J|Z_0)."""
    found = study.trained_judge()
    gained = getattr(found, kind)
    setting = f"two symbols, real share {SHARE:g}, rejection sampling, n = 400; Z_0 and the judge saw 20 samples each, "
    setting += f"{kind}: best t = {1 + gained.argmax()}; tolerance 5 %, lost in resampling"
    return equal(gained.max(), found.injected, setting, tolerance=0.05 * found.injected)


def majority_vote(real: bool, settings: Settings) -> Found:
    """C5: how often the majority of the model's samples is correct in the end against the start, for every G."""
    end, start = zip(*(study.votes(settings, num_votes, real)[::-1] for num_votes in study.VOTES), strict=True)
    voters = "fresh real samples" if real else "samples of the model itself"
    setting = f"{TWO}, judge {_rates(VERIFIER)}: majority of G {voters}, {len(end[0])} pairs, t = {study.NUM_VOTED}"
    where = [f"{setting}, G = {num_votes}" for num_votes in study.VOTES]
    return at_most(*paired(np.stack(end, axis=1), np.stack(start, axis=1)), where, "correct majority")


def ends_correct(loop: Callable[[], JudgedLoop], settings: Settings) -> Found:
    """The chain's limit against the accuracy by hand; it is a martingale after the first generation."""
    setting = f"{TWO}, {_rates(VERIFIER)}, t = {NUM_GENERATIONS}; by hand .72 + .18·.6 + .08·.6"
    return equal(loop().accuracy[-1], study.fixed_judge_accuracy(), setting, "accuracy")


def hardly_errs(weak: Callable[[], float], judge: str, settings: Settings) -> Found:
    """A judge that errs much against a fixed one that hardly errs."""
    setting = f"{TWO}, ends correct: {judge} {_rates(WEAK)} against fixed judge {_rates(BEST)}"
    return at_least(weak(), study.fixed_judge_accuracy(BEST), setting, "accuracy")


def equal_ratio_limit(limit: Callable[[float], float], settings: Settings) -> Found:
    """n ln(tpr/fpr) → c, extrapolated from two n so that the term 1/n cancels."""
    goal = study.fixed_judge_accuracy()
    found = study.equal_ratio(settings, goal)
    few, many = (n * np.log(found.at(n)) for n in LIMIT_SIZES)
    setting = (
        f"rejection sampling, real share {SHARE:g}, success {goal:.3f}: {few:.4f} and {many:.4f} at n = 50 and 100; "
    )
    setting += "extrapolated 2 c_100 − c_50, hence ± .001 for the order 1/n² that is left"
    return equal(2 * many - few, limit(goal), setting, "n ln(tpr/fpr)", tolerance=1e-3)


def simulated(name: str, unit: str, settings: Settings) -> Found:
    """The sandbox's loops against the chains, at every t; not those of the verifier, whose accuracy is soon 1."""
    found: Estimate = getattr(study.simulated(settings), name)
    judges, times = [judge for judge in JUDGES if judge != "verifier"], range(study.NUM_SIMULATED + 1)
    mean, stderr = (np.asarray(side)[: len(judges)].ravel() for side in found[:2])
    exact = np.concatenate([getattr(JUDGES[judge](), name)[times] for judge in judges])
    where = [f"{TWO}, {judge}, t = {t}, {found.count} pairs of replicas" for judge in judges for t in times]
    return equal(found._replace(mean=mean, stderr=stderr), exact, where, unit)


def _rates(verifier: VerifierRates) -> str:
    return f"({verifier[0]:g}, {verifier[1]:g})"


def _loops(count: int) -> str:
    return f"rejection sampling, n = {NUM_SAMPLES}, judge {_rates(VERIFIER)}, {count} paired replicas"


INFORMATION, WORTH, MODELS = "judges-information", "judges-worth", "judges-models"
FEWER, TWICE = (tuple(m for m in LEARNED if (m >= 2 * NUM_SAMPLES) == twice) for twice in (False, True))

CLAIMS = (
    *claim(
        "C5-vote",
        "A model judged by the majority vote of G of its own samples has a correct majority no more often than Z_0",
        partial(majority_vote, False),
        control=("… also by the vote of G fresh real samples", partial(majority_vote, True)),
    ),
    *claim(
        "C5-opens",
        "A judge retrained on fresh real data in every generation opens the loop: I(X;Z_∞) ≥ I(X;Z_0)",
        partial(opens, study.retrained_judge, f"majority of {study.NUM_FRESH} fresh real samples {_rates(WEAK)}"),
        control=(
            "… so does a self-consistency judge",
            partial(opens, study.self_consistency, f"self-consistency judge {_rates(VERIFIER)}"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-brings-back",
        "An earlier model as judge does not close the loop: it restores some of the information lost since",
        partial(brings_back, partial(study.earlier_model, WEAK), "judge Z_0"),
        control=(
            "… so does the model itself",
            partial(brings_back, partial(study.self_consistency, WEAK), "judge Z_t"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-sharpens",
        "A self-consistency judge may raise accuracy, but never above that of the best guess from Z_0",
        partial(best_guess_caps, study.self_consistency, "self-consistency judge"),
        control=(
            "… neither does a verifier",
            partial(best_guess_caps, study.fresh_verifier, "fresh verifier"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-sharpens-models",
        "A mixture or a Markov chain that judges itself is more accurate than Z_0 after one generation",
        partial(sharpens, SELF),
        tie=("… so is one without a judge", partial(sharpens, CLOSED)),
        figure=MODELS,
    ),
    *claim(
        "C5-fades-mixture",
        "… and the mixture loses that again, as both components narrow to equally likely points",
        partial(fades, SELF),
        control=("… also with a verifier", partial(fades, VERIFIED)),
        figure=MODELS,
    ),
    *claim(
        "L4-trained",
        "A loop gains what its judge learned from m real samples beyond Z_0, I(X;J|Z_0), within 5 % and no more",
        partial(spends, "fixed"),
        control=(
            "… also if the judge is trained again, on m fresh samples, in every generation",
            partial(spends, "retrained"),
        ),
    ),
    *claim(
        "L4-fresh",
        "A verifier with independent errors exceeds what a fixed judge of the same rates can inject",
        partial(exceeds_the_cap, study.fresh_verifier, "fresh verdicts"),
        control=("… so does that judge", partial(exceeds_the_cap, study.fixed_reward_model, "verdicts drawn once")),
        figure=INFORMATION,
    ),
    *claim(
        "L4-learned",
        "A judge that accepts the majority symbol of twice the model's real samples raises I(X;Z_t) above I(X;Z_0)",
        partial(learned_judge_pays, TWICE),
        control=("… so does one of fewer real samples", partial(learned_judge_pays, FEWER)),
        figure=WORTH,
    ),
    *claim(
        "R4-worth",
        "For many candidates a fixed judge, one verdict on each, is worth D(φ‖ψ)/C fresh verdicts: 4.2 at (.9, .2)",
        partial(worth, 64),
        control=("… also for two candidates", partial(worth, 2)),
        test="tests/theory/test_candidates.py::test_many_candidates_are_worth_the_divergence",
    ),
    *claim(
        "R4-ends-right",
        "Two symbols: with a fixed judge P(ends correct) = tpr (1−fpr) + (tpr fpr + (1−tpr)(1−fpr)) p",
        partial(ends_correct, study.fixed_reward_model),
        control=("… also with a fresh verifier of the same rates", partial(ends_correct, study.fresh_verifier)),
        figure=INFORMATION,
    ),
    *claim(
        "R4-hardly-errs",
        "A fresh verifier of rates (.9, .8) ends correct more often than a fixed judge that hardly errs, (.99, .01)",
        partial(hardly_errs, lambda: study.fresh_verifier(WEAK).accuracy[-1], "fresh"),
        control=(
            "… so does a fixed judge of rates (.9, .8)",
            partial(hardly_errs, lambda: study.fixed_judge_accuracy(WEAK), "fixed judge"),
        ),
        figure=WORTH,
    ),
    *claim(
        "R4-equal-law",
        "The equivalent fresh verifier tends to chance: n ln LR → c, (1−e^{−2pc})/(1−e^{−2c}) = P(ends correct)",
        partial(equal_ratio_limit, study.equal_ratio_limit),
        control=(
            "… with c = −ln(1 − P(ends correct))/2p, as if a neutral loop never ended correct",
            partial(equal_ratio_limit, lambda goal: -np.log(1 - goal) / (2 * SHARE)),
        ),
        figure=WORTH,
    ),
    *claim(
        "instrument-judges-right",
        "The simulated loops under a self-consistency judge, a trained judge and none have the exact accuracy",
        partial(simulated, "accuracy", "accuracy"),
        figure=MODELS,
    ),
    *claim(
        "instrument-judges-information",
        "… and the exact information",
        partial(simulated, "information", "nats"),
        figure=MODELS,
    ),
)
STATEMENTS = (
    Statement(
        "C5",
        title="A judge that is a function of the model and of independent noise closes the loop",
        formula=r"S_t = g(Z_t, D_t, \text{noise}) \quad\Rightarrow\quad I(X;S_t \mid Z_t, D_t) = 0",
        words=(
            "The verdicts of a model on its own samples (self-rewarding, self-consistency, a majority vote of however "
            "many samples) carry no new information about the task. They may still sharpen the model: its best guess "
            "becomes its only answer, and accuracy rises while information is lost."
        ),
        conditions=(
            "The noise must be independent of the task; a vote of fresh real samples opens the loop. An earlier model "
            "as judge restores information lost since, at most what it knew. In a mixture most of the accuracy gained "
            "is lost again."
        ),
        practice=(
            "A self-consistency judge raises accuracy at most to that of the best guess from the real data; a vote of "
            "few, a weak judge, or that of a mixture, stays below. A score that rises under it is sharpening. To learn "
            "more, use a signal that depends on fresh data or on an environment."
        ),
        source=(
            f"{PAPER}; Huang et al. (2024), Self-improvement in language models: the sharpening mechanism, "
            "arXiv:2412.01951"
        ),
        test="tests/theory/test_claims.py::test_self_judge",
        decided_by="C5-vote",
        fails_where="Where the vote is one of fresh real samples, in place of the model's own.",
    ),
    Statement(
        "L4",
        title="A fixed judge injects at most what it knew beyond the model, and a trained one nearly all of that",
        formula=r"I(X;Z_t) \le I(X;Z_0) + I(X;J \mid Z_0) \quad \text{for all } t",
        words=(
            "A fixed reward model, or any judge J that receives no new data, adds at most I(X;J|Z_0): after any number "
            "of rounds and verdicts the loop carries at most the information of its start and of the judge. A trained "
            "judge whose reward is weighed by its data spends 96 % of that in one large round."
        ),
        conditions=(
            "The later noise of the judge is independent of the task given Z_0 and J. A loop that goes on with a "
            "fixed judge falls below the bound again, since it forgets its own start; one whose judge is trained on "
            "fresh data in every generation passes it."
        ),
        practice=(
            "Train the model on real samples before you spend them on a judge: one learned from m samples carries at "
            "most their information. Stop early, or supply the judge with fresh data. A verifier with independent "
            "errors, even if hardly better than chance, overtakes an accurate fixed judge, given large rounds."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.8.1"),
        decided_by="L4-trained",
        fails_where="Where the judge is trained again, on fresh real samples, in every generation.",
    ),
    Statement(
        "R4",
        title="A fixed judge is worth few fresh verdicts: at (.9, .2) 1.5 for two candidates, 4.2 for many",
        formula=(
            r"\frac{I(X;J)}{C(\varphi, \psi)} \to \frac{D(\varphi \Vert \psi)}{C(\varphi, \psi)} \;\text{verdicts}; "
            r"\qquad P(\text{ends correct}) = \varphi(1-\psi) + \bigl(\varphi\psi + (1-\varphi)(1-\psi)\bigr)\, p"
        ),
        words=(
            "One of K equally likely candidates is correct; a fixed judge draws one verdict on each, with tpr φ and "
            "fpr ψ. It carries I(X;J) ≤ D(φ‖ψ): at (.9, .2) as much as 1.5, 2.7, 3.8 and 4.1 fresh verdicts for K = 2, "
            "4, 16 and 64, and 4.2 in the limit; at (.99, .01) 7.1. P(ends correct) is that of two symbols: with 50 "
            "samples per round a fresh verifier of φ/ψ = 1.03 ends correct as often."
        ),
        conditions=(
            "One correct candidate. On two symbols not even a fixed judge that hardly errs, (.99, "
            ".01), stays ahead: with 50 samples per round a fresh one of rates (.9, .8) ends correct more often. This "
            "compares upper bounds on information; R5 compares errors."
        ),
        practice=(
            "Value a fixed judge like D(φ‖ψ)/C verdicts with independent errors at most, however many candidates it "
            "judges and however often: four at (.9, .2), seven at (.99, .01)."
        ),
        source="infoloop; Cover & Thomas (2006), section 7.1, for the capacity",
        decided_by="R4-worth",
        fails_where="Where there are two candidates, of which a verdict on the wrong one carries as much.",
    ),
)
