"""What retraining on a log's accepted outputs reaches, prompt by prompt, and how many attempts a prompt are worth it.

Of the accepted outputs of prompt i the share r_i is correct. A model of many samples a prompt that is refitted to what
was accepted has it after one round. Round t multiplies its odds by F(t)/F(1), F(t) = (ρφ+(1−ρ)φ^t)/(ρψ+(1−ρ)ψ^t), ρ the
persistent share (`theory.budget.persistent_rounds`): LR^(t−1) for independent errors, 1 for persistent ones.

A prompt of few logged outputs is taken as they are: where no correct one was accepted, its share stays 0. With one
output a prompt nothing is known of a prompt: the middle is that of prompts alike, with the share of all, the lower end
that of prompts in which all outputs are correct or none is.
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.questions.audit.rates import Verifier
from experiments.questions.errors import Errors
from experiments.questions.intervals import Interval, of_draws
from experiments.questions.logs import Log
from experiments.questions.posterior import (
    AT_ONCE,
    Posterior,
    Tally,
    alike,
    posterior,
    tally,
    with_pseudo_prompts,
)
from theory import budget

ROUNDS = (1, 2, 3, 5, 10, 30)
ROUNDS_DRAWS = 1_000
COSTS = (0.5, 1.0, 2.0, 4.0)  # of a false positive, in correct answers
ENDLESS = 1e-6  # by which a limited number of attempts must gain more
ATTEMPTS = np.unique(np.geomspace(1, 1000, 60).astype(int))


class Accuracy(NamedTuple):
    """Shares correct: of all outputs now; then of what is accepted, a mean over prompts with an accepted output."""

    now: Interval | None
    one_round: Interval | None
    limit_independent: Interval | None
    limit_persistent: Interval | None
    one_round_all_prompts: Interval | None  # prompts without an accepted output at their present accuracy
    limit_independent_all_prompts: Interval | None
    limit_persistent_all_prompts: Interval | None


class Prompts(NamedTuple):
    """How the prompts stand [count]."""

    never_accepted: int  # of all prompts
    no_correct_accepted: int  # of those with labelled accepted outputs: what wins is wrong
    mixed: int  # correct and wrong outputs accepted: further rounds can decide these alone
    no_wrong_accepted: int


class Path(NamedTuple):
    """The accuracy by rounds, for each kind of errors."""

    rounds: tuple[int, ...]
    independent: tuple[Interval, ...]
    persistent: tuple[Interval, ...]
    estimated: tuple[Interval, ...] | None  # with the persistent share of the log, if it is neither 0 nor 1


class Attempts(NamedTuple):
    """Outputs drawn for a prompt until one is accepted, of k at most; a wrong one costs `cost` correct ones."""

    cost: float
    best: int | None  # k of the largest gain; 0: better not to answer; None: as many as it takes
    gain: float  # correct − cost · wrong, a prompt
    unlimited: float  # of as many attempts as it takes


class Reached(NamedTuple):
    """All that a log says about retraining on it."""

    accuracy: Accuracy
    prompts: Prompts
    path: Path | None
    second_verifier: Interval | None  # accuracy of what this and another, independent verifier of equal rates accept
    attempts: tuple[Attempts, ...]  # empty where a prompt has one output
    pooled: bool  # one output a prompt: the middles of limits and later rounds take all prompts as alike


def reached(log: Log, verifier: Verifier, errors: Errors, *, draws: int | None = None) -> Reached:
    """Accuracy by rounds, with intervals over prompts."""
    real = tally(log)
    pooled = bool(real.rows.max() <= 1)
    never = int((real.accepted <= 0 if log.hard else _most(log) < 0.5).sum())
    counts = with_pseudo_prompts(real)
    some, share = counts.judged > 0, _share(counts.accepted_correct, counts.judged)
    present, known = _share(counts.correct, counts.labelled), counts.labelled > 0
    values = {
        "correct": counts.correct,
        "labelled": counts.labelled,
        "some": some,
        "share": some * share,
        "has_correct": counts.accepted_correct > 0,
        "no_wrong": some & (counts.accepted_wrong == 0),
        "known": known,
        "share_all": np.where(some, share, present),
        "has_correct_all": np.where(some, counts.accepted_correct > 0, present),
        "no_wrong_all": np.where(some, counts.accepted_wrong == 0, present),
        "accepted_correct": counts.accepted_correct,
        "accepted_wrong": counts.accepted_wrong,
        "wrong": counts.wrong,
    }
    found = posterior(values, draws=draws)
    rejected_known = verifier.likelihood_ratio is not None
    one, everywhere = found.ratio("share", "some"), found.ratio("share_all", "known")
    everywhere = everywhere if rejected_known else None  # labels of accepted outputs alone say nothing of the others
    accuracy = Accuracy(
        found.ratio("correct", "labelled") if rejected_known else None,
        one,
        _limit(found, "", "some", pooled) if rejected_known and one else None,
        one,
        everywhere,
        _limit(found, "_all", "known", pooled) if rejected_known and one else None,
        everywhere,
    )
    judged = real.judged > 0
    prompts = Prompts(
        never,
        int((judged & (real.accepted_correct == 0)).sum()),
        int(((real.accepted_correct > 0) & (real.accepted_wrong > 0)).sum()),
        int((judged & (real.accepted_wrong == 0)).sum()),
    )
    path = _path(counts, verifier, errors, pooled) if rejected_known and one else None
    attempts = () if pooled or not rejected_known else tuple(best_attempts(real, cost) for cost in COSTS)
    return Reached(accuracy, prompts, path, path.independent[1] if path else None, attempts, pooled)


def _most(log: Log) -> np.ndarray:
    """The largest verdict of each prompt, where verdicts are probabilities."""
    most = np.zeros(int(log.prompt.max()) + 1)
    np.maximum.at(most, log.prompt, log.verdict)
    return most


def _share(part: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.divide(part, of, out=np.zeros(len(part)), where=of > 0)


def _limit(found: Posterior, which: str, below: str, pooled: bool) -> Interval:
    """Independent errors, rounds without end: correct where a correct output is there if LR > 1, wrong if LR < 1.

    That no correct output was accepted does not show that there is none: no upper bound but 1.
    """
    lr = np.log(found.drawn("accepted_correct", "correct") / found.drawn("accepted_wrong", "wrong"))
    draws = np.where(lr > 0, found.drawn(f"has_correct{which}", below), found.drawn(f"no_wrong{which}", below))
    seen = found.seen
    gains = seen["accepted_correct"] * seen["wrong"] > seen["accepted_wrong"] * seen["correct"]
    middle = seen[f"{'has_correct' if gains else 'no_wrong'}{which}"] / seen[below]
    if pooled and seen["accepted_correct"] and seen["accepted_wrong"]:
        middle = float(gains)
    interval = of_draws(middle, draws)
    return interval._replace(high=1.0) if (lr > 0).mean() >= 0.025 else interval


def _path(counts: Tally, verifier: Verifier, errors: Errors, pooled: bool) -> Path:
    """The accuracy by rounds: the mean of r_i after F(t)/F(1), for draws of the rates, the share and the prompts."""
    judged = counts.judged > 0
    first, place, _ = alike([counts.accepted_correct, counts.accepted_wrong])
    patterns = np.stack([counts.accepted_correct, counts.accepted_wrong], 1)[first]
    values = {f"pattern{j}": (place == j) & judged for j in range(len(patterns))}
    values |= {name: getattr(counts, name) for name in ("accepted_correct", "accepted_wrong", "correct", "wrong")}
    number = int(np.clip(AT_ONCE // len(counts.rows), 200, ROUNDS_DRAWS))
    found = posterior(values, draws=number)
    weights = np.stack([found.sums[f"pattern{j}"] for j in range(len(patterns))], 1)
    seen = np.array([found.seen[f"pattern{j}"] for j in range(len(patterns))])
    rates = [found.drawn(f"accepted_{kind}", kind) for kind in ("correct", "wrong")]
    assert verifier.tpr is not None and verifier.fpr is not None
    middle = verifier.tpr.middle, verifier.fpr.middle
    share = _share(patterns[:, 0], patterns.sum(1))

    def along(rho: Interval) -> tuple[Interval, ...]:
        drawn = np.random.default_rng(1).triangular(*_spread(rho), number)
        alike = [(w @ share / w.sum(1))[:, None] for w in (seen[None], weights)]
        ones = np.ones((1, 1))
        found = []
        for t in ROUNDS:
            by_prompt = _after(share, weights, rates, drawn, t)
            at = float(_after(share, seen[None], middle, rho.middle, t)[0])
            interval = of_draws(at, by_prompt)
            if pooled:
                at = float(_after(alike[0], ones, middle, rho.middle, t)[0])
                high = of_draws(at, _after(alike[1], ones, rates, drawn, t)).high
                interval = Interval(min(interval.low, at), at, high)
            found.append(interval)
        return tuple(found)

    rho = errors.persistent_share
    mixed = rho is not None and 0 < rho.middle < 1
    none, all_of_it = Interval(0, 0, 0), Interval(1, 1, 1)
    return Path(ROUNDS, along(none), along(all_of_it), along(rho) if rho is not None and mixed else None)


def _spread(rho: Interval) -> tuple[float, float, float]:
    """A distribution of the share, over its interval."""
    return (rho.low, rho.middle, rho.high) if rho.low < rho.high else (rho.low, rho.low + 1e-12, rho.low + 2e-12)


def _after(share: np.ndarray, weights: np.ndarray, rates: Any, rho: Any, t: int) -> np.ndarray:
    """Σ weight · r(t) / Σ weight [draw], r_i's odds times F(t)/F(1)."""
    rho = np.clip(np.asarray(rho, float), 0, 1)
    half = [np.asarray(budget.persistent_rounds(tuple(map(np.asarray, rates)), 0.5, rho, s)) for s in (1, t)]
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.atleast_1d(half[1] * (1 - half[0]) / ((1 - half[1]) * half[0]))[:, None]
        odds = factor * share / (1 - share)
        after = np.where(np.isinf(odds), 1.0, odds / (1 + odds))
    after = np.where((share == 0) | (share == 1) | np.isnan(after), share, after)
    return (weights * after).sum(1) / weights.sum(1)


def best_attempts(counts: Tally, cost: float) -> Attempts:
    """The k with the largest E[a_i/(a_i+b_i) (1 − (1−a_i−b_i)^k)] − cost · E[b_i/(a_i+b_i) (1 − (1−a_i−b_i)^k)].

    `theory.policies.resampling`, with the prompts' rates as logged: a_i of the outputs of prompt i are correct and
    accepted, b_i wrong and accepted.
    """
    known = counts.labelled > 0
    a, b = (part[known] / counts.labelled[known] for part in (counts.accepted_correct, counts.accepted_wrong))
    patterns, times = np.unique(np.stack([a, b], 1), axis=0, return_counts=True)
    gain, rate = patterns @ np.array([1, -cost]), patterns.sum(1)
    each = _share(gain, rate)
    reach = 1 - (1 - rate) ** np.append(0, ATTEMPTS)[:, None]
    curve, unlimited = reach @ (each * times) / times.sum(), float(each @ times / times.sum())
    best = int(curve.argmax())
    if unlimited >= curve[best] - ENDLESS:
        return Attempts(cost, None, unlimited, unlimited)
    return Attempts(cost, int(np.append(0, ATTEMPTS)[best]), float(curve[best]), unlimited)
