"""Rates and shares of a log with what its prompts leave open: the Bayesian bootstrap over prompts.

Outputs of a prompt are not independent, prompts are. Each prompt has a random weight, Gamma(1), and so have four
pseudo-prompts, Gamma(½), of a typical number of correct or of wrong outputs, all accepted or all rejected. Every number
of the audit is a ratio of weighted sums, and its interval that of the ratio. With one output a prompt these are
Jeffreys' posteriors: a rate of k of n has Beta(k+½, n−k+½).

References:
    Rubin (1981), The Bayesian bootstrap, Annals of Statistics 9.
    Brown, Cai & DasGupta (2001), Interval estimation for a binomial proportion, Statistical Science 16: Jeffreys'.
    Cameron, Gelbach & Miller (2008), Bootstrap-based improvements for inference with clustered errors.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from experiments.questions.intervals import Interval, of_draws
from experiments.questions.logs import Log

DRAWS = 2_000, 100_000  # at least and at most
MOST_WEIGHTS = 10_000_000  # drawn in all, unless the fewest draws take more
AT_ONCE = 4_000_000


class Tally(NamedTuple):
    """What each prompt counts [prompt]: of labelled rows, but for `accepted` and `rows`."""

    rows: np.ndarray
    accepted: np.ndarray
    correct: np.ndarray
    wrong: np.ndarray
    accepted_correct: np.ndarray
    accepted_wrong: np.ndarray

    @property
    def labelled(self) -> np.ndarray:
        """Rows whose truth is known."""
        return self.correct + self.wrong

    @property
    def judged(self) -> np.ndarray:
        """Accepted rows whose truth is known."""
        return self.accepted_correct + self.accepted_wrong


def tally(log: Log) -> Tally:
    """The counts of each prompt."""
    size, known, correct = int(log.prompt.max()) + 1, log.labelled, np.nan_to_num(log.truth)

    def of(weights: np.ndarray) -> np.ndarray:
        return np.bincount(log.prompt, weights, size)

    wrong = known * (1 - correct)
    accepted = (log.verdict, correct, wrong, log.verdict * correct, log.verdict * wrong)
    return Tally(np.bincount(log.prompt, minlength=size), *map(of, accepted))


def with_pseudo_prompts(counts: Tally) -> Tally:
    """The counts with those of the four pseudo-prompts at the end."""

    def typical(of: np.ndarray) -> float:
        return float(of[of > 0].mean()) if (of > 0).any() else 1.0

    correct, wrong = typical(counts.correct), typical(counts.wrong)
    pseudo = [
        (size, size * yes, *((size, 0) if of else (0, size)), *((size * yes, 0) if of else (0, size * yes)))
        for size, of in ((correct, True), (wrong, False))
        for yes in (1, 0)
    ]
    return Tally(*(np.append(a, b) for a, b in zip(counts, zip(*pseudo, strict=True), strict=True)))


PSEUDO = 4  # prompts, each of half a weight


class Posterior(NamedTuple):
    """Weighted sums over the prompts, for each draw of their weights, and without weights."""

    sums: dict[str, Float[np.ndarray, " draw"]]
    seen: dict[str, float]

    def ratio(self, above: str, below: str) -> Interval | None:
        """The ratio of two sums, None where there is nothing below."""
        if not self.seen[below] > 0:
            return None
        return of_draws(self.seen[above] / self.seen[below], self.drawn(above, below))

    def drawn(self, above: str, below: str) -> np.ndarray:
        """The ratio in each draw."""
        return self.sums[above] / self.sums[below]


def posterior(values: dict[str, np.ndarray], *, draws: int | None = None) -> Posterior:
    """Σ weight · value over prompts, for sums of the values [prompt + 4], the pseudo-prompts last.

    Prompts of equal values are drawn together: the sum of k weights Gamma(1) is Gamma(k).
    """
    table = np.stack([np.asarray(v, float) for v in values.values()], 1)
    real = table[:-PSEUDO]
    first, _, times = alike(list(real.T))
    rows = np.concatenate([real[first], table[-PSEUDO:]])
    shapes = np.concatenate([times.astype(float), np.full(PSEUDO, 0.5)])
    rng = np.random.default_rng(0)
    draws = int(np.clip(MOST_WEIGHTS // len(rows), *DRAWS)) if draws is None else draws
    at_once = max(AT_ONCE // len(rows), 1)
    sums = np.concatenate(
        [rng.standard_gamma(shapes, (min(at_once, draws - i), len(rows))) @ rows for i in range(0, draws, at_once)]
    )
    return Posterior(dict(zip(values, sums.T, strict=True)), dict(zip(values, real.sum(0).tolist(), strict=True)))


def alike(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that agree in all columns: the first of each kind, the kind of each row, and how many there are.

    np.unique over rows, but that sorting whole numbers is faster.
    """
    codes = np.zeros(len(columns[0]), int)
    for column in columns:
        _, values = np.unique(column, return_inverse=True)
        _, codes = np.unique(codes * (int(values.max(initial=0)) + 1) + values, return_inverse=True)
    _, first, times = np.unique(codes, return_index=True, return_counts=True)
    return first, codes, times
