"""What is claimed of judges: C5, one that is the student; L4, what a frozen judge can inject; R4, what it is worth."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.special import entr

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.judges import study
from experiments.judges.study import JUDGES, LEARNED, NUM_GENERATIONS, NUM_SAMPLES, SHARE, VERIFIER, WEAK, Path, Rates
from theory import Estimate

BEST = (0.99, 0.01)  # a frozen judge that hardly errs
LAW_SIZES = (50, 100)
LOW = 4  # the generation in which a weak earlier student has left least
PEAK, LATE = 4, 15  # the self-judged mixture at its best, and past it
CLOSED, SELF, VERIFIED = (list(JUDGES).index(name) for name in ("no judge", "self-judge", "verifier"))
TWO = f"until kept, n = {NUM_SAMPLES}, real share {SHARE:g}"


def opens(path: Callable[[], Path], judge: str, settings: Settings) -> Found:
    """Whether a judge brings more than drift takes away: what is known in the end against what was known at first."""
    information = path().information
    return at_least(information[-1], information[0], f"{TWO}, {judge}, t = {NUM_GENERATIONS}")


def brings_back(path: Callable[[], Path], judge: str, settings: Settings) -> Found:
    """What is known in the end against what was left of it after the first generations."""
    information = path().information
    setting = f"{TWO}, {judge} {_rates(WEAK)}: I(X;Z_0) = {information[0]:.4f}, t = {NUM_GENERATIONS} against t = {LOW}"
    return at_least(information[-1], information[LOW], setting)


def best_guess_caps(path: Callable[[], Path], judge: str, settings: Settings) -> Found:
    """A sample of Z_t is a guess of the task made from Z_0, and no guess is right more often than the best."""
    correct, best = path().correct, study.best_guess()
    where = [
        f"{TWO}, {judge} {_rates(VERIFIER)}: {correct[0]:.3f} → {correct[-1]:.4f}, t = {t}" for t in range(len(correct))
    ]
    return at_most(correct, best, where, "share right")


def sharpens(judge: int, settings: Settings) -> Found:
    """The share right of a mixture and of a Markov chain after one generation against that of Z_0."""
    mixture, chain = (study.accuracy(settings, model)[judge] for model in ("mixture", "chain"))
    first, later = (np.stack([mixture[:, t], chain[:, t]], axis=1) for t in (0, 1))
    where = [f"{model}, {_loops(len(first))}, t = 1 against t = 0" for model in ("mixture", "chain")]
    return at_least(*paired(later, first), where, "share right")


def fades(judge: int, settings: Settings) -> Found:
    """The share right of a mixture at its peak against that later on."""
    share = study.accuracy(settings, "mixture")[judge]
    setting = f"mixture, {_loops(len(share))}, t = {PEAK} against t = {LATE}"
    return at_least(*paired(share[:, PEAK], share[:, LATE]), setting, "share right")


def passes_the_cap(path: Callable[[], Path], judge: str, settings: Settings) -> Found:
    """The most that a loop knows against I(X;Z_0) + I(X;J|Z_0), the cap of a judge that is drawn once."""
    information, store = path().information, study.cap()
    setting = f"{TWO}, {judge} {_rates(VERIFIER)}: I(X;Z_0) = {information[0]:.4f}, I(X;J|Z_0) = {store:.4f}"
    return at_least(information.max(), information[0] + store, setting)


def learned_judge_pays(sizes: tuple[int, ...], settings: Settings) -> Found:
    """The loop at its best under a judge that learned from m samples against its start."""
    best = [study.learned_judge(m)[0].information[1:].max() for m in sizes]
    return at_least(
        best, study.no_judge().information[0], [f"{TWO}, m = {m}, the best t ≥ 1 against t = 0" for m in sizes]
    )


def worth(settings: Settings) -> Found:
    """Against the information by hand, I(X;J) = (a+b)(ln 2 − h(a/(a+b))), a = tpr (1−fpr), b = fpr (1−tpr).

    Only the judges that keep one symbol tell; a verdict, on its best question, tells max_w [h(wφ+(1−w)ψ) − w h(φ) − …].
    """
    tpr, fpr = VERIFIER
    a, b = tpr * (1 - fpr), fpr * (1 - tpr)
    total = (a + b) * np.log(2) + a * np.log(a / (a + b)) + b * np.log(b / (a + b))
    w = np.linspace(0, 1, 100_001)
    verdict = (_entropy(w * tpr + (1 - w) * fpr) - w * _entropy(tpr) - (1 - w) * _entropy(fpr)).max()
    setting = f"2 symbols, {_rates(VERIFIER)}: by hand {total:.4f} over {verdict:.4f} nats; 1e-9: the best w on a grid"
    return equal(study.fresh_worth(), total / verdict, setting, "fresh verdicts", tolerance=1e-9)


def ends_right(path: Callable[[], Path], settings: Settings) -> Found:
    """The chain's limit against the share by hand; the share is a martingale after the first generation."""
    setting = f"{TWO}, {_rates(VERIFIER)}, t = {NUM_GENERATIONS}; by hand .72 + .18·.6 + .08·.6"
    return equal(path().correct[-1], study.frozen_right(), setting, "share right")


