"""The code length that a table of Krichevsky–Trofimov counts saves, and what a column carries about the verdict.

References:
    Krichevsky & Trofimov (1981), The performance of universal encoding. IEEE Trans. Inf. Theory 27.
    Kish (1965), Survey Sampling: effective sample size of clustered samples.
    Venables (1975), Calculation of confidence intervals for noncentrality parameters. J. R. Stat. Soc. B 37.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.special import betaln, chndtrinc, ndtri, stdtrit

from experiments.questions.intervals import LEVELS, Interval

MOST = math.log(2)  # nats that anything carries about a verdict
MORE = 1.0  # rows of each verdict in each cell, beside those seen, where the variance is taken
TINY = 1e-300
NORMAL_FROM = 1e6  # a noncentral chi-square above this is a squared Gaussian


def ln_kt(accepted: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """ln B(a + ½, b + ½) − ln B(½, ½): of verdicts in any order, predicted one by one by (a + ½)/(a + b + 1)."""
    return betaln(accepted + 0.5, rejected + 0.5) - math.log(math.pi)


def merged(counts: Float[np.ndarray, "*shape cell 2"], merge: Int[np.ndarray, " cell"]) -> np.ndarray:
    """The counts of joined cells."""
    joins = np.equal.outer(np.arange(merge.max() + 1), merge).astype(float)
    return joins @ counts


def nats_saved(counts: Float[np.ndarray, "*shape cell 2"], merges: Sequence[np.ndarray]) -> np.ndarray:
    """S = ln mean_m exp [Σ_cells ln KT(a, b)] − ln KT(Σ a, Σ b), for counts of rejected and accepted in each cell.

    The code length saved over predicting verdicts without seeing the column, by a Bayesian mixture of the tables. A
    score between 0 and 1 counts as so much of a verdict.
    """
    tables = [ln_kt(one[..., 1], one[..., 0]).sum(-1) for one in (merged(counts, merge) for merge in merges)]
    pooled = counts.sum(-2)
    best = np.logaddexp.reduce(tables, axis=0) - math.log(len(tables))
    return best - ln_kt(pooled[..., 1], pooled[..., 0])


def best(counts: Float[np.ndarray, "cell 2"], merges: Sequence[np.ndarray]) -> np.ndarray:
    """The table that has saved most."""
    return max(merges, key=lambda merge: float(nats_saved(counts, [merge])))


def pointwise(counts: Float[np.ndarray, "*stratum cell 2"], least: float = 0.0) -> np.ndarray:
    """ln n_fv n_t/(n_ft n_vt) of each stratum t, cell f and verdict v; counts are `least` or more.

    0 in a stratum of one verdict, in an empty cell, and where a count is 0.
    """
    classes = counts.sum(-2, keepdims=True)
    cells, total = counts.sum(-1, keepdims=True), classes.sum(-1, keepdims=True)
    raised = np.maximum(counts, least)
    some = (cells > 0) & (classes > 0).all(-1, keepdims=True) & (raised > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(some, np.log(raised * total / (cells * classes)), 0)


def information(
    counts: Float[np.ndarray, "*stratum cell 2"], spread: float, num_prompts: int
) -> tuple[Interval, float]:
    """I(F;V), or given strata I(F;V|T), in nats with its 95 % interval.

    Î = Σ n_fv/n · i(f,v) has variance s² = Σ_prompts (Σ_rows (i − Î))²/n², so that n′ = 2 Î/s² independent rows would
    know as much, and 2 n′ Î is a noncentral chi-square of (cells − 1)(verdicts − 1) degrees of freedom, summed over
    strata, and noncentrality 2 n′ I: asymptotically, near I = 0 and far from it. In s² each verdict counts a row
    more in each cell, so that no rejection among a few is no certainty, and as clustered as the others.

    Args:
        counts: of rejected and accepted in each cell.
        spread: Σ_prompts (Σ_rows (i − Î))².
        num_prompts: independent ones.

    Returns:
        The interval; and the plug-in less its bias, which may be below 0.
    """
    flat = counts.reshape(-1, *counts.shape[-2:])
    point, total = pointwise(flat), flat.sum()
    plug_in = max(float((flat * point).sum() / total), 0.0)
    both = (flat.sum(-2) > 0).all(-1)
    df = int(np.where(both, (flat.sum(-1) > 0).sum(-1) - 1, 0).sum())
    if df == 0:
        return Interval(0.0, 0.0, 0.0), 0.0
    if num_prompts < 2:
        return Interval(0.0, plug_in, MOST), plug_in
    raised = pointwise(flat, MORE)
    more = MORE * float((np.where(raised == 0, 0, raised - plug_in) ** 2).sum())
    independent = float((flat * np.where(point == 0, 0, point - plug_in) ** 2).sum())
    clustering = (spread + more) / (independent + more) if more else 1.0
    variance = (spread * num_prompts / (num_prompts - 1) + clustering * more) / total**2
    variance *= (stdtrit(num_prompts - 1, LEVELS[1]) / ndtri(LEVELS[1])) ** 2
    rows = 2 * plug_in / variance if variance > 0 else float(num_prompts)
    found = 2 * rows * plug_in
    low, high = (
        noncentrality(max(found, at_least), df, level) for at_least, level in ((0, LEVELS[1]), (df, LEVELS[0]))
    )
    middle = max(found - df, 0.0)
    ends = (min(low, middle), middle, max(high, middle))
    return Interval(*(min(x / (2 * rows), MOST) for x in ends)), plug_in - df / (2 * rows)


def noncentrality(x: float, df: int, level: float) -> float:
    """λ at which P(χ²_df(λ) ≤ x) is `level`; 0 where it is less at any."""
    if x > NORMAL_FROM:
        return (math.sqrt(x - df) - float(ndtri(level))) ** 2
    found = float(chndtrinc(x, df, level))
    return found if found > TINY else 0.0  # also where it is NaN, at x = 0
