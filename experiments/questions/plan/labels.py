"""A verifier's rates from labelled verdicts, with what so few labels leave open."""

from typing import Any, NamedTuple

import numpy as np
import scipy.stats

from experiments.questions import tables
from experiments.validation import number, refuse

COLUMNS = ("verdict", "truth")
MOST = 2**63 - 1  # what 64 bits count to


class Counts(NamedTuple):
    """How often a verifier accepted labelled outputs."""

    accepted_correct: int
    correct: int
    accepted_wrong: int
    wrong: int

    @property
    def accuracy(self) -> float:
        """The share of the outputs that are correct."""
        return self.correct / (self.correct + self.wrong)

    def check(self) -> None:
        """Raises ValueError unless they count outputs of both kinds, of which some were accepted."""
        for name, all_outputs in (("correct", self.correct), ("wrong", self.wrong)):
            number(f"counts.{name}", all_outputs, lambda x: 1 <= x <= MOST, f"1 to {MOST:,}", int)
            field = f"accepted_{name}"
            most = int(all_outputs)
            number(f"counts.{field}", getattr(self, field), lambda x, most=most: 0 <= x <= most, f"0 to {most}", int)

    def draws(self, number: int) -> np.ndarray:
        """Pairs (tpr, fpr) from the posteriors [2, draw]; always the same ones.

        Each rate takes its quantiles at even levels (a Latin hypercube), so that few draws place the ends well.
        """
        rng = np.random.default_rng(0)
        return self.quantiles((np.stack([rng.permutation(number), rng.permutation(number)]) + 0.5) / number)

    def quantiles(self, levels: np.ndarray) -> np.ndarray:
        """Quantiles of both rates from Jeffreys' posteriors Beta(k+½, n−k+½) [2, level].

        Args:
            levels: [level], or those of either rate [2, level].
        """
        k, n = np.array([[self.accepted_correct, self.accepted_wrong], [self.correct, self.wrong]])[..., None]
        return scipy.stats.beta.ppf(levels, k + 0.5, n - k + 0.5)

    def rates(self) -> tuple[float, float]:
        """tpr and fpr, the posterior medians: inside every interval, also where all or none was accepted."""
        tpr, fpr = self.quantiles(np.array([0.5]))[:, 0]
        return float(tpr), float(fpr)


def read_counts(data: Any) -> tuple[Counts, tuple[str, ...]]:
    """The counts of a table of verdict and truth, columns in this order or named by a header, and what was read.

    Args:
        data: a file (its path), a pandas or polars frame, or a mapping from names to arrays [n].
    """
    table = tables.read(data, names=COLUMNS)
    verdict, truth = (tables.binary(table, name) for name in COLUMNS)
    numbers = (verdict.values & truth.values, truth.values, verdict.values & ~truth.values, ~truth.values)
    counts = Counts(*(int(values.sum()) for values in numbers))
    for kind, found in (("correct", counts.correct), ("wrong", counts.wrong)):
        if not found:
            raise refuse(table.name, f"no output whose truth is {kind}", "outputs of both kinds, which the rates need")
    return counts, (table.said(), verdict.said, truth.said)