def equal_verifier(settings: Settings) -> Found:
    """The fresh verifier that ends right as often, as published."""
    goal = study.frozen_right()
    setting = f"{TWO}, success {goal:.4f}; published with two decimals, hence ± .005"
    return equal(study.equal_ratio(settings, goal).at(NUM_SAMPLES), 1.03, setting, "tpr/fpr", tolerance=0.005)


def hardly_errs(weak: Callable[[], float], judge: str, settings: Settings) -> Found:
    """A judge that errs much against a frozen one that hardly errs."""
    setting = f"{TWO}, ends right: {judge} {_rates(WEAK)} against frozen {_rates(BEST)}"
    return at_least(weak(), study.frozen_right(BEST), setting, "share right")


def equal_law(probs: Callable[[float], float], settings: Settings) -> Found:
    """n ln(tpr/fpr) → c, extrapolated from two n so that the term 1/n cancels."""
    goal = study.frozen_right()
    found = study.equal_ratio(settings, goal)
    few, many = (n * np.log(found.at(n)) for n in LAW_SIZES)
    setting = f"until kept, real share {SHARE:g}, success {goal:.3f}: {few:.4f} and {many:.4f} at n = 50 and 100; "
    setting += "extrapolated 2 c_100 − c_50, hence ± .001 for the order 1/n² that is left"
    return equal(2 * many - few, probs(goal), setting, "n ln(tpr/fpr)", tolerance=1e-3)


def simulated(name: str, unit: str, settings: Settings) -> Found:
    """The sandbox's loops against the chains, at every t; not the verifier's, all of which soon are right."""
    found: Estimate = getattr(study.simulated(settings), name)
    judges, times = [judge for judge in JUDGES if judge != "verifier"], range(study.NUM_SIMULATED + 1)
    mean, stderr = (np.asarray(side)[: len(judges)].ravel() for side in found[:2])
    exact = np.concatenate([getattr(JUDGES[judge](), name)[times] for judge in judges])
    where = [f"{TWO}, {judge}, t = {t}, {found.count} pairs of replicas" for judge in judges for t in times]
    return equal(found._replace(mean=mean, stderr=stderr), exact, where, unit)


def _entropy(rate: Any) -> Any:
    return entr(rate) + entr(1 - rate)


def _rates(verifier: Rates) -> str:
    return f"({verifier[0]:g}, {verifier[1]:g})"


def _loops(count: int) -> str:
    return f"until kept, n = {NUM_SAMPLES}, judge {_rates(VERIFIER)}, {count} paired replicas"


