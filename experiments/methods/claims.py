"""Claims about the methods: C9, how the signal enters, and F1, the best of n by a noisy score."""

from functools import partial

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.methods import best_of_n, small_batches, study, tables
from experiments.methods.study import (
    EARLY,
    EVALUATED,
    FIXED,
    GRADIENT,
    HELD_OUT,
    NUM_DOMAINS,
    NUM_FORMS,
    PARAPHRASED,
    PENALISED,
    REFIT,
    REUSED,
    TRIES,
    UNSEEN,
)
from theory.policies.best_of_n import best_of_kl, regressional_goodhart

MOST_DIVERSITY = 0.9  # of the start's
LESS = 64  # seeds, of methods that hardly differ
AS_GOOD = 0.05  # of accuracy: less than the methods differ by in C9-transfer
NEAR = 0.08  # of accuracy: less than half of what SFT loses if it may use references 10 times only, .19
LOST = 0.03  # of accuracy, at most, for a gain in diversity of .8
FALL = 0.01  # of the share of a score that is real; errors with β = 1.9, not 2, lose .015
DRAWS = (4, 1024)
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
    setting = f"{EVALUATED[evaluated]}, M = {num_forms}, training domains: {num_domains}, "
    setting += f"{runs[0].updates[at]} updates, {len(first)} paired seeds: {better} against {worse}"
    return at_least(*paired(first, second), setting, "accuracy" if tries == 1 else f"pass@{tries}")


def diverse(method: str, settings: Settings) -> Found:
    """The diversity of correct outputs in the end, against most of the start's."""
    left = study.trained(settings, method).diversity_left
    setting = f"{method}, KL weight {study.KL:g} if any; {len(left)} seeds"
    return at_least(*paired(left, MOST_DIVERSITY), setting, "of the start's entropy")


