"""How each row of the ledger is measured: on tables exactly, on networks seed by seed, and the best of n."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

import theory
from experiments.ledger import Outcome, Settings, equality, inequality
from experiments.methods import best_of_n, studies, tables
from experiments.methods.studies import ANEW, EXAMS, GRADIENT, HELD_OUT, ONCE, PASSES, REFIT, UNSEEN, Study, studied
from experiments.methods.tables import TIME, Path, trained
from theory import policies
from theory.best_of_n import best_of_kl, regressional_goodhart

KEPT_KL = 0.9  # of the start's diversity


# one law a prompt


def keeps(method: str, settings: Settings) -> Outcome:
    """The largest change of p(form|right class), over prompts, forms and updates."""
    path = trained(settings, method)
    moved = max(np.abs(path.within(q) - path.within(q)[0]).max() for q in range(_PROMPTS))
    setting = f"{_TABLE}, {method} gradient: right {_range(path)}; largest change of p(form|right class)"
    return equality(float(moved), 0.0, setting=setting, unit="probability")


def natural_law(settings: Settings, factor: float = 1.0) -> Outcome:
    """The laws when a part of the time is over against p_0 e^{t r}/Z; `factor`: of t, in the formula."""
    path, time = trained(settings, "natural"), TIME / 8
    pairs = zip(path.laws[0], tables.RIGHT.astype(float), strict=True)
    predicted = np.stack([np.asarray(policies.natural_gradient(*pair, factor * time)) for pair in pairs])
    distance = float(np.abs(path.laws[tables.ROUNDS // 8] - predicted).max())
    setting = f"{_TABLE}, learning rate × updates = {time:g}, in the formula {factor * time:g}; largest distance"
    return equality(distance, 0.0, setting=setting, unit="probability")


def orbit(settings: Settings) -> Outcome:
    """Plain gradient against its conserved orbit at equal correctness, in the limit of small learning rates."""
    distances, rest = tables.off_orbit(settings)
    steps = ", ".join(f"{distance:.1e}" for distance in distances)
    setting = f"{_TABLE}, learning rates η, η/2, η/4: distance {steps}; extrapolated to η = 0 in two orders, hence 1e-6"
    return equality(rest, 0.0, tolerance=1e-6, setting=setting, unit="probability")


def off_natural(settings: Settings) -> Outcome:
    """The twin: plain gradient against natural gradient at equal correctness, the start's law inside each verdict."""
    path = trained(settings, "plain")
    start, correct = path.laws[0], path.correct[-1][:, None]
    share = np.where(tables.RIGHT, correct / path.correct[0][:, None], (1 - correct) / (1 - path.correct[0][:, None]))
    distance = float(np.abs(path.laws[-1] - start * share).max())
    return equality(distance, 0.0, tolerance=1e-6, setting=f"{_TABLE}: right {_range(path)}", unit="probability")


def sharpens(of_right: bool, settings: Settings) -> Outcome:
    """The smallest fall in one update of the entropy of the outputs of a verdict, over prompts and updates."""
    path = trained(settings, "plain")
    entropy = path.entropies()[0 if of_right else 1]
    means = f"{entropy[0].mean():.3f} → {entropy[-1].mean():.3f} nats, mean of {_PROMPTS} prompts"
    slack = float(-np.diff(entropy, axis=0).max())
    return inequality(slack, setting=f"{_TABLE}: {means}; the smallest fall in one of {tables.ROUNDS} updates")


def refit(t: int, predicted: Callable[[tables.Refits, int], float], settings: Settings) -> Outcome:
    """The heterozygosity that t refits leave."""
    refits = tables.refitted(settings)
    left, n = refits.kept(t), tables.NUM_REFIT
    setting = f"{n} samples, right with probability {refits.accepted:.2f} at first, {t} refit{'s' * (t > 1)}, "
    setting += f"{left.count} replicas; {_interval(left)}"
    return equality(
        float(left.mean), predicted(refits, t), stderr=float(left.stderr), setting=setting, unit="share of the start's"
    )


