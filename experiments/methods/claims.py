"""Claims about the methods: C9, how the signal enters, and F1 and F2, the best of n."""

from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.methods import best_of_n, study, tables
from experiments.methods.study import (
    EARLY,
    EVALUATED,
    FIXED,
    GRADIENT,
    HELD_OUT,
    NUM_DOMAINS,
    NUM_FORMS,
    PARAPHRASED,
    REFIT,
    TRIES,
    UNSEEN,
)
from theory.policies.best_of_n import best_of_kl, regressional_goodhart

MOST_DIVERSITY = 0.9  # of the start's
MORE = 96  # seeds, for methods that differ little
TABLE = f"table, {tables.NUM_CLASSES} classes × {tables.NUM_FORMS} forms, {tables.NUM_PROMPTS} prompts, exact gradients"


def orbit(settings: Settings) -> Found:
    """The policy gradient against its conserved orbit at equal accuracy, in the limit of small learning rates."""
    setting = f"{TABLE}, learning rates η, η/2, η/4, extrapolated to η = 0 in two orders, hence 1e-6"
    return equal(*tables.off_orbit(tables.trained(settings)), setting, "probability", tolerance=1e-6)


def off_natural(settings: Settings) -> Found:
    """The policy gradient against the natural gradient at equal accuracy, the start given the verdict."""
    path = tables.trained(settings)[-1]
    first, last = path.accuracy[0][:, None], path.accuracy[-1][:, None]
    natural = path.probs[0] * np.where(tables.CORRECT, last / first, (1 - last) / (1 - first))
    setting = f"{TABLE}; tolerance 1e-6, as on the orbit"
    return equal(path.probs[-1], natural, setting, "probability", tolerance=1e-6)


def sharpens(of_correct: bool, settings: Settings) -> Found:
    """The entropy of the correct (or wrong) outputs after each update, against that before."""
    entropy = tables.trained(settings)[-1].entropies()[0 if of_correct else 1]
    setting = f"{TABLE}: {entropy[0].mean():.3f} → {entropy[-1].mean():.3f} nats, mean of the prompts; each update"
    return at_most(entropy[1:], entropy[:-1], setting)


def refit(few: bool, settings: Settings) -> Found:
    """The diversity that refits leave; `few`: as predicted for few samples, else for infinitely many."""
    refits = tables.refitted(settings)
    left, n = refits.diversity(), tables.NUM_REFIT
    start = f"{n} samples, accuracy {refits.accuracy:.2f} initially, {left.count} replicas"
    setting = [f"{start}, {t} refit{'s' * (t > 1)}" for t in range(1, tables.NUM_GENERATIONS + 1)]
    return equal(left, refits.exact() if few else 1.0, setting, "of the start's diversity")


def compared(
    better: str,
    worse: str,
    evaluated: int,
    settings: Settings,
    *,
    num_forms: int = NUM_FORMS,
    num_domains: int = NUM_DOMAINS,
    updates: int | None = None,
    tries: int = 1,
    **options: int,
) -> Found:
    """The accuracy, or pass@`tries`, of two methods after equally many updates (None: all), seed by seed."""
    runs = [study.trained(settings, name, num_forms, num_domains, **options) for name in (better, worse)]
    at = runs[0].updates.tolist().index(updates) if updates else -1
    first, second = (run.passed[:, at, evaluated, TRIES.index(tries)] for run in runs)
    setting = (
        f"{EVALUATED[evaluated]}, M = {num_forms}, training domains: {num_domains}, {runs[0].updates[at]} updates, "
    )
    setting += f"{len(first)} paired seeds: {better} against {worse}"
    return at_least(*paired(first, second), setting, "accuracy" if tries == 1 else f"pass@{tries}")


def diverse(method: str, settings: Settings) -> Found:
    """The diversity of correct outputs in the end, against most of the start's."""
    left = study.trained(settings, method).diversity_left
    setting = f"{method}, KL weight {study.KL:g} if any; {len(left)} seeds"
    return at_least(*paired(left, MOST_DIVERSITY), setting, "of the start's entropy")


def rank_kl(settings: Settings) -> Found:
    """The divergence of the best of n, simulated, against ln n − (n−1)/n."""
    found = best_of_n.rank_kl(settings)
    setting = [f"n = {n}, no ties, {found.count} draws" for n in best_of_n.SIZES]
    return equal(found, [best_of_kl(n) for n in best_of_n.SIZES], setting)


