"""The ledger's rows: C5, a judge that is the student; L4, what a frozen judge can inject; R4, what it is worth."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import theory
from experiments.judges import chains, loops
from experiments.judges.chains import (
    LEARNED,
    NUM_FRESH,
    NUM_GENERATIONS,
    NUM_SAMPLES,
    PRIOR,
    SHARE,
    VERIFIER,
    WEAK,
    Path,
)
from experiments.ledger import Check, Outcome, Settings, check, equality, inequality
from theory import budget, claims, drift

BEST = (0.99, 0.01)  # a frozen judge that hardly errs
LAW_SIZES = (50, 100)
PEAK = 4  # the generation at which the self-judged mixture is best


def loss(study: Callable[[], Path], setting: str, _: Settings) -> Outcome:
    """C2 of a loop: the smallest loss in one generation."""
    information, right = study().information, study().right
    slack = claims.data_processing(information)
    story = f"I(X;Z_t) {information[0]:.4f}, least {information.min():.4f}, in the end {information[-1]:.4f}"
    share = f"share right {right[0]:.3f} → {right[-1]:.4f}"
    return inequality(float(slack.min()), setting=f"{setting}; {story}; {share}; the smallest loss of {slack.size}")


def opens(study: Callable[[], Path], setting: str, _: Settings) -> Outcome:
    """Whether a judge brings more than drift takes away: what is known in the end against what was known at first."""
    information = study().information
    first, last = float(information[0]), float(information[-1])
    return inequality(last - first, predicted=first, measured=last, setting=f"{setting}, t = {NUM_GENERATIONS}")


def random_judges(settings: Settings) -> Outcome:
    """C5 over 256 random tasks, students, candidates and judges g(Z, D, noise)."""
    rng = np.random.default_rng(settings.seed)
    students = rng.dirichlet(np.full(20, 0.3), 256).reshape(256, 4, 5, 1, 1)
    candidates = rng.dirichlet(np.full(6, 0.3), (256, 1, 5))[..., None]
    verdicts = rng.dirichlet(np.full(3, 0.3), (256, 1, 5, 6))
    slack = jax.vmap(claims.self_judge)(jnp.asarray(students * candidates * verdicts))
    return inequality(float(slack.min()), setting="smallest of 256 random X → Z → D → S, 4×5×6×3 symbols")


def verdict_of_an_earlier_student(_: Settings) -> Outcome:
    """The twin: the verdict on one candidate of Z_1 is Z_0's, and Z_0 knows what Z_1 has forgotten."""
    states = np.asarray(drift.lattice(NUM_SAMPLES, 2)) / NUM_SAMPLES
    keeps = chains.preferences(NUM_SAMPLES, VERIFIER)  # [z_0, d]
    verdicts = np.stack([keeps, 1 - keeps], axis=2)
    kernel = np.asarray(drift.neutral_kernel(NUM_SAMPLES))
    joint = np.einsum("x,xa,ab,bd,ads->xbds", PRIOR, chains.starts(), kernel, states, verdicts)
    slack = float(claims.self_judge(joint))
    setting = f"{_TWO}, Z_0 → Z_1 without a judge, one candidate of Z_1: I(X;S|Z_1,D_1) = {-slack:.4f}"
    return inequality(slack, setting=setting)


def start_caps(_: Settings) -> Outcome:
    """Z_0 decides for ever, and so never adds to what Z_0 knew."""
    information = chains.earlier_student(WEAK).information
    low = int(information[:100].argmin())
    slack = claims.frozen_judge(information, 0.0)  # J = Z_0: I(X;J|Z_0) = 0
    setting = f"{_TWO}, {_rates(WEAK)}: {information[0]:.4f}, {information[low]:.4f} at t = {low}, "
    setting += f"then up to {information[low:].max():.4f}; the smallest slack"
    return inequality(float(slack[1:].min()), setting=f"{setting} of t = 1 … {NUM_GENERATIONS}")


def best_guess_caps(study: Callable[[], Path], setting: str, _: Settings) -> Outcome:
    """A sample of Z_t is a guess of the task made from Z_0, and no guess is right more often than the best."""
    right, best = study().right, chains.best_guess()
    setting = f"{_TWO}, {setting}: {right[0]:.3f} → {right[-1]:.4f}, best guess from Z_0 {best:.4f}"
    return inequality(
        best - float(right.max()), predicted=best, measured=float(right.max()), setting=setting, unit="share"
    )


def frozen_cap(study: Callable[[], Path], setting: str, _: Settings) -> Outcome:
    """I(X;Z_0) + I(X;J|Z_0), which no generation passes."""
    information, total = study().information, chains.cap()
    gained = float(information.max() - information[0])
    setting = f"{_TWO}, {setting} {_rates(VERIFIER)}: I(X;Z_0) = {information[0]:.4f}, I(X;J|Z_0) = {total:.4f}; "
    setting += f"the loop gains {gained:.4f} at its best ({gained / total:.0%} of it), ends at {information[-1]:.4f}"
    cap = float(information[0] + total)
    slack = float(claims.frozen_judge(information, total).min())
    return inequality(slack, predicted=cap, measured=float(information.max()), setting=setting)


