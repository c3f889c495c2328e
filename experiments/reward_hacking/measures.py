"""How the sampled rows of the ledger are measured; the replicas are seeds, whose judges see outputs of their own."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

import theory
from experiments.ledger import Outcome, Settings, inequality
from experiments.reward_hacking import cures, judge, labels, student
from experiments.reward_hacking.judge import BALANCED, BIASED, CASE, NOISE, SAMPLES, Cell, When
from experiments.reward_hacking.student import CONFLICT, START
from experiments.thesis.curves import INTENDED, SPURIOUS, measured_turn, predicted_turn
from theory.intervals import Estimate

HITS = 0.85  # of the sample numbers
AGREED = 0.9  # of the students
FACTOR = 3.0  # of a time
NEAR = 0.1  # of an agreement
FIRST = 8 * judge.BATCH  # the first sample number of the curves
SHARE = "share right"
EXACT = "students by natural gradient, exact"
BRIEF = (CASE, CASE._replace(order=3))  # a strong shortcut, a difficult component: early judges are hacked


def interval(found: Estimate, unit: str = SHARE) -> tuple[np.ndarray, np.ndarray]:
    """Student's 95 % interval, as replicas are few; within [0, 1] where the unit is a share."""
    half = stats.t.ppf(0.975, found.count - 1) * np.asarray(found.stderr)
    ends = np.asarray(found.mean) - half, np.asarray(found.mean) + half
    return (np.clip(ends[0], 0, 1), np.clip(ends[1], 0, 1)) if unit.startswith("share") else ends


def _row(values: np.ndarray, goal: float, sign: int, setting: str, unit: str = SHARE, of: str = "seeds") -> Outcome:
    """Decides mean ≥ goal (sign 1) or mean ≤ goal (−1), over replicas [replica]."""
    found = theory.estimate(np.asarray(values, float))
    mean, low, high = (float(x) for x in (found.mean, *interval(found, unit)))
    setting += f"; {found.count} {of}, 95 % interval {low:.3g} … {high:.3g}"
    slack, stderr = sign * (mean - goal), float(found.stderr)
    return inequality(slack, stderr=stderr, measured=mean, predicted=goal, setting=setting, unit=unit)


def _students(
    cells: Sequence[Cell], settings: Settings, when: When, method: str = "natural", *, conflict: float | None = None
) -> np.ndarray:
    """The share right in the end, mean over cells [seed]: on conflicts, or where they are a share of the prompts."""
    seen = student.trained(settings, method, when)
    found = [student.of(c, settings, seen) for c in cells]
    last = [x.right[:, -1, CONFLICT] if conflict is None else x.mixed(conflict).right[:, -1] for x in found]
    return np.mean(last, axis=0)


def _judges(cells: Sequence[Cell], when: When) -> str:
    """In words, of one agreement and noise."""
    orders = ", ".join(str(c.order) for c in cells)
    return f"judges of n = {SAMPLES[when]}, ρ = {cells[0].agreement}, ε = {cells[0].label_noise:g}, k = {orders}"


def hacked(when: When, settings: Settings) -> Outcome:
    """That RL of sampled outputs lowers the share right on conflicts, against early judges or late ones."""
    seen = student.trained(settings, "RLVR, sampled", when)
    reward = np.mean([student.of(c, settings, seen).reward[:, :, CONFLICT] for c in BRIEF], axis=(0, 1))
    paid = f"on conflicts, whose reward goes from {reward[0]:.2f} to {reward[-1]:.2f}"
    right = _students(BRIEF, settings, when, "RLVR, sampled")
    return _row(right, START, -1, f"{_judges(BRIEF, when)}; students by RL on 4 sampled outputs a prompt; {paid}")


def hidden(deconfounded: bool, settings: Settings) -> Outcome:
    """The share right where conflicts are as frequent as among the labelled outputs, or are half of the prompts."""
    share = 0.5 if deconfounded else labels.conflicts(CASE.agreement, CASE.label_noise)
    right = _students(BRIEF, settings, "early", "RLVR, sampled", conflict=share)
    setting = f"{_judges(BRIEF, 'early')}; RL on 4 sampled outputs a prompt; conflicts are {share:.2f} of the prompts"
    return _row(right, START, 1, setting)


def longer(cell: Cell, sign: int, settings: Settings) -> Outcome:
    """Students of judges that have been trained ten times as long: better than the start (1), or worse (−1)."""
    early, late = (_students([cell], settings, when) for when in ("early", "late"))
    setting = f"{_judges([cell], 'late')}; {EXACT}; on conflicts, {early.mean():.2f} with n = {SAMPLES['early']}"
    return _row(late, START, sign, setting)


def hits(predicted: np.ndarray, settings: Settings) -> np.ndarray:
    """The share of sample numbers [cell, seed] at which it was foretold whether a judge relies on length [cell, *, n].

    Each seed's judge is compared with its own solo twins.
    """
    return (predicted == (judge.trained(settings, "late").curves.reliance > 0.5)).mean(-1)


def _turning(cell: Cell) -> bool:
    """Whether a judge turns in the end, and not at once: less is known of k = 1, and ρ = ½ is no shortcut."""
    return cell.order > 1 and 0.5 < cell.agreement < 1 - cell.label_noise