def bound(reached: bool, settings: Settings) -> Found:
    """The divergence of the best of n by a verdict against that without ties."""
    found, most = best_of_n.verdict_kl(best_of_n.SIZES), [best_of_kl(n) for n in best_of_n.SIZES]
    setting = [f"a verdict, accuracy {best_of_n.ACCURACY:g}, n = {n}" for n in best_of_n.SIZES]
    return equal(found, most, setting) if reached else at_most(found, most, setting)


def goodhart(settings: Settings) -> Found:
    """The true value of the best of n by a noisy score, against the order statistics of Gaussians."""
    true = best_of_n.selected(settings)[:, :, 1]
    expected = [regressional_goodhart(n, best_of_n.NOISE).true for n in best_of_n.SIZES]
    setting = [_noisy("Gaussian", n, len(true)) for n in best_of_n.SIZES]
    return equal(*paired(true, expected), setting, "standard deviations")


def half(errors: str, settings: Settings) -> Found:
    """The true value of the best of n by a score whose variance is half noise, against half of the score."""
    _, true, score = np.moveaxis(best_of_n.selected(settings, errors), 2, 0)
    setting = [_noisy(errors, n, len(true)) for n in best_of_n.SIZES]
    return equal(*paired(true, score / (1 + best_of_n.NOISE)), setting, "standard deviations")


def _noisy(errors: str, n: int, count: int) -> str:
    name = errors if errors == "Gaussian" else f"Student's t, {best_of_n.DEGREES} degrees of freedom,"
    return f"n = {n}, {name} errors of variance {best_of_n.NOISE:g}, {count} draws"


TRANSFER, CURVES, DIVERSITY, BEST = (f"methods-{name}" for name in ("kept", "curves", "diversity", "best-of-n"))
POLICIES, ORDER = "tests/theory/test_policies.py::", "tests/theory/test_best_of_n.py::"
ONE_FORM = partial(compared, num_forms=1)

