"""What is claimed of the methods: C9, how the signal enters, and F1 and F2, the best of n."""

from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.methods import best_of_n, study, tables
from experiments.methods.study import (
    ANEW,
    EARLY,
    EXAMS,
    GRADIENT,
    HELD_OUT,
    NUM_DOMAINS,
    NUM_FORMS,
    ONCE,
    PASSES,
    REFIT,
    UNSEEN,
)
from theory.policies.best_of_n import best_of_kl, regressional_goodhart

KEPT_KL = 0.9  # of the start's diversity
MORE = 96  # seeds, where the methods are near
TABLE = f"table, {tables.NUM_CLASSES} classes × {tables.NUM_FORMS} forms, {tables.NUM_PROMPTS} prompts, exact gradients"


def orbit(settings: Settings) -> Found:
    """Plain gradient against its conserved orbit at equal correctness, in the limit of small learning rates."""
    setting = f"{TABLE}, learning rates η, η/2, η/4, extrapolated to η = 0 in two orders, hence 1e-6"
    return equal(*tables.off_orbit(tables.trained(settings)), setting, "probability", tolerance=1e-6)


def off_natural(settings: Settings) -> Found:
    """Plain gradient against natural gradient at equal correctness, the start's law inside each verdict."""
    path = tables.trained(settings)[-1]
    first, last = path.correct[0][:, None], path.correct[-1][:, None]
    natural = path.distributions[0] * np.where(tables.RIGHT, last / first, (1 - last) / (1 - first))
    return equal(
        path.distributions[-1], natural, f"{TABLE}; tolerance 1e-6, as on the orbit", "probability", tolerance=1e-6
    )


def sharpens(of_right: bool, settings: Settings) -> Found:
    """The entropy of the outputs of a verdict after each update, against that before."""
    entropy = tables.trained(settings)[-1].entropies()[0 if of_right else 1]
    setting = f"{TABLE}: {entropy[0].mean():.3f} → {entropy[-1].mean():.3f} nats, mean of the prompts; update by update"
    return at_most(entropy[1:], entropy[:-1], setting)


def refit(few: bool, settings: Settings) -> Found:
    """The heterozygosity that refits leave; `few`: as predicted of few samples, else of as many as one likes."""
    refits = tables.refitted(settings)
    left, n = refits.accepted(), tables.NUM_REFIT
    start = f"{n} samples, right with probability {refits.accepted:.2f} at first, {left.count} replicas"
    setting = [f"{start}, {t} refit{'s' * (t > 1)}" for t in range(1, tables.NUM_GENERATIONS + 1)]
    return equal(left, refits.exact() if few else 1.0, setting, "share of the start's")


def compared(
    better: str,
    worse: str,
    exam: int,
    settings: Settings,
    *,
    num_forms: int = NUM_FORMS,
    num_domains: int = NUM_DOMAINS,
    updates: int | None = None,
    tries: int = 1,
    **options: int,
) -> Found:
    """The correctness of one method and of another after as many updates, seed by seed.

    Args:
        better: the method that is said to be ahead.
        worse: the other.
        exam: on which prompts.
        settings: the profile and the seed.
        num_forms: M.
        num_domains: of training.
        updates: when; in the end where None is given.
        tries: one of so many answers is to be right.
        **options: of the study.
    """
    runs = [study.trained(settings, name, num_forms, num_domains, **options) for name in (better, worse)]
    at = runs[0].updates.tolist().index(updates) if updates else -1
    first, second = (run.passed[:, at, exam, PASSES.index(tries)] for run in runs)
    setting = f"{EXAMS[exam]}, M = {num_forms}, training domains: {num_domains}, {runs[0].updates[at]} updates, "
    setting += f"{len(first)} paired seeds: {better} against {worse}"
    return at_least(*paired(first, second), setting + f"; one of {tries} right" * (tries > 1), "share right")


def diverse(method: str, settings: Settings) -> Found:
    """The diversity that a method keeps inside the right class, against most of the start's."""
    accepted = study.trained(settings, method).accepted
    setting = f"{method}, weight {study.KL:g} where there is a KL; {len(accepted)} seeds"
    return at_least(*paired(accepted, KEPT_KL), setting, "share of the start's entropy")


def rank_kl(settings: Settings) -> Found:
    """The divergence of the best of n, simulated, against ln n − (n−1)/n."""
    found = best_of_n.rank_kl(settings)
    setting = [f"n = {n}, no ties, {found.count} draws" for n in best_of_n.SIZES]
    return equal(found, [best_of_kl(n) for n in best_of_n.SIZES], setting)