def one_reference(every_form: bool, settings: Settings) -> Outcome:
    """Heterozygosity inside the right class after a fit to references."""
    measured = tables.one_reference(settings)[int(every_form)]
    setting = f"{tables.NUM_FORMS} forms; " + ("a reference of each form" if every_form else "one reference")
    return equality(measured, 0.0, setting=setting, unit="probability")


def informs(method: str, settings: Settings) -> Outcome:
    """What an answer tells of the task once the training is over."""
    path = trained(settings, method)
    information = tables.information(path)
    setting = f"{_TABLE}, {method} gradient, learning rate × updates = {TIME:g}: right {_range(path)}, "
    setting += f"I(X;[Y]) = {information[0]:.4f} at the start"
    return equality(float(information[-1]), float(np.log(tables.NUM_CLASSES)), setting=setting)


# the network


def compared(
    better: str,
    worse: str,
    exam: int,
    settings: Settings,
    *,
    num_domains: int = studies.NUM_DOMAINS,
    batches: int = 2,
    updates: int | None = None,
) -> Outcome:
    """The correctness of one method less that of another after as many updates, seed by seed.

    Args:
        better: The method that is said to be ahead.
        worse: The other.
        exam: On which prompts.
        settings: The profile and the seed.
        num_domains: Of training.
        batches: Of seeds.
        updates: When; in the end where None is given.
    """
    pair = [studied(settings, name, num_domains=num_domains, batches=batches) for name in (better, worse)]
    last = int(pair[0].updates[-1])
    setting = f"{EXAMS[exam]}, {num_domains} training domain{'s' * (num_domains > 1)}, {updates or last} updates:"
    first, second = (study.correct[:, study.updates == (updates or last), exam][:, 0] for study in pair)
    found = _ahead(first, second, better, worse, setting)
    if updates is None:
        return found
    end = theory.estimate(pair[0].last(exam) - pair[1].last(exam))
    return replace(found, setting=f"{found.setting}; after {last} updates {_interval(end)}")


def equal_nats(better: str, worse: str, settings: Settings) -> Outcome:
    """The same on unseen domains, when as many nats of signal were spent as one reference a prompt says."""
    budget = studies.reference_nats()

    def correct(name: str) -> np.ndarray:
        study: Study = studied(settings, name)
        return study.last(UNSEEN) if name == ONCE else study.at_nats(budget, UNSEEN)

    verdicts = studies.NUM_SAMPLES * studies.NUM_CONTENTS * studies.NUM_DOMAINS
    first = float(np.median(studied(settings, GRADIENT).nats[:, 1]))
    setting = f"{EXAMS[UNSEEN]}, {budget:.0f} nats of signal, used in every update by {ONCE}, once by {GRADIENT}"
    refit = studied(settings, REFIT)
    setting += f" (its first {verdicts} verdicts: {first:.0f} nats); {REFIT} {refit.at_nats(budget, UNSEEN).mean():.3f}"
    setting += f", and {refit.last(UNSEEN).mean():.3f} at {refit.nats[:, -1].mean():.0f} nats:"
    return _ahead(correct(better), correct(worse), better, worse, setting)


def equal_samples(better: str, worse: str, settings: Settings) -> Outcome:
    """The same on unseen domains, when as many outputs were drawn and judged: each round draws as many."""
    pair = [studied(settings, name) for name in (better, worse)]
    rounds = min(len(study.updates) for study in pair) - 1
    samples = rounds * studies.NUM_SAMPLES * studies.NUM_CONTENTS * studies.NUM_DOMAINS
    after = ", ".join(f"{name} {study.updates[rounds]}" for name, study in zip((better, worse), pair, strict=True))
    setting = f"{EXAMS[UNSEEN]}, {samples} outputs drawn and judged, used in so many updates: {after};"
    first, second = (study.correct[:, rounds, UNSEEN] for study in pair)
    return _ahead(first, second, better, worse, setting)


def tries(better: str, worse: str, settings: Settings) -> Outcome:
    """The chance that one of 16 answers to a held-out content is right, of one method less that of another."""
    pair = [studied(settings, name).passed[..., HELD_OUT, -1] for name in (better, worse)]
    start, once = float(pair[0][:, 0].mean()), studied(settings, ONCE).passed[:, -1, HELD_OUT, -1].mean()
    setting = f"{EXAMS[HELD_OUT]}, one of {PASSES[-1]} right, {start:.3f} at the start, {ONCE} {once:.3f}:"
    return _ahead(pair[0][:, -1], pair[1][:, -1], better, worse, setting)