CLAIMS = (
    *claim(
        "C9-orbit",
        "The policy gradient of a table stays on its conserved orbit: accuracy and start determine the distribution",
        orbit,
        control=("… as does the natural gradient: both agree at equal accuracy", off_natural),
        figure=DIVERSITY,
        test="tests/sandbox/test_losses.py::test_plain_policy_gradient_stays_on_its_orbit",
    ),
    *claim(
        "C9-sharpens",
        "The policy gradient loses diversity of correct outputs in every update, unless they are equally likely",
        partial(sharpens, True),
        control=("… and of wrong outputs", partial(sharpens, False)),
        figure=DIVERSITY,
        test=POLICIES + "test_diversity_among_right_outputs_falls_and_among_wrong_ones_rises",
    ),
    *claim(
        "C9-refit",
        "Each refit to N accepted samples reduces the diversity inside a class to E[1 − 1/N | N ≥ 1]",
        partial(refit, True),
        control=("… not at all, as with infinitely many samples", partial(refit, False)),
        figure=DIVERSITY,
        test=POLICIES + "test_enumeration_agrees_on_the_refit",
    ),
    *claim(
        "C9-transfer",
        "After equally many updates RLVR transfers to unseen domains better than SFT on a fixed reference",
        partial(compared, GRADIENT, FIXED, UNSEEN),
        tie=("… also if an answer has one surface form", partial(ONE_FORM, GRADIENT, FIXED, UNSEEN)),
        figure=CURVES,
    ),
    *claim(
        "C9-transfer-refit",
        "… so does RFT, which imitates its own accepted samples",
        partial(compared, REFIT, FIXED, UNSEEN),
        tie=("… also if an answer has one surface form", partial(ONE_FORM, REFIT, FIXED, UNSEEN)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-transfer-contents",
        "… and RLVR transfers better to held-out items",
        partial(compared, GRADIENT, FIXED, HELD_OUT),
        tie=("… also if an answer has one surface form", partial(ONE_FORM, GRADIENT, FIXED, HELD_OUT)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-one-wording",
        "The fixed surface form transfers badly, not imitation: SFT on paraphrased references beats a fixed one",
        partial(compared, PARAPHRASED, FIXED, UNSEEN),
        figure=CURVES,
    ),
    *claim(
        "C9-one-domain",
        f"With one training domain the order reverses after {EARLY} updates: a fixed reference is ahead of RLVR",
        partial(compared, FIXED, GRADIENT, UNSEEN, num_domains=1, updates=EARLY, stop=EARLY, num_seeds=MORE),
        control=("… also with four training domains", partial(compared, FIXED, GRADIENT, UNSEEN, updates=EARLY)),
    ),
    *claim(
        "C9-kl",
        "RLVR with a KL penalty to the start preserves 90 % of the diversity of correct outputs",
        partial(diverse, "RLVR, KL"),
        control=("… so does RLVR without the penalty", partial(diverse, GRADIENT)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-kl-tries",
        "… and has a higher pass@16 on held-out items",
        partial(compared, "RLVR, KL", GRADIENT, HELD_OUT, tries=TRIES[-1]),
        tie=("… also on training prompts", partial(compared, "RLVR, KL", GRADIENT, study.TRAINING, tries=TRIES[-1])),
        figure=TRANSFER,
    ),
    *claim(
        "F1-bound",
        "KL(best of n ‖ model) ≤ ln n − (n−1)/n for any score, a verdict for example",
        partial(bound, False),
        control=("… with equality, although a verdict has ties", partial(bound, True)),
        figure=BEST,
        kind="proof",
        test=ORDER + "test_divergence_is_below_that_without_ties",
    ),
    *claim(
        "F2-half",
        "The best of n is worth half its score if half of the score's variance is Gaussian noise, for any n",
        partial(half, "Gaussian"),
        control=("… also if errors have heavy tails", partial(half, "heavy-tailed")),
        figure=BEST,
    ),
    *claim(
        "instrument-best-of-n",
        "The simulated KL(best of n ‖ model) is ln n − (n−1)/n if no two scores are equal",
        rank_kl,
        figure=BEST,
        test=ORDER + "test_divergence_of_many_symbols_comes_close",
    ),
    *claim(
        "instrument-goodhart",
        "The simulated best of n by a score with error variance v is worth E max of n Gaussians / √(1+v)",
        goodhart,
        figure=BEST,
        test=ORDER + "test_integration_agrees_on_goodhart",
    ),
)
STATEMENTS = (
    Statement(
        "C9",
        title="How the signal enters decides transfer and diversity",
        formula=(
            r"p_t(y) \propto p_0(y)\, e^{t\, r(y)} \;\;\text{(natural gradient)}, \qquad "
            r"\mathrm{E}\, h_{k+1} = \left(1 - \tfrac{1}{N}\right) h_k \;\;\text{(refit to } N \text{ accepted)}"
        ),
        words=(
            "SFT (supervised fine-tuning) imitates a reference; RFT (rejection-sampling fine-tuning) samples, filters "
            "and refits; RLVR (reinforcement learning from verifiable rewards) weights its own samples by their "
            "advantage. They differ in transfer to unseen domains, in the diversity of surface forms that they "
            "preserve, and in the nats of signal that they use. The diversity h is the chance that two correct answers "
            "differ in surface form."
        ),
        conditions=(
            "A network, equally many updates, four training domains. The fixed surface form transfers badly, not "
            "imitation: paraphrased references do nearly as well as verdicts, and with one surface form the methods "
            "tie. With one training domain the order reverses initially. Transfer is not diversity: RLVR and RFT end "
            "with few surface forms."
        ),
        practice=(
            "With several training domains, prefer verdicts or paraphrased references to one reference per prompt, and "
            "add a small KL penalty to the start, which preserves diversity at hardly a cost in accuracy."
        ),
        source=f"{PAPER}; Kakade (2001), A natural policy gradient",
    ),
    Statement(
        "F1",
        title="The best of n stays within ln n − (n−1)/n nats of the model",
        formula=r"\mathrm{KL}(\text{best of } n \,\|\, \text{model}) \le \ln n - \frac{n-1}{n}",
        words=(
            "Best-of-n sampling, the output with the highest score of n draws, has at most this KL from the model, for "
            "any score, and exactly this if two draws never score the same."
        ),
        conditions="Independent draws. With ties the KL is smaller: with a verdict at most ln(1/p), p the accuracy.",
        practice="The best of n cannot go far: that of 64 draws is at most 3.2 nats from the model.",
        source="Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879",
    ),
    Statement(
        "F2",
        title="The best of n is worth less than its noisy score",
        formula=r"\mathrm{E}[\text{score}] = (1 + v)\; \mathrm{E}[\text{true value}]",
        words=(
            "If the score is the true value, Gaussian with variance 1, plus an independent Gaussian error of variance "
            "v, the expected true value of the best of n by the score is 1/(1+v) of its expected score."
        ),
        conditions=(
            "Not in the paper: regression to the mean, the mildest form of Goodhart's law. With Gaussian errors the "
            "share is the same for all n; with heavy tails it falls as n grows, since the best scores are errors."
        ),
        practice=(
            "If half of a score's variance is noise, expect half; more draws do not change the half if errors are "
            "Gaussian, and make it worse if a few are large."
        ),
        source=(
            "Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760; Manheim "
            "& Garrabrant (2018), Categorizing variants of Goodhart's law, arXiv:1803.04585"
        ),
    ),
)