def learned_caps(_: Settings) -> Outcome:
    """The same for a judge that is the majority of m real samples."""
    slacks = []
    for m in LEARNED:
        loop, total = chains.learned_judge(m)
        slacks.append(float(claims.frozen_judge(loop.information, total).min()))
    loop, total = chains.learned_judge(LEARNED[-1])
    share = (loop.information[1:].max() - loop.information[0]) / total
    setting = f"{_TWO}, m = {LEARNED[0]} … {LEARNED[-1]}; at m = {LEARNED[-1]} the loop gains {share:.0%} of I(X;J|Z_0)"
    return inequality(min(slacks), setting=f"{setting}; the smallest slack of all m and t")


def samples_cap(given: Callable[[int], float], setting: str, _: Settings) -> Outcome:
    """What n + m samples tell, less I(X;Z_0) + I(X;J|Z_0): the judge is a function of its m samples."""
    first = chains.no_judge().information[0]
    slacks = [given(m) - first - chains.learned_judge(m)[1] for m in LEARNED]
    setting = f"{_TWO}, m = {LEARNED[0]} … {LEARNED[-1]}, {setting}; the smallest slack"
    return inequality(float(min(slacks)), setting=setting)


def worth(_: Settings, claimed: float | None = None) -> Outcome:
    """I(X;J) in fresh verdicts, by enumeration and by hand: only the judges that keep one symbol tell, a share φ̄ right.

    I(X;J) = (a+b)(ln 2 − h(a/(a+b))), a = tpr (1−fpr), b = fpr (1−tpr).
    """
    tpr, fpr = VERIFIER
    a, b = tpr * (1 - fpr), fpr * (1 - tpr)
    by_hand = (a + b) * (np.log(2) - float(theory.entropy([a / (a + b), b / (a + b)])))
    fresh = float(budget.capacity(VERIFIER))
    total = float(budget.frozen_total(PRIOR, chains.acceptances()))
    setting = f"2 symbols, {_rates(VERIFIER)}: I(X;J) = {total:.4f} nats, one fresh verdict {fresh:.4f} at most"
    predicted = by_hand / fresh if claimed is None else claimed
    return equality(total / fresh, predicted, setting=setting, unit="fresh verdicts")


def ends_right(study: Callable[[], Path], _: Settings) -> Outcome:
    """The chain's limit against the share by hand; the share is a martingale after the first generation."""
    setting = f"{_TWO}, {_rates(VERIFIER)}, t = {NUM_GENERATIONS}; by hand .72 + .18·.6 + .08·.6"
    return equality(float(study().right[-1]), chains.frozen_right(), setting=setting, unit="share")


def equal_verifier(_: Settings) -> Outcome:
    """The fresh verifier that ends right as often, as published."""
    goal = float(chains.frozen_judge().right[-1])
    ratio = float(chains.equal_ratio(LAW_SIZES, goal)[0])
    setting = f"{_TWO}, success {goal:.4f}: tpr/fpr = {ratio:.5f}; published with two decimals, hence ± .005"
    return equality(ratio, 1.03, tolerance=0.005, setting=setting, unit="tpr/fpr")


def accurate_but_frozen(_: Settings) -> Outcome:
    """The twin: a frozen judge that hardly errs against a fresh verifier that errs much."""
    ratio = WEAK[0] / WEAK[1]
    fresh = float(chains.fresh_verifier(WEAK).right[-1])
    frozen = chains.frozen_right(BEST)
    setting = f"{_TWO}: frozen {_rates(BEST)} ends right with {frozen:.4f}, fresh {_rates(WEAK)} with {fresh:.4f}"
    return inequality(frozen - fresh, setting=f"{setting} (tpr/fpr {ratio:.3f})", unit="share")


def equal_law(law: Callable[[float], float], _: Settings) -> Outcome:
    """n ln(tpr/fpr) → c, extrapolated from two n so that the term 1/n cancels."""
    goal = chains.frozen_right()
    scaled = np.array(LAW_SIZES) * np.log(chains.equal_ratio(LAW_SIZES, goal))
    c = law(goal)
    errors = ", ".join(f"{error:.2%} at n = {n}" for n, error in zip(LAW_SIZES, scaled / c - 1, strict=True))
    setting = f"until kept, real share {SHARE:g}, success {goal:.3f}: the law misses by {errors}; extrapolated"
    setting += " 2 c_100 − c_50, hence ± .001 for the order 1/n² that is left"
    return equality(float(2 * scaled[1] - scaled[0]), c, tolerance=1e-3, setting=setting, unit="n ln(tpr/fpr)")


