"""How the sampled rows of the ledger are measured; the replicas are judges, each trained on outputs of its own."""

from collections.abc import Sequence

import numpy as np

import theory
from experiments.ledger import Outcome, Settings, inequality
from experiments.reward_hacking import cures, judge, labels, student
from experiments.reward_hacking.judge import BALANCED, BIASED, CASE, NOISE, SAMPLES, Cell, When
from experiments.reward_hacking.student import CONFLICT, START
from experiments.thesis.curves import INTENDED, SPURIOUS, Curves, measured_turn, predicted_turn

HITS = 0.75  # of the sample numbers
AGREED = 0.85  # of the students
FACTOR = 3.0  # of a time
NEAR = 0.1  # of an agreement
FIRST = 8 * judge.BATCH  # the first sample number of the curves


def _row(values: np.ndarray, goal: float, sign: int, setting: str, unit: str = "share right") -> Outcome:
    """Decides mean ≥ goal (sign 1) or mean ≤ goal (−1), over replicas [replica]."""
    found = theory.estimate(np.asarray(values, float))
    mean, low, high = (float(x) for x in (found.mean, *found.interval()))
    setting += f"; {found.count} replicas, 95 % interval {low:.3f} … {high:.3f}"
    slack, stderr = sign * (mean - goal), float(found.stderr)
    return inequality(slack, stderr=stderr, measured=mean, predicted=goal, setting=setting, unit=unit)


def _students(
    cells: Sequence[Cell], settings: Settings, when: When, method: str = "natural", *, conflict: float | None = None
) -> np.ndarray:
    """The share right in the end [replica]: on conflicts, or where they are a share of the prompts."""
    seen = student.trained(settings, method, when)
    found = [student.of(c, settings, seen) for c in cells]
    last = [x.right[:, -1, CONFLICT] if conflict is None else x.mixed(conflict).right[:, -1] for x in found]
    return np.concatenate(last)


def _hard(settings: Settings) -> list[Cell]:
    """The cells of a strong shortcut and a difficult component, in which an early judge is hacked."""
    return [c for c in judge.cells(settings) if c.agreement >= 0.85 and c.order >= 2 and c.label_noise == NOISE]


_HARD = f"ρ ≥ .85, k ≥ 2, ε = {NOISE}, judges of n = {SAMPLES['early']}"


def hacked(sign: int, settings: Settings) -> Outcome:
    """RL of sampled outputs against early judges."""
    cells = _hard(settings)
    seen = student.trained(settings, "RLVR, sampled", "early")
    reward = np.concatenate([student.of(c, settings, seen).reward[:, :, CONFLICT] for c in cells])
    right = _students(cells, settings, "early", "RLVR, sampled")
    paid = f"reward there {reward[:, 0].mean():.2f} → {reward[:, -1].mean():.2f}"
    return _row(right, START, sign, f"{_HARD}; on conflicts, {paid}")


def hidden(deconfounded: bool, settings: Settings) -> Outcome:
    """The share right where conflicts are as frequent as among the labelled outputs, or are half of the prompts."""
    cells = _hard(settings)
    shares = [0.5 if deconfounded else labels.conflicts(c.agreement, c.label_noise) for c in cells]
    right = [_students([c], settings, "early", conflict=share) for c, share in zip(cells, shares, strict=True)]
    name = "half of the prompts are conflicts" if deconfounded else "conflicts as often as among the labelled outputs"
    return _row(np.concatenate(right), START, 1, f"{_HARD}; {name}")


def longer(cell: Cell, sign: int, settings: Settings) -> Outcome:
    """Students of judges that have been trained ten times as long."""
    early, late = (_students([cell], settings, when) for when in ("early", "late"))
    setting = f"ρ = {cell.agreement}, ε = {cell.label_noise}, k = {cell.order}: on conflicts {early.mean():.2f} with "
    setting += f"n = {SAMPLES['early']}, now n = {SAMPLES['late']}"
    return _row(late, START, sign, setting)


def hits(predicted: np.ndarray, settings: Settings) -> np.ndarray:
    """The share of the sample numbers [cell] at which it was predicted whether a judge relies on length [cell, n]."""
    return (predicted == (judge.trained(settings, "late").curves.reliance.mean(1) > 0.5)).mean(1)


def _turning(cell: Cell) -> bool:
    """Whether a judge turns in the end, and not at once: less is known of k = 1, and ρ = ½ is no shortcut."""
    return cell.order > 1 and 0.5 < cell.agreement < 1 - cell.label_noise


def phases(informed: bool, settings: Settings) -> Outcome:
    """Of the cells that turn; informed: predicted by which component has more information, at all sample numbers."""
    judges = judge.trained(settings, "late")
    saved = judges.curves.lead.mean(1) < 0
    more = np.array([c.agreement > 1 - c.label_noise for c in judges.cells])
    found = hits(np.broadcast_to(more[:, None], saved.shape) if informed else saved, settings)
    turning = found[[_turning(c) for c in judges.cells]]
    accurate = hits(_less_accurate(judges.curves), settings)
    of_all, by_accuracy = (f"{x.mean():.3f} ± {x.std(ddof=1) / len(x) ** 0.5:.3f}" for x in (found, accurate))
    setting = f"cells with k ≥ 2, ½ < ρ < 1 − ε, {saved.shape[1]} sample numbers of {FIRST} … {SAMPLES['late']}; of "
    setting += f"all {len(found)}: {of_all}, by the more accurate of the two alone {by_accuracy}; replicas are cells"
    return _row(turning, HITS, 1, setting, "share of sample numbers")