def diverse(method: str, settings: Settings) -> Outcome:
    """The diversity that a method keeps inside the right class, less most of the start's."""
    study = studied(settings, method)
    kept = theory.estimate(study.diversity[:, -1] / study.diversity[:, 0])
    others = ", ".join(f"{name} {_kept(settings, name):.2f}" for name in (ONCE, ANEW, REFIT, GRADIENT, "natural"))
    setting = f"{method}, weight {studies.KL:g} where there is a KL; {kept.count} seeds, {_interval(kept)}; {others}"
    return inequality(
        float(kept.mean) - KEPT_KL,
        predicted=KEPT_KL,
        measured=float(kept.mean),
        stderr=float(kept.stderr),
        setting=setting,
        unit="share of the start's entropy",
    )


def _kept(settings: Settings, name: str) -> float:
    study = studied(settings, name)
    return float((study.diversity[:, -1] / study.diversity[:, 0]).mean())


def _ahead(first: np.ndarray, second: np.ndarray, better: str, worse: str, setting: str) -> Outcome:
    gap = theory.estimate(first - second)
    setting += f" {better} {first.mean():.3f}, {worse} {second.mean():.3f}; {gap.count} paired seeds, {_interval(gap)}"
    slack = float(gap.mean)
    return inequality(slack, measured=slack, stderr=float(gap.stderr), setting=setting, unit="share right")


# best of n


def kl(n: int, settings: Settings, *, log: bool = False) -> Outcome:
    """The divergence of the best of n, simulated, against ln n − (n−1)/n; `log`: against ln n."""
    simulated = best_of_n.rank_kl(settings, n)
    law = float(np.log(n) if log else best_of_kl(n))
    setting = f"n = {n}, no ties, {simulated.count} draws; {_interval(simulated)}"
    return equality(float(simulated.mean), law, stderr=float(simulated.stderr), setting=setting)


def kl_of_verdict(reached: bool, _: Settings) -> Outcome:
    """The best by a verdict: its divergence against the law without ties, which is a bound, and not reached."""
    sizes, correct = best_of_n.SIZES, 0.25
    exact = [best_of_n.verdict_kl(n, correct) for n in sizes]
    bound = [float(best_of_kl(n)) for n in sizes]
    shown = ", ".join(f"{a:.3f} of {b:.3f} at n = {n}" for n, a, b in zip(sizes, exact, bound, strict=True))
    setting = f"a quarter of the outputs is right: {shown}"
    if reached:
        return equality(exact[-1], bound[-1], setting=setting)
    return inequality(min(b - a for a, b in zip(exact, bound, strict=True)), setting=setting)


def goodhart(n: int, claimed: str, settings: Settings) -> Outcome:
    """The true value of the best of n by a noisy proxy; claimed: `true` of the law, or the proxy's own value."""
    simulated = best_of_n.selected(settings, n)
    predicted = float(getattr(regressional_goodhart(n, best_of_n.NOISE), claimed))
    true = theory.Estimate(simulated.mean[0], simulated.stderr[0], simulated.count)
    setting = f"n = {n}, error of variance {best_of_n.NOISE:g}, {simulated.count} draws: the proxy promises "
    setting += f"{float(simulated.mean[1]):.3f}; {_interval(true)}"
    return equality(float(true.mean), predicted, stderr=float(true.stderr), setting=setting, unit="standard deviations")


def _interval(estimate: theory.Estimate) -> str:
    low, high = (float(end) for end in estimate.interval())
    return f"95 % interval {low:.4f} … {high:.4f}"


def _range(path: Path) -> str:
    return f"{path.correct[0].mean():.3f} → {path.correct[-1].mean():.3f}"


_PROMPTS = tables.NUM_PROMPTS
_TABLE = f"table, {tables.NUM_CLASSES} classes × {tables.NUM_FORMS} forms, {_PROMPTS} prompts, exact gradients"