def simulated_right(judge: str, study: Callable[[], Path], t: int, settings: Settings) -> Outcome:
    """The sandbox's share right against the chain's."""
    share = theory.estimate(loops.shares(settings, judge)[..., t].mean(1))
    exact = float(study().right[t])
    setting = f"{_TWO}, {_rates(VERIFIER)}, t = {t}, {share.count} pairs of replicas"
    return equality(float(share.mean), exact, stderr=float(share.stderr), setting=setting, unit="share")


def simulated_information(judge: str, study: Callable[[], Path], t: int, settings: Settings) -> Outcome:
    """The sandbox's information against the chain's."""
    result = loops.information(settings, judge, study(), t)
    exact = float(study().information[t])
    setting = f"{_TWO}, {_rates(VERIFIER)}, t = {t}, {result.count} pairs of replicas"
    return equality(float(result.mean), exact, stderr=float(result.stderr), setting=setting)


def changes(model: str, first: int, later: int, sign: int, settings: Settings) -> Outcome:
    """What a self-judge gains between two generations where no chain is exact; sign −1: what it loses."""
    share = loops.model_share(settings, model, "self-judge")
    change = theory.estimate(sign * (share[:, later] - share[:, first]))
    means = " → ".join(f"{share[:, t].mean():.3f} (t = {t})" for t in (first, later, loops.NUM_MODELS))
    setting = f"until kept, n = {NUM_SAMPLES}, {_rates(VERIFIER)}, {change.count} paired replicas: {means}"
    slack, stderr = float(change.mean), float(change.stderr)
    return inequality(slack, measured=slack, stderr=stderr, setting=setting, unit="share")


def _rates(verifier: tuple[float, float]) -> str:
    return f"({verifier[0]:g}, {verifier[1]:g})"


_TWO = f"until kept, n = {NUM_SAMPLES}, real share {SHARE:g}"
_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_INFORMATION, _WORTH, _MODELS = "judges-information", "judges-worth", "judges-models"
_REST = partial(check, test=_ROWS)