def bound(reached: bool, settings: Settings) -> Found:
    """The divergence of the best by a verdict against that without ties."""
    found, most = best_of_n.verdict_kl(best_of_n.SIZES), [best_of_kl(n) for n in best_of_n.SIZES]
    setting = [f"a verdict, {best_of_n.CORRECT:g} of the outputs are right, n = {n}" for n in best_of_n.SIZES]
    return equal(found, most, setting) if reached else at_most(found, most, setting)


def goodhart(settings: Settings) -> Found:
    """The true value of the best of n by a noisy score, against the order statistics of normals."""
    true, expected = (
        best_of_n.selected(settings)[:, :, 1],
        [regressional_goodhart(n, best_of_n.NOISE).true for n in best_of_n.SIZES],
    )
    setting = [_noisy("normal", n, len(true)) for n in best_of_n.SIZES]
    return equal(*paired(true, expected), setting, "standard deviations")


def half(errors: str, settings: Settings) -> Found:
    """The true value of the best of n by a score that is half noise, against half of the score."""
    _, true, score = np.moveaxis(best_of_n.selected(settings, errors), 2, 0)
    setting = [_noisy(errors, n, len(true)) for n in best_of_n.SIZES]
    return equal(*paired(true, score / (1 + best_of_n.NOISE)), setting, "standard deviations")


def _noisy(errors: str, n: int, count: int) -> str:
    name = "normal" if errors == "normal" else f"Student's t, {best_of_n.DEGREES} degrees of freedom,"
    return f"n = {n}, {name} errors of variance {best_of_n.NOISE:g}, {count} draws"


KEPT, CURVES, DIVERSITY, BEST = (f"methods-{name}" for name in ("kept", "curves", "diversity", "best-of-n"))
POLICIES, ORDER = "tests/theory/test_policies.py::", "tests/theory/test_best_of_n.py::"
ONE_WORDING = partial(compared, num_forms=1)