def as_good(method: str, settings: Settings) -> Found:
    """The accuracy of a method and of RFT, the one against the other less a margin, after equally many rounds."""
    runs, rounds = [], -(-study.trained(settings, REFIT).updates[-1] // study.METHODS[REFIT].num_updates)
    for name in (method, REFIT):
        run = study.trained(settings, name)
        last = np.flatnonzero(run.updates <= rounds * study.METHODS[name].num_updates)[-1]
        runs.append(run.accuracy[:, last, UNSEEN])
    setting = f"unseen domains, {rounds} rounds of {study.NUM_SAMPLES} outputs a prompt, {len(runs[0])} paired seeds: "
    setting = [setting + f"{a} against {b} − {AS_GOOD}" for a, b in ((method, REFIT), (REFIT, method))]
    return at_least(*paired(np.stack(runs, 1), np.stack(runs[::-1], 1) - AS_GOOD), setting, "accuracy")


def per_nat(margin: float, settings: Settings, times: int = small_batches.UPDATES, uses: float = np.inf) -> Found:
    """RLVR against SFT on a fixed reference plus a margin, with the nats of one reference per prompt."""
    rlvr = small_batches.transferred(settings, "RLVR", times)
    sft = small_batches.transferred(settings, "SFT", uses=uses)
    setting = f"unseen domains, at most {small_batches.NATS:.0f} nats, {small_batches.NUM_ROUNDS} rounds of "
    setting += f"{small_batches.PROMPTS} prompts, {len(sft)} paired seeds: {times} updates on an output of RLVR, "
    setting += f"up to {uses * small_batches.UPDATES:g} on a reference of SFT, {margin:+g}"
    return at_least(*paired(rlvr, sft + margin), setting, "accuracy")


def kl_cost(weight: float, settings: Settings, **sizes: int) -> Found:
    """The accuracy of RLVR with a KL penalty, against that without less a margin."""
    name = {"name": PENALISED} if weight == study.KL else {"name": GRADIENT, "kl_weight": weight}
    runs = [study.trained(settings, **which, **sizes).accuracy[:, -1] for which in (name, {"name": GRADIENT})]
    setting = [f"{of}, weight {weight:g}, {len(runs[0])} paired seeds: less {LOST}" for of in EVALUATED]
    return at_least(*paired(runs[0], runs[1] - LOST), setting, "accuracy")


def rank_kl(settings: Settings) -> Found:
    """The divergence of the best of n, simulated, against ln n − (n−1)/n."""
    found = best_of_n.rank_kl(settings)
    setting = [f"n = {n}, no ties, {found.count} draws" for n in best_of_n.SIZES]
    return equal(found, [best_of_kl(n) for n in best_of_n.SIZES], setting)


def goodhart(settings: Settings) -> Found:
    """The true value of the best of n by a noisy score, against the order statistics of Gaussians."""
    true = best_of_n.selected(settings)[:, :, 1]
    expected = [regressional_goodhart(n, best_of_n.NOISE).true for n in best_of_n.SIZES]
    setting = [f"n = {n}, Gaussian errors of variance {best_of_n.NOISE:g}, {len(true)} draws" for n in best_of_n.SIZES]
    return equal(*paired(true, expected), setting, "standard deviations")


def tail(errors: tuple[str, ...], falls: bool, settings: Settings) -> Found:
    """What share of the score of the best of 1024 is real, against that of the best of 4, less or plus a margin."""
    few, many = (np.array([best_of_n.true_share(of, n) for of in errors]) for n in DRAWS)
    setting = [
        f"errors {of}, half of the score's variance: n = {DRAWS[1]} against {DRAWS[0]}, {FALL} apart" for of in errors
    ]
    decide = at_most(many, few - FALL, setting) if falls else at_least(many, few + FALL, setting)
    return decide._replace(unit="of the score")


TRANSFER, CURVES, DIVERSITY, BEST = (f"methods-{name}" for name in ("kept", "curves", "diversity", "best-of-n"))
POLICIES, ORDER = "tests/theory/test_policies.py::", "tests/theory/test_best_of_n.py::"
ONE_FORM = partial(compared, num_forms=1, num_seeds=LESS)

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
        f"With one training domain the order is the reverse at {EARLY} updates: a fixed reference is ahead of RLVR",
        partial(compared, FIXED, GRADIENT, UNSEEN, num_domains=1, updates=EARLY, stop=EARLY),
        control=("… also with four training domains", partial(compared, FIXED, GRADIENT, UNSEEN, updates=EARLY)),
    ),
    *claim(
        "C9-kl",
        "RLVR with a KL penalty to the start preserves 90 % of the diversity of correct outputs",
        partial(diverse, PENALISED),
        control=("… so does RLVR without the penalty", partial(diverse, GRADIENT)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-kl-tries",
        "… and has a higher pass@16 on held-out items",
        partial(compared, PENALISED, GRADIENT, HELD_OUT, tries=TRIES[-1]),
        tie=("… also with one try", partial(compared, PENALISED, GRADIENT, HELD_OUT)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-kl-cost",
        f"… at a cost of at most {LOST:g} in accuracy, on training prompts, held-out items and unseen domains",
        partial(kl_cost, study.KL),
        control=("… also with ten times its weight", partial(kl_cost, 10 * study.KL, num_seeds=32)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-samples",
        f"Per output RLVR and RFT are within {AS_GOOD:g} if both use each for 25 updates (RLVR's ratio at most 5)",
        partial(as_good, REUSED),
        control=("… also if RLVR uses each for one", partial(as_good, GRADIENT)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-nats",
        f"Per nat RLVR that uses outputs 10 times is within {NEAR:g} of SFT on a fixed reference without such limit",
        partial(per_nat, -NEAR),
        control=("… also if RLVR uses each output once", partial(per_nat, -NEAR, times=1)),
        figure=TRANSFER,
    ),
    *claim(
        "C9-nats-limit",
        f"… and more than {NEAR:g} ahead if SFT, too, uses each reference only 10 times",
        partial(per_nat, NEAR, uses=1),
        control=("… also without such limit", partial(per_nat, NEAR)),
        figure=TRANSFER,
    ),
    *claim(
        "F1-heavy",
        "The share of the best of n's score that is real falls with n if errors have heavier than Gaussian tails",
        partial(tail, best_of_n.HEAVY, True),
        control=("… also if they are Gaussian", partial(tail, (best_of_n.GAUSSIAN,), True)),
        figure=BEST,
        test="tests/experiments/test_methods.py::test_true_share_by_simulation",
    ),
    *claim(
        "F1-light",
        "… and rises if errors have lighter tails",
        partial(tail, best_of_n.LIGHT, False),
        control=("… also if they are Gaussian", partial(tail, (best_of_n.GAUSSIAN,), False)),
        figure=BEST,
        test="tests/experiments/test_methods.py::test_true_share_by_simulation",
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
        "The simulated best of n by a score with Gaussian errors of variance v is worth E max of n Gaussians / √(1+v)",
        goodhart,
        figure=BEST,
        test=ORDER + "test_integration_agrees_on_goodhart",
    ),
)
STATEMENTS = (
    Statement(
        "C9",
        title="How the signal enters decides transfer and diversity, if forms are many",
        formula=(
            r"p_t(y) \propto p_0(y)\, e^{t\, r(y)} \;\;\text{(natural gradient)}, \qquad "
            r"\mathrm{E}\, h_{k+1} = \left(1 - \tfrac{1}{N}\right) h_k \;\;\text{(refit to } N \text{ accepted)}"
        ),
        words=(
            "SFT (supervised fine-tuning) imitates a reference; RFT (rejection-sampling fine-tuning) samples, filters "
            "and refits; RLVR (reinforcement learning from verifiable rewards) weights its own samples by their "
            "advantage. After equally many updates they differ in transfer to unseen domains, and in the diversity of "
            "surface forms that they preserve. The diversity h is the chance that two correct answers differ in "
            "surface form."
        ),
        conditions=(
            "A network, equally many updates, four training domains. The fixed surface form transfers badly, not "
            "imitation: paraphrased references do nearly as well as verdicts, and with one surface form methods differ "
            "by less than .03 on unseen domains and .05 on held-out items, if at all. With one training domain the "
            "order is the reverse at 50 updates. Transfer is not diversity: RLVR and RFT end with few surface forms. "
            "What a method needs in outputs or nats is a matter of batch and re-use: per output, used equally often, "
            "RLVR and RFT differ by less than .05. A reference may be used again at no nats: SFT is then ahead of RLVR "
            "per nat, by about .03 in small batches if RLVR uses outputs 10 times; if SFT, too, may use a reference "
            "only 10 times, RLVR is ahead by about .17."
        ),
        practice=(
            "With several training domains, prefer verdicts or paraphrased references to one reference per prompt, and "
            "add a small KL penalty to the start, which preserves diversity at a cost of at most .03 in accuracy."
        ),
        source=f"{PAPER}; Kakade (2001), A natural policy gradient",
        decided_by="C9-transfer",
        fails_where="Where an answer has one surface form: a reference then fixes no more than a verdict.",
    ),
    Statement(
        "F1",
        title="A noisy score loses worth in more draws if errors have heavier than Gaussian tails",
        formula=(
            r"\mathrm{E}[\text{score}] = (1 + v)\; \mathrm{E}[\text{true value}] "
            r"\quad \text{for all } n \text{ if errors are } N(0, v)"
        ),
        words=(
            "The score is a true value, Gaussian with variance 1, plus an independent error of variance v. The best of "
            "n draws by the score is then worth 1/(1+v) of its score, for all n, if errors are Gaussian too. With "
            "heavier tails the share falls as n grows, since the best scores are errors; with lighter ones it rises."
        ),
        conditions=(
            "No claim of the paper: regression to the mean, the mildest form of Goodhart's law. Gaussian true values, "
            "independent errors; Gaussian errors are the edge. Few draws do no harm: with v = 1 and errors of "
            "Student's t with 3 degrees of freedom the share is .57 at n = 4, .35 at 64, .08 at 1024."
        ),
        practice=(
            "If half of a score's variance is noise, expect half, but only if errors are Gaussian. Look at their tail "
            "before you draw more."
        ),
        source=(
            "Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760; Manheim "
            "& Garrabrant (2018), Categorizing variants of Goodhart's law, arXiv:1803.04585; Kwa, Thomas & "
            "Garriga-Alonso (2024), Catastrophic Goodhart, arXiv:2407.14503 (heavy tails under a KL penalty)"
        ),
        decided_by="F1-heavy",
        fails_where="Where errors are Gaussian, as the true values are: the share is then the same for every n.",
    ),
)