def _informed(cells: Sequence[Cell]) -> np.ndarray:
    """Whether length has more information on the label than correctness has [cell]."""
    return np.array([c.agreement > 1 - c.label_noise for c in cells])


def phases(informed: bool, settings: Settings) -> Outcome:
    """Predicted by which component alone has saved more; informed: by which has more information, at all n."""
    cells, curves, _ = judge.trained(settings, "late")
    more = np.broadcast_to(_informed(cells)[:, None, None], curves.lead.shape)
    right = curves.right[..., INTENDED, :] < curves.right[..., SPURIOUS, :]
    found, rival = (hits(x, settings) for x in (more if informed else curves.lead < 0, right))
    turning = found[[_turning(c) for c in cells]].mean()
    setting = f"{len(cells)} cells of ρ, k, ε, {len(curves.samples)} sample numbers of {FIRST} … {SAMPLES['late']}; "
    setting += f"{turning:.3f} in cells with k ≥ 2, ½ < ρ < 1 − ε; by the more accurate alone {rival.mean():.3f} of all"
    return _row(found.mean(0), HITS, 1, setting, "share of sample numbers")


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
    total = sum(map(_turning, judge.cells(settings)))
    setting = f"k ≥ 2, ½ < ρ < 1 − ε, turns seen by n = {SAMPLES['late']}, {len(logs)} of {total}; predicted/measured "
    setting += f"{low:.2f} … {high:.2f}, geometric mean {mean:.2f}; mean |ln|, its error over cells"
    return _row(np.abs(logs), np.log(FACTOR), -1, setting, "ln ratio", "cells")


def agreed(informed: bool, settings: Settings) -> Outcome:
    """Whether a student is hacked iff its judge relies on length; informed: iff length has more information."""
    more = _informed(judge.cells(settings))[:, None]
    same = [
        student.hacked(student.trained(settings, "natural", when))
        == (more if informed else judge.trained(settings, when).curves.reliance[..., -1] > 0.5)
        for when in SAMPLES
    ]
    setting = f"judges of n = {SAMPLES['early']} and {SAMPLES['late']}, all {len(more)} cells of ρ, k, ε; {EXACT}"
    return _row(np.mean(same, axis=(0, 1)), AGREED, 1, setting, "share of students")


def _enough(settings: Settings, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured agreement that is low enough, of k ≥ 2 [k, seed, n], between two sample numbers."""
    found = [cures.enough(settings, order) for order in judge.orders(settings) if order > 1]
    samples = found[0].samples
    index = np.flatnonzero((low <= samples) & (samples <= high))
    predicted, measured = (np.stack([x[i][:, index] for x in found]) for i in (1, 2))
    return predicted, measured


def decorrelation(goal: float | None, settings: Settings) -> Outcome:
    """The agreement that is low enough: predicted, or taken to be `goal`, against the measured one."""
    low, high = 0.7 * SAMPLES["early"], 1.4 * SAMPLES["early"]
    predicted, measured = _enough(settings, low, high)
    off = np.abs((predicted if goal is None else goal) - measured).mean((0, 2))
    shares = [labels.needed(CASE.agreement, x.mean()) for x in (predicted, measured)]
    setting = f"k ≥ 2, ε = {NOISE}, n = {low:.0f} … {high:.0f}; predicted {predicted.mean():.3f}, "
    setting += f"measured {measured.mean():.3f}: δ = {shares[0]:.2f}, {shares[1]:.2f} for ρ = {CASE.agreement}"
    return _row(off, NEAR, -1, f"{setting}; mean distance", "agreement")


def safe(low: float, high: float, settings: Settings) -> Outcome:
    """Measured less predicted agreement, between two sample numbers."""
    predicted, measured = _enough(settings, low, high)
    setting = f"k ≥ 2, ε = {NOISE}, n = {low:.0f} … {min(high, SAMPLES['late']):.0f}: measured − predicted"
    return _row((measured - predicted).mean((0, 2)), 0, 1, setting, "agreement")


def rebalanced(dropped_at_random: bool, settings: Settings) -> Outcome:
    """The gain of students of judges from 2(1−ρ) of the labelled outputs, or the loss of those from all, if less."""
    untreated = _students([BIASED], settings, "late")
    treated = _students([BIASED if dropped_at_random else BALANCED], settings, "early")
    setting = f"ρ = {BIASED.agreement}, ε = {NOISE}, k = {BIASED.order}, {EXACT}; on conflicts {treated.mean():.2f} "
    setting += (
        f"by judges of {SAMPLES['early']} labelled outputs, {untreated.mean():.2f} by those of {SAMPLES['late']}, "
    )
    setting += f"{START} at first: gain or loss, the less"
    return _row(np.minimum(treated - START, START - untreated), 0, 1, setting, "gain in share right")


def filtered(accuracy: float, settings: Settings) -> Outcome:
    """Students of the early judges of CASE, rewarded for what a verifier of that accuracy accepts too."""
    found = cures.verified(settings)
    q = int(np.abs(found.accuracy - accuracy).argmin())
    setting = f"{_judges([CASE], 'early')}; {EXACT}; a verifier of q = {found.accuracy[q]:.3f}, with which a right "
    setting += f"output has the best score in {found.predicted[q].mean():.2f} of the conflicts"
    return _row(found.seen.right[q, :, -1, CONFLICT], START, 1, setting)