CLAIMS = (
    *claim(
        "C9-orbit",
        "Plain policy gradient moves on its conserved orbit: correctness and start alone decide the law",
        orbit,
        control=("… which is that of natural gradient at equal correctness", off_natural),
        figure=DIVERSITY,
        test="tests/sandbox/test_losses.py::test_plain_policy_gradient_stays_on_its_orbit",
    ),
    *claim(
        "C9-sharpens",
        "Plain policy gradient loses diversity among right outputs that are not equally likely, in every update",
        partial(sharpens, True),
        control=("… and among the wrong ones", partial(sharpens, False)),
        figure=DIVERSITY,
        test=POLICIES + "test_diversity_among_right_outputs_falls_and_among_wrong_ones_rises",
    ),
    *claim(
        "C9-refit",
        "A refit to N accepted samples keeps E[1 − 1/N | N ≥ 1] of the heterozygosity inside a class, again and again",
        partial(refit, True),
        control=("… all of it, as where samples are without number", partial(refit, False)),
        figure=DIVERSITY,
        test=POLICIES + "test_enumeration_agrees_on_the_refit",
    ),
    *claim(
        "C9-transfer",
        "Verdicts transfer to unseen domains better than one reference a prompt, after as many updates: RLVR",
        partial(compared, GRADIENT, ONCE, UNSEEN),
        tie=("… also where an answer has one wording", partial(ONE_WORDING, GRADIENT, ONCE, UNSEEN)),
        figure=CURVES,
    ),
    *claim(
        "C9-transfer-refit",
        "… RFT as well, which imitates its own accepted samples",
        partial(compared, REFIT, ONCE, UNSEEN),
        tie=("… also where an answer has one wording", partial(ONE_WORDING, REFIT, ONCE, UNSEEN)),
        figure=KEPT,
    ),
    *claim(
        "C9-transfer-contents",
        "… and to held-out contents",
        partial(compared, GRADIENT, ONCE, HELD_OUT),
        tie=("… also where an answer has one wording", partial(ONE_WORDING, GRADIENT, ONCE, HELD_OUT)),
        figure=KEPT,
    ),
    *claim(
        "C9-one-wording",
        "It is the one wording that transfers badly, not imitation: SFT on references worded anew beats one reference",
        partial(compared, ANEW, ONCE, UNSEEN),
        figure=CURVES,
    ),
    *claim(
        "C9-one-domain",
        f"With one domain of training the order is reversed after {EARLY} updates: one reference is ahead of RLVR",
        partial(compared, ONCE, GRADIENT, UNSEEN, num_domains=1, updates=EARLY, stop=EARLY, num_seeds=MORE),
        control=("… with four domains, too", partial(compared, ONCE, GRADIENT, UNSEEN, updates=EARLY)),
    ),
    *claim(
        "C9-kl",
        "RLVR with a KL to the start keeps nine tenths of the diversity inside the right class",
        partial(diverse, "RLVR, KL"),
        control=("… so does RLVR without it", partial(diverse, GRADIENT)),
        figure=KEPT,
    ),
    *claim(
        "C9-kl-tries",
        "… and more often one right answer in 16, where it was not trained",
        partial(compared, "RLVR, KL", GRADIENT, HELD_OUT, tries=PASSES[-1]),
        tie=("… also where it was trained", partial(compared, "RLVR, KL", GRADIENT, study.TRAINING, tries=PASSES[-1])),
        figure=KEPT,
    ),
    *claim(
        "F1-bound",
        "The best of n is at most ln n − (n−1)/n away from the model, whatever the score: a verdict",
        partial(bound, False),
        control=("… and as far, though a verdict has ties", partial(bound, True)),
        figure=BEST,
        kind="proof",
        test=ORDER + "test_divergence_is_below_that_without_ties",
    ),
    *claim(
        "F2-half",
        "A score that is half noise promises twice what the best of n is worth, whatever n",
        partial(half, "normal"),
        control=("… also where errors have heavy tails", partial(half, "heavy")),
        figure=BEST,
    ),
    *claim(
        "instrument-best-of-n",
        "Simulated, the best of n is ln n − (n−1)/n away from the model, if no two scores are equal",
        rank_kl,
        figure=BEST,
        test=ORDER + "test_divergence_of_many_symbols_comes_close",
    ),
    *claim(
        "instrument-goodhart",
        "Simulated, the best of n by a score with error variance v is worth E max of n normals / √(1+v)",
        goodhart,
        figure=BEST,
        test=ORDER + "test_integration_agrees_on_goodhart",
    ),
)
STATEMENTS = (
    Statement(
        "C9",
        title="How the signal enters decides what transfers and what is kept",
        formula=(
            r"p_t(y) \propto p_0(y)\, e^{t\, r(y)} \;\;\text{(natural gradient)}, \qquad "
            r"\mathrm{E}\, h_{k+1} = \left(1 - \tfrac{1}{N}\right) h_k \;\;\text{(refit to } N \text{ accepted)}"
        ),
        words=(
            "SFT (supervised fine-tuning) imitates a reference; RFT (rejection-sampling fine-tuning) samples, filters "
            "and refits; RLVR (reinforcement learning from verifiable rewards) weights its own samples by their "
            "advantage. They differ in what they transfer to unseen domains, in the wordings that they keep, and in "
            "the nats that they spend. h, the heterozygosity, is the chance that two right answers are worded "
            "differently."
        ),
        conditions=(
            "It is the single wording that transfers badly, not imitation: references worded anew do nearly as well as "
            "verdicts, and with one wording there is nothing to choose. With one domain of training the order reverses "
            "at first. And to transfer is not to keep: plain RLVR and RFT end with few wordings."
        ),
        practice=(
            "With several domains to learn from, verdicts transfer better than one reference a prompt; add a small KL "
            "to the start, which keeps the wordings at hardly a cost."
        ),
        source=f"{PAPER}; Kakade (2001), A natural policy gradient",
    ),
    Statement(
        "F1",
        title="The best of n stays within ln n of the model",
        formula=r"\mathrm{KL}(\text{best of } n \,\|\, \text{model}) \le \ln n - \frac{n-1}{n}",
        words=(
            "To draw n outputs and take the one that scores best moves the law by no more than that, whatever the "
            "score; by exactly that where two draws never score the same."
        ),
        conditions="With ties it moves less: a verdict never takes it beyond ln(1/p), p the share of right outputs.",
        practice="The best of n cannot go far: sixty-four draws are at most 3.2 nats from the model.",
        source="Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879",
    ),
    Statement(
        "F2",
        title="A noisy score promises more than the best of n gives",
        formula=r"\mathrm{E}[\text{promised}] = (1 + v)\; \mathrm{E}[\text{given}]",
        words=(
            "Where the score is the true value, normal with variance 1, and an independent normal error of variance v, "
            "the best of n by the score is worth a share 1/(1+v) of what the score says."
        ),
        conditions=(
            "Not in the paper: a regression to the mean, the mildest form of Goodhart's law. It is one share for all n "
            "where errors are normal; with heavy tails it falls as n grows, for then errors are what is selected."
        ),
        practice=(
            "With a score that is half noise expect half; more draws do not change the half where errors are normal, "
            "and make it worse where a few are large."
        ),
        source=(
            "Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760; Manheim "
            "& Garrabrant (2018), Categorizing variants of Goodhart's law, arXiv:1803.04585"
        ),
    ),
)