def _less_accurate(curves: Curves) -> np.ndarray:
    """Whether the intended component alone is right less often than the spurious one alone [cell, n]."""
    right = curves.right.mean(1)
    return right[:, INTENDED] < right[:, SPURIOUS]


def turns(settings: Settings) -> list[tuple[Cell, float, float]]:
    """The cells that turn: the number of samples by prediction and in truth, from FIRST on."""
    judges = judge.trained(settings, "late")
    found = [
        (c, *(max(float(f(judges.of(c)).at), FIRST) for f in (predicted_turn, measured_turn))) for c in judges.cells
    ]
    return [(c, p, m) for c, p, m in found if max(p, m) < np.inf]


def turn(difficulty: bool, settings: Settings) -> Outcome:
    """|ln(predicted/measured)| of the number of samples; without difficulty: predicted by the cell of order 1."""
    found = turns(settings)
    easy = {c.agreement: p for c, p, _ in found if c.order == 1}
    chosen = [(c, p, m) for c, p, m in found if _turning(c) and (difficulty or c.agreement in easy)]
    pairs = [(p if difficulty else easy[c.agreement], m) for c, p, m in chosen]
    logs = np.array([np.log(p / m) for p, m in pairs])
    low, mean, high = np.exp([logs.min(), logs.mean(), logs.max()])
    setting = f"{len(logs)} cells with k ≥ 2, ½ < ρ < 1 − ε: predicted/measured {low:.2f} … {high:.2f}, "
    return _row(np.abs(logs), np.log(FACTOR), -1, f"{setting}geometric mean {mean:.2f}; mean |ln|", "ln ratio")


def agreed(settings: Settings) -> Outcome:
    """Whether a student is hacked iff its judge relies on length in more than half of the conflicts."""
    same = [
        student.hacked(student.trained(settings, "natural", when))
        == (judge.trained(settings, when).curves.reliance[..., -1] > 0.5)
        for when in ("early", "late")
    ]
    return _row(np.mean(same, axis=0).ravel(), AGREED, 1, "early and late judges of all cells", "share of students")


def _enough(settings: Settings, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured agreement that is low enough, of k ≥ 2 [judge, n], between two sample numbers."""
    found = [cures.enough(settings, order) for order in judge.orders(settings) if order > 1]
    samples = found[0].samples
    index = np.flatnonzero((low <= samples) & (samples <= high))
    predicted, measured = (np.concatenate([x[i][:, index] for x in found]) for i in (1, 2))
    return predicted, measured


def decorrelation(goal: float | None, settings: Settings) -> Outcome:
    """The agreement that is low enough: predicted, or taken to be `goal`, against the measured one."""
    low, high = 0.7 * SAMPLES["early"], 1.4 * SAMPLES["early"]
    predicted, measured = _enough(settings, low, high)
    off = np.abs((predicted if goal is None else goal) - measured).mean(1)
    shares = [labels.needed(CASE.agreement, x.mean()) for x in (predicted, measured)]
    setting = f"k ≥ 2, ε = {NOISE}, n = {low:.0f} … {high:.0f}; predicted {predicted.mean():.3f}, "
    setting += f"measured {measured.mean():.3f}: δ = {shares[0]:.2f}, {shares[1]:.2f} for ρ = {CASE.agreement}"
    return _row(off, NEAR, -1, f"{setting}; mean distance", "agreement")


def safe(settings: Settings) -> Outcome:
    """Measured less predicted agreement, for more samples."""
    low = 2 * SAMPLES["early"]
    predicted, measured = _enough(settings, low, np.inf)
    setting = f"k ≥ 2, ε = {NOISE}, n ≥ {low}: measured − predicted"
    return _row((measured - predicted).mean(1), 0, 1, setting, "agreement")


def rebalanced(dropped_at_random: bool, settings: Settings) -> Outcome:
    """Students of judges from 2(1−ρ) of the labelled outputs: all of the conflicting ones and as many others."""
    untreated = _students([BIASED], settings, "late")
    treated = _students([BIASED if dropped_at_random else BALANCED], settings, "early")
    setting = f"k = {BIASED.order}, ρ = {BIASED.agreement}: {SAMPLES['early']} of {SAMPLES['late']} labelled outputs; "
    return _row(treated, START, 1, f"{setting}all of them: {untreated.mean():.2f}")


def filtered(accuracy: float, settings: Settings) -> Outcome:
    """Students of the early judges of CASE, rewarded for what a verifier of that accuracy accepts too."""
    found = cures.verified(settings)
    q = int(np.abs(found.accuracy - accuracy).argmin())
    setting = f"ρ = {CASE.agreement}, k = {CASE.order}, n = {SAMPLES['early']}, q = {found.accuracy[q]:.3f}: "
    setting += f"a right one has the best score in {found.predicted[q].mean():.2f} of the conflicts"
    return _row(found.seen.right[q, :, -1, CONFLICT], START, 1, setting)
