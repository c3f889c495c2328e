"""A verifier's rates from labelled verdicts, with what so few labels leave open."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.stats

YES = ("1", "true", "yes", "keep", "accept", "right", "correct")
NO = ("0", "false", "no", "drop", "reject", "wrong", "incorrect")
WORDS: dict[str, bool] = {word: word in YES for word in YES + NO}


class Counts(NamedTuple):
    """How often a verifier kept labelled outputs."""

    kept_right: int
    correct: int
    kept_wrong: int
    wrong: int

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
        k, n = np.array([[self.kept_right, self.kept_wrong], [self.correct, self.wrong]])[..., None]
        return scipy.stats.beta.ppf(levels, k + 0.5, n - k + 0.5)

    def rates(self) -> tuple[float, float]:
        """tpr and fpr, the posterior medians: inside every interval, also where all or none was kept."""
        tpr, fpr = self.quantiles(np.array([0.5]))[:, 0]
        return float(tpr), float(fpr)

    def lines(self) -> list[str]:
        """Both rates with their 95 % intervals."""
        groups = ("tpr", self.kept_right, self.correct, "right"), ("fpr", self.kept_wrong, self.wrong, "wrong")
        found = []
        for (name, k, n, kind), quantiles in zip(groups, self.quantiles(np.array([0.025, 0.5, 0.975])), strict=True):
            low, middle, high = (f"{rate:.3g}" for rate in quantiles)
            found.append(f"{name} {middle} [95 %: {low} to {high}], kept {k} of {n} {kind}")
        return found


def read_counts(path: Path) -> Counts:
    """Counts of a CSV with the columns verdict and truth: in this order, or as a header says."""
    header, tally = None, dict.fromkeys([(v, t) for v in (True, False) for t in (True, False)], 0)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            for row in rows:
                cells = [cell.strip().lower() for cell in row]
                if not any(cells):
                    continue
                if header is None:
                    named = {"verdict", "truth"} <= set(cells)
                    header = cells if named else ["verdict", "truth"]
                    if named:
                        continue
                named_cells = dict(zip(header, cells, strict=False))
                words = named_cells.get("verdict"), named_cells.get("truth")
                if len(cells) != len(header) or any(word not in WORDS for word in words):
                    accepted = f"{','.join(header)}, where verdict and truth are each one of {', '.join(WORDS)}"
                    raise ValueError(f"{path}, line {rows.line_num}: {','.join(row)!r} was given; accepted: {accepted}")
                tally[WORDS[str(words[0])], WORDS[str(words[1])]] += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV in UTF-8: {error}") from error
    if header is None:
        raise ValueError(f"{path} is empty; accepted: a CSV with the columns verdict,truth")
    counts = Counts(
        tally[True, True],
        tally[True, True] + tally[False, True],
        tally[True, False],
        tally[True, False] + tally[False, False],
    )
    for kind, number in (("right", counts.correct), ("wrong", counts.wrong)):
        if not number:
            raise ValueError(f"{path} has no output whose truth is {kind}; both kinds are needed to know the verifier")
    return counts
