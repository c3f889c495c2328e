"""The verifier: its rates, what a verdict carries, how both depend on a group, and what a threshold would do."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit, logit, stdtrit

from experiments.questions.intervals import Interval, of_draws
from experiments.questions.logs import Log
from experiments.questions.posterior import posterior, tally, with_pseudo_prompts
from theory import budget

FEWEST = 5  # labelled outputs of each kind, for the rates of a group


class Verifier(NamedTuple):
    """Rates of the verifier; None where no output of that kind is labelled."""

    tpr: Interval | None
    fpr: Interval | None
    likelihood_ratio: Interval | None  # tpr/fpr; infinite where no wrong output was accepted
    capacity_nats: Interval | None  # at most so much a verdict carries
    capacity_bits: Interval | None
    information_nats: Interval | None  # what it carries at the accuracy of the log: I(truth; verdict)


class Roc(NamedTuple):
    """A score as a verifier: every threshold, and the one whose verdicts carry most about the truth."""

    threshold: float
    tpr: float
    fpr: float
    information_nats: float  # of the verdict about the truth, at the best threshold, on the rows that chose it
    held_out_nats: float  # … chosen on one half of the prompts, measured on the other, and the reverse
    auc: Interval
    curve: Float[np.ndarray, "threshold 2"]  # fpr, tpr


def verifier(log: Log, *, draws: int | None = None) -> Verifier:
    """Its rates, with intervals over prompts."""
    labelled = log.labelled
    rejected = labelled & (log.verdict < 0.5)
    if not rejected.any() or not (labelled & (log.verdict >= 0.5)).any():
        return Verifier(None, None, None, None, None, None)  # a rate needs both: labels of accepted outputs are no tpr
    counts = with_pseudo_prompts(tally(log))
    found = posterior(counts._asdict(), draws=draws)
    tpr, fpr = found.ratio("accepted_correct", "correct"), found.ratio("accepted_wrong", "wrong")
    if tpr is None or fpr is None:
        return Verifier(tpr, fpr, None, None, None, None)
    phi, psi = (found.drawn(f"accepted_{kind}", kind) for kind in ("correct", "wrong"))
    with np.errstate(divide="ignore"):
        lr = of_draws(float(np.divide(tpr.middle, fpr.middle)), phi / psi)
    if fpr.middle == 0:
        lr = lr._replace(high=np.inf)
    p = found.sums["correct"] / (found.sums["correct"] + found.sums["wrong"])
    now = found.seen["correct"] / (found.seen["correct"] + found.seen["wrong"])
    capacity = _signed(phi - psi, _capacity(phi, psi), float(_capacity(tpr.middle, fpr.middle)))
    carried = _signed(phi - psi, information(p, phi, psi), float(information(now, tpr.middle, fpr.middle)))
    return Verifier(tpr, fpr, lr, capacity, Interval(*(x / math.log(2) for x in capacity)), carried)


def _capacity(phi: np.ndarray | float, psi: np.ndarray | float) -> np.ndarray:
    return np.asarray(budget.verifier_capacity((np.asarray(phi), np.asarray(psi))))


def information(p: np.ndarray | float, phi: np.ndarray | float, psi: np.ndarray | float) -> np.ndarray:
    """I(truth; verdict) = h(pφ+(1−p)ψ) − p h(φ) − (1−p) h(ψ), at the accuracy p."""
    return np.maximum(_h(p * phi + (1 - p) * psi) - p * _h(phi) - (1 - p) * _h(psi), 0)


def _h(x: np.ndarray | float) -> np.ndarray:
    x = np.clip(np.asarray(x, float), 0, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.nan_to_num(x * np.log(x)) - np.nan_to_num((1 - x) * np.log1p(-x))


def _signed(gap: np.ndarray, nats: np.ndarray, middle: float) -> Interval:
    """Of a number that is 0 where the gap is: its interval with the sign of the gap, from 0 where that is open."""
    low, high = np.quantile(np.sign(gap) * nats, (0.025, 0.975))
    ends = sorted(map(abs, map(float, (low, high))))
    return Interval(min(0.0 if low <= 0 <= high else ends[0], middle), middle, max(ends[1], middle))


def by_group(log: Log, *, draws: int | None = None) -> dict[str, Verifier]:
    """The rates of each COL=VALUE of a group with some labelled outputs of both kinds."""
    found = {}
    for name, group in log.groups.items():
        for code, value in enumerate(group.values):
            rows = group.codes == code
            known = log.truth[rows & log.labelled]
            if min((known == 1).sum(), (known == 0).sum()) >= FEWEST and not rows.all():
                found[f"{name}={value}"] = verifier(log.pick(rows), draws=draws)
    return found


def roc(log: Log) -> Roc | None:
    """The thresholds of a score, None without a score or without labels of both kinds."""
    if log.score is None:
        return None
    rows = log.labelled & ~np.isnan(log.score)
    score, truth, prompt = log.score[rows], log.truth[rows], log.prompt[rows]
    if not 0 < truth.sum() < truth.size:
        return None
    thresholds, curve = _curve(score, truth)
    nats = information(truth.mean(), curve[:, 1], curve[:, 0])
    best = int(nats.argmax())
    return Roc(
        float(thresholds[best]),
        float(curve[best, 1]),
        float(curve[best, 0]),
        float(nats[best]),
        _held_out(score, truth, prompt),
        _auc(score, truth, prompt),
        curve,
    )


def _curve(score: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Accepted is a score of at least each of the different ones: (fpr, tpr)."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), score.size - 1)
    correct = np.cumsum(truth[order])[last]
    wrong = last + 1 - correct
    return score[order][last], np.stack([wrong / max(wrong[-1], 1), correct / max(correct[-1], 1)], 1)


def _held_out(score: np.ndarray, truth: np.ndarray, prompt: np.ndarray) -> float:
    """Nats of the best threshold of one half of the prompts in the other half, the mean of both ways."""
    half = np.random.default_rng(0).permutation(int(prompt.max()) + 1)[prompt] % 2 == 0
    found = []
    for chosen, measured in ((half, ~half), (~half, half)):
        if not all(0 < truth[part].sum() < part.sum() for part in (chosen, measured)):
            return np.nan
        thresholds, curve = _curve(score[chosen], truth[chosen])
        best = thresholds[information(truth[chosen].mean(), curve[:, 1], curve[:, 0]).argmax()]
        accepted, correct = score[measured] >= best, truth[measured] == 1
        found.append(information(correct.mean(), accepted[correct].mean(), accepted[~correct].mean()))
    return float(np.mean(found))


def _auc(score: np.ndarray, truth: np.ndarray, prompt: np.ndarray) -> Interval:
    """P(a correct output scores higher than a wrong one), equals half; its interval on the logit scale, by prompts.

    Obuchowski (1997), Biometrics 53: the placements of a prompt's outputs are summed.
    """
    correct, wrong = np.sort(score[truth == 1]), np.sort(score[truth == 0])
    below = (np.searchsorted(wrong, score) + np.searchsorted(wrong, score, side="right")) / 2 / wrong.size
    above = 1 - (np.searchsorted(correct, score) + np.searchsorted(correct, score, side="right")) / 2 / correct.size
    auc = float(below[truth == 1].mean())
    influence = np.where(truth == 1, (below - auc) / correct.size, (above - auc) / wrong.size)
    each = np.bincount(prompt, influence)
    each = each[np.bincount(prompt) > 0]
    stderr = float(np.sqrt((each**2).sum() * each.size / max(each.size - 1, 1)))
    if not 0 < auc < 1 or each.size < 2:
        least = 3 / min(correct.size, wrong.size)  # none of so many pairs is in the other order
        return Interval(max(0.0, auc - least), auc, min(1.0, auc + least))
    reach = stdtrit(each.size - 1, 0.975) * stderr / (auc * (1 - auc))
    return Interval(*(float(expit(logit(auc) + step)) for step in (-reach, 0, reach)))