CHECKS: tuple[Check, ...] = (
    _REST(
        "C5-self-judge",
        "exact",
        "A judge that is a function of the student closes the loop: I(X;Z_{t+1}) ≤ I(X;Z_t)",
        measure=partial(loss, chains.self_judge, f"{_TWO}, what the student finds likelier passes {_rates(VERIFIER)}"),
        figure=_INFORMATION,
    ),
    _REST(
        "C5-self-judge-twin",
        "exact",
        "… even if it is retrained on fresh real data in every generation",
        measure=partial(
            loss,
            partial(chains.retrained_judge, NUM_FRESH),
            f"{_TWO}, the majority of {NUM_FRESH} fresh real samples passes {_rates(WEAK)}",
        ),
        twin=True,
    ),
    _REST(
        "C5-opens",
        "exact",
        "A judge that looks at fresh real data in every generation opens the loop: I(X;Z_∞) ≥ I(X;Z_0)",
        measure=partial(
            opens,
            partial(chains.retrained_judge, NUM_FRESH),
            f"{_TWO}, the majority of {NUM_FRESH} fresh real samples passes {_rates(WEAK)}",
        ),
        figure=_INFORMATION,
    ),
    _REST(
        "C5-opens-twin",
        "exact",
        "… so does one that looks at the student",
        measure=partial(opens, chains.self_judge, f"{_TWO}, what the student finds likelier passes {_rates(VERIFIER)}"),
        figure=_INFORMATION,
        twin=True,
    ),
    _REST(
        "C5-judges",
        "exact",
        "The verdicts of a judge that is a function of student, candidates and noise tell nothing: I(X;S|Z,D) = 0",
        measure=random_judges,
    ),
    _REST(
        "C5-judges-twin",
        "exact",
        "… even where the student is an earlier one",
        measure=verdict_of_an_earlier_student,
        twin=True,
    ),
    _REST(
        "C5-earlier-student",
        "exact",
        "An earlier student as judge brings back no more than it knew: I(X;Z_t) ≤ I(X;Z_0) for ever",
        measure=start_caps,
        figure=_INFORMATION,
    ),
    _REST(
        "C5-earlier-student-twin",
        "exact",
        "… and closes the loop: I(X;Z_{t+1}) ≤ I(X;Z_t)",
        measure=partial(loss, partial(chains.earlier_student, WEAK), f"{_TWO}, what Z_0 found likelier {_rates(WEAK)}"),
        twin=True,
    ),
    _REST(
        "C5-sharpens",
        "exact",
        "A self-judge may raise the share of what is right, but never above the best guess from Z_0",
        measure=partial(best_guess_caps, chains.self_judge, f"self-judge {_rates(VERIFIER)}"),
        figure=_INFORMATION,
    ),
    _REST(
        "C5-sharpens-twin",
        "exact",
        "… and no verifier raises it further",
        measure=partial(best_guess_caps, chains.fresh_verifier, f"fresh verifier {_rates(VERIFIER)}"),
        twin=True,
    ),
    _REST(
        "L4-cap",
        "exact",
        "A judge that was made once never injects more than it knows: I(X;Z_t) ≤ I(X;Z_0) + I(X;J|Z_0)",
        measure=partial(frozen_cap, chains.frozen_judge, "verdicts drawn once"),
        figure=_INFORMATION,
    ),
    _REST(
        "L4-cap-twin",
        "exact",
        "… nor does a verifier of the same rates that errs anew at each look",
        measure=partial(frozen_cap, chains.fresh_verifier, "fresh verdicts"),
        twin=True,
    ),
    _REST(
        "L4-learned",
        "exact",
        "So it is for a judge that learned a preference from m real samples of its own",
        measure=learned_caps,
        figure=_WORTH,
    ),
    _REST(
        "L4-samples",
        "exact",
        "A judge learned from m real samples is worth no more than they: I(X;Z_0) + I(X;J|Z_0) ≤ I(X; n+m samples)",
        measure=partial(samples_cap, chains.samples, "against as many samples"),
        figure=_WORTH,
    ),
    _REST(
        "L4-samples-twin",
        "exact",
        "… and the loop reaches it",
        measure=partial(
            samples_cap, lambda m: float(chains.learned_judge(m)[0].information.max()), "against the loop at its best"
        ),
        twin=True,
    ),
    _REST(
        "R4-worth",
        "exact",
        "A frozen judge is worth I(X;J)/C fresh verdicts in all, one and a half at rates .9, .2",
        measure=worth,
    ),
    _REST(
        "R4-worth-twin",
        "exact",
        "… as many as it gave, one a symbol",
        measure=partial(worth, claimed=2.0),
        twin=True,
    ),
    _REST(
        "R4-ends-right",
        "exact",
        "The loop under a frozen judge ends right with tpr (1−fpr) + (tpr fpr + (1−tpr)(1−fpr)) p",
        measure=partial(ends_right, chains.frozen_judge),
        figure=_INFORMATION,
    ),
    _REST(
        "R4-ends-right-twin",
        "exact",
        "… so does that under a fresh verifier of the same rates",
        measure=partial(ends_right, chains.fresh_verifier),
        twin=True,
    ),
    _REST(
        "R4-equal-verifier",
        "exact",
        "A fresh verifier that is hardly better than chance ends right as often as the frozen judge: tpr/fpr = 1.03",
        measure=equal_verifier,
        figure=_WORTH,
    ),
    _REST(
        "R4-equal-verifier-twin",
        "exact",
        "… but a frozen judge that hardly errs beats every fresh verifier",
        measure=accurate_but_frozen,
        twin=True,
    ),
    _REST(
        "R4-equal-law",
        "exact",
        "The equal fresh verifier tends to chance like c/n: n ln(tpr/fpr) → c, (1−e^{−2pc})/(1−e^{−2c}) the success",
        measure=partial(equal_law, chains.equal_law),
        figure=_WORTH,
    ),
    _REST(
        "R4-equal-law-twin",
        "exact",
        "… with c = −ln(1 − success)/2p, as if a neutral loop never ended right",
        measure=partial(equal_law, lambda goal: float(-np.log(1 - goal) / (2 * SHARE))),
        twin=True,
    ),
    *(
        row
        for claim, judge, study, t in (
            ("C5-self-judge", "self", chains.self_judge, loops.NUM_SELF),
            ("L4-frozen", "frozen", chains.frozen_judge, loops.NUM_FROZEN),
        )
        for row in (
            _REST(
                f"{claim}-right",
                "monte-carlo",
                "The simulated loop has the share right of the exact law",
                measure=partial(simulated_right, judge, study, t),
                figure=_INFORMATION,
            ),
            _REST(
                f"{claim}-simulated",
                "monte-carlo",
                "The simulated loop has the information of the exact law",
                measure=partial(simulated_information, judge, study, t),
                figure=_INFORMATION,
            ),
        )
    ),
    *(
        _REST(
            f"C5-sharpens-{model}",
            "monte-carlo",
            f"{title}, judged by itself, has more right samples than Z_0 after one generation",
            measure=partial(changes, model, 0, 1, 1),
            figure=_MODELS,
        )
        for model, title in (("mixture", "A mixture of two normal laws"), ("chain", "A Markov chain"))
    ),
    _REST(
        "C5-fades-mixture",
        "monte-carlo",
        "… and in the mixture loses it again, as both components narrow to points that are equally likely",
        measure=partial(changes, "mixture", PEAK, 15, -1),
        figure=_MODELS,
    ),
)