INFORMATION, WORTH, MODELS = "judges-information", "judges-worth", "judges-models"
FEWER, TWICE = (tuple(m for m in LEARNED if (m >= 2 * NUM_SAMPLES) == twice) for twice in (False, True))
WEAKLY_FROZEN = partial(hardly_errs, partial(study.frozen_right, WEAK), "frozen")

CLAIMS = (
    *claim(
        "C5-opens",
        "A judge that looks at fresh real data in every generation opens the loop: I(X;Z_∞) ≥ I(X;Z_0)",
        partial(
            opens, study.retrained_judge, f"the majority of {study.NUM_FRESH} fresh real samples passes {_rates(WEAK)}"
        ),
        control=(
            "… so does one that looks at the student",
            partial(opens, study.self_consistency, f"what the student finds likelier passes {_rates(VERIFIER)}"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-brings-back",
        "An earlier student as judge does not close the loop: it brings back some of what was forgotten since",
        partial(brings_back, partial(study.earlier_student, WEAK), "Z_0 judges"),
        control=(
            "… so does the student itself",
            partial(brings_back, partial(study.self_consistency, WEAK), "Z_t judges"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-sharpens",
        "A self-judge may raise the share of what is right, but never above the best guess from Z_0",
        partial(best_guess_caps, study.self_consistency, "self-judge"),
        control=(
            "… and no verifier raises it further",
            partial(best_guess_caps, study.fresh_verifier, "fresh verifier"),
        ),
        figure=INFORMATION,
    ),
    *claim(
        "C5-sharpens-models",
        "A mixture or a Markov chain that judges itself has more right samples than Z_0 after one generation",
        partial(sharpens, SELF),
        tie=("… so has one that nobody judges", partial(sharpens, CLOSED)),
        figure=MODELS,
    ),
    *claim(
        "C5-fades-mixture",
        "… and the mixture loses that again, as both components narrow to points that are equally likely",
        partial(fades, SELF),
        control=("… also under a verifier", partial(fades, VERIFIED)),
        figure=MODELS,
    ),
    *claim(
        "L4-fresh",
        "A verifier that errs anew each time passes what a judge of the same rates, made once, can inject",
        partial(passes_the_cap, study.fresh_verifier, "fresh verdicts"),
        control=("… so does that judge", partial(passes_the_cap, study.fixed_reward_model, "verdicts drawn once")),
        figure=INFORMATION,
    ),
    *claim(
        "L4-learned",
        "Under a judge that learned from twice the student's real samples a loop comes to tell more than its start",
        partial(learned_judge_pays, TWICE),
        control=("… also under one that saw fewer", partial(learned_judge_pays, FEWER)),
        figure=WORTH,
    ),
    *claim(
        "R4-worth",
        "A frozen judge is worth I(X;J)/C fresh verdicts in all, one and a half at rates .9, .2",
        worth,
    ),
    *claim(
        "R4-ends-right",
        "The loop under a frozen judge ends right with tpr (1−fpr) + (tpr fpr + (1−tpr)(1−fpr)) p",
        partial(ends_right, study.fixed_reward_model),
        control=("… so does that under a fresh verifier of the same rates", partial(ends_right, study.fresh_verifier)),
        figure=INFORMATION,
    ),
    *claim(
        "R4-equal-verifier",
        "A fresh verifier that is hardly better than chance ends right as often as the frozen judge: tpr/fpr = 1.03",
        equal_verifier,
        figure=WORTH,
    ),
    *claim(
        "R4-hardly-errs",
        "A fresh verifier of rates (.9, .8) ends right more often than a frozen judge that hardly errs, (.99, .01)",
        partial(hardly_errs, lambda: study.fresh_verifier(WEAK).correct[-1], "fresh"),
        control=(
            "… so does a frozen judge of rates (.9, .8)",
            partial(hardly_errs, lambda: study.frozen_right(WEAK), "frozen"),
        ),
        figure=WORTH,
    ),
    *claim(
        "R4-equal-law",
        "The equal fresh verifier tends to chance like c/n: n ln(tpr/fpr) → c, (1−e^{−2pc})/(1−e^{−2c}) the success",
        partial(equal_law, study.equal_law),
        control=(
            "… with c = −ln(1 − success)/2p, as if a neutral loop never ended right",
            partial(equal_law, lambda goal: -np.log(1 - goal) / (2 * SHARE)),
        ),
        figure=WORTH,
    ),
    *claim(
        "instrument-judges-right",
        "The simulated loops under a self-judge, a trained judge and none have the share right of the exact law",
        partial(simulated, "right", "share right"),
        figure=MODELS,
    ),
    *claim(
        "instrument-judges-information",
        "… and its information",
        partial(simulated, "information", "nats"),
        figure=MODELS,
    ),
)
STATEMENTS = (
    Statement(
        "C5",
        title="A judge that is a function of the student closes the loop",
        formula=r"S_t = g(Z_t, D_t, \text{noise}) \quad\Rightarrow\quad I(X;S_t \mid Z_t, D_t) = 0",
        words=(
            "The verdicts of a student on itself tell it nothing that it did not know. They may still sharpen it: its "
            "best guess tends to become its only answer, and the share of right answers rises while information is "
            "lost."
        ),
        conditions=(
            "An earlier student as judge does not close the loop: it brings back what was forgotten since, if never "
            "more than it knew. And in a mixture most of what a self-judge gained is lost again."
        ),
        practice=(
            "A self-judge lifts a model at most to the best guess from its real data; a weak one, or one of a mixture,"
            " stays below. A rising score is not learning. For more, ask something that looks at fresh data or at the "
            "world."
        ),
        source=(
            f"{PAPER}; Huang et al. (2024), Self-improvement in language models: the sharpening mechanism, "
            "arXiv:2412.01951"
        ),
        test="tests/theory/test_claims.py::test_self_judge",
    ),
    Statement(
        "L4",
        title="A judge made once injects what it knows, and no more for ever",
        formula=r"I(X;Z_t) \le I(X;Z_0) + I(X;J \mid Z_0) \quad \text{for all } t",
        words=(
            "A reward model, or any judge J that never looks at the world again, has a fixed store of knowledge. "
            "However many rounds and verdicts, the loop never knows more than its start and that store."
        ),
        conditions=(
            "The paper leaves open what a learned judge can inject. This is the cap; loops stay below it, as they "
            "forget their own start."
        ),
        practice=(
            "Give real samples to the student before you spend them on a judge: a judge learned from m samples is "
            "worth no more than they are. A verifier that errs anew each time, even if hardly better than chance, "
            "overtakes an accurate judge that is frozen, given enough samples a round."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.8.1"),
    ),
    Statement(
        "R4",
        title="A frozen judge is worth less than two fresh verdicts",
        formula=(
            r"\frac{I(X;J)}{C(\varphi, \psi)} \;\text{verdicts}; \qquad P(\text{right}) = \varphi(1-\psi) + "
            r"\bigl(\varphi\psi + (1-\varphi)(1-\psi)\bigr)\, p"
        ),
        words=(
            "A judge that gave one verdict on each of two symbols, once, is worth all its information over the "
            "capacity of a fresh verdict: about one and a half at rates (.9, .2). At fifty samples a round a fresh "
            "verifier with φ/ψ = 1.03 ends right as often."
        ),
        conditions=(
            "Open in the paper. Not even a frozen judge that hardly errs, with rates (.99, .01), keeps ahead: at fifty"
            " samples a round a fresh one of rates (.9, .8) ends right more often. This compares ceilings; R5 compares"
            " errors."
        ),
        practice="Compare a judge that never looks again with two or three verdicts from something that does.",
        source="infoloop; Cover & Thomas (2006), section 7.1, for the capacity",
    ),
)
