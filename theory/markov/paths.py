"""Counts of the paths of a Markov chain: what a fit needs of them, and how many paths share it.

The public names stand in `theory.markov`.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from scipy.special import gammaln

from theory import validation
from theory.drift import kernels
from theory.validation import ArrayLike


class PathCounts(NamedTuple):
    """The statistics of a path, and the logarithm of the number of paths that have them."""

    first: Int[np.ndarray, " s"]
    counts: Int[np.ndarray, "s 2 2"]
    log_paths: Float[np.ndarray, " s"]

    def rows(self) -> Int[np.ndarray, "s 6"]:
        """The statistics in one table: how often either symbol came first, and the four counts."""
        return np.concatenate([np.eye(2, dtype=int)[self.first], self.counts.reshape(-1, 4)], axis=1)


class Counts(NamedTuple):
    """Statistics that a fit has added up, in lexicographic order: the first symbols of paths and the transitions."""

    first: Int[np.ndarray, "s 2"]
    counts: Int[np.ndarray, "s 2 2"]

    def rows(self) -> Int[np.ndarray, "s 6"]:
        """The statistics in one table, as those of a path."""
        return np.concatenate([self.first, self.counts.reshape(-1, 4)], axis=1)


def path_counts(n: int) -> PathCounts:
    """Every statistic of a path of n symbols over two states, n² − n + 2 in all.

    From 0, the path alternates between N_10 + 1 runs of zeros and N_01 of ones, N_01 − N_10 ∈ {0, 1}, among which its
    repetitions are shared: #paths = C(N_00 + N_10, N_10) · C(N_11 + N_01 − 1, N_01 − 1). From 1, likewise.

    Args:
        n: Symbols of the path, at least 1.

    Returns:
        The first symbols [s], the counts [s, from, to] and the logarithms [s] of the numbers of paths.

    Raises:
        ValueError: Where `n` is not an integer >= 1, or there are more than a million statistics.

    References:
        Billingsley (1961), Statistical methods in Markov chains. Ann. Math. Stat. 32.
    """
    n = validation.integer("n", n, 1)
    size = n * (n - 1) + 2
    if size > kernels.MAX_STATES:
        raise validation.refuse("n", f"a path with {size:,} statistics", f"at most {kernels.MAX_STATES:,}")
    switches, stays = np.nonzero(np.add.outer(np.arange(n), np.arange(n)) < n)  # stays: those in the first symbol
    away, back, rest = (switches + 1) // 2, switches // 2, n - 1 - switches - stays
    possible = (away > 0) | (rest == 0)
    away, back, stays, rest = (part[possible] for part in (away, back, stays, rest))
    log_paths = _log_shares(stays, back + 1) + _log_shares(rest, away)
    from_zero = np.stack([stays, away, back, rest], axis=1).reshape(-1, 2, 2)
    counts = np.concatenate([from_zero, from_zero[:, ::-1, ::-1]])
    return PathCounts(np.repeat([0, 1], len(from_zero)), counts, np.tile(log_paths, 2))


def _log_shares(total: Int[np.ndarray, " s"], runs: Int[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """ln C(total + runs − 1, runs − 1): the ways to share `total` among `runs`; of 0 among none there is one."""
    some = np.maximum(runs, 1)
    return gammaln(total + some) - gammaln(some) - gammaln(total + 1)


def accepted_counts(n: int) -> Counts:
    """Every statistic that a signal can leave of a path of n symbols, the empty one first.

    The first symbol kept or not, and no more of each transition than some path has: about n⁴/11 at n = 20,
    n⁴/16 in the limit.

    Args:
        n: Symbols of the path, at least 2.

    Returns:
        Counts of the first symbol [s, 2], of sum 0 or 1, and of the transitions [s, 2, 2], of sum at most n − 1.

    Raises:
        ValueError: Where `n` is not an integer >= 2, or there are more than a million statistics.
    """
    steps = kernels.counts(validation.integer("n", n, 2) - 1, 5)[:, :4]  # the fifth symbol: a transition dropped
    firsts = np.array([[0, 0], [0, 1], [1, 0]])
    rows = np.concatenate([np.repeat(firsts, len(steps), 0), np.tile(steps, (3, 1))], axis=1)
    whole = path_counts(n).rows()
    possible = np.zeros(len(rows), bool)
    for path in whole:
        possible |= (rows <= path).all(1)
    return Counts(rows[possible, :2], rows[possible, 2:].reshape(-1, 2, 2))


def fresh_counts(n: int, num_real: int) -> Counts:
    """The statistics of one path of n symbols, and those of two paths that have n symbols together.

    Args:
        n: Symbols, at least 2.
        num_real: Symbols of the real path among them, between 1 and n − 1.

    Returns:
        Counts of the first symbols [s, 2], of sum 1 or 2, and of the transitions [s, 2, 2].

    Raises:
        ValueError: Where `n` is not an integer >= 2, or `num_real` not one between 1 and n − 1.
    """
    n, num_real = validation.integer("n", n, 2), validation.integer("num_real", num_real, 1)
    if num_real >= n:
        raise validation.refuse("num_real", num_real, f"at most n − 1 = {n - 1}, so that the model adds a path")
    both = path_counts(num_real).rows()[:, None] + path_counts(n - num_real).rows()[None]
    rows = np.unique(np.concatenate([path_counts(n).rows(), both.reshape(-1, 6)]), axis=0)
    return Counts(rows[:, :2], rows[:, 2:].reshape(-1, 2, 2))


def index(states: Counts, rows: Int[np.ndarray, "*s 6"]) -> Int[np.ndarray, "*s"]:
    """Where each row stands among the states; ValueError where one is missing."""
    base = int(max(states.rows().max(), rows.max())) + 1
    place = base ** np.arange(5, -1, -1)
    codes, wanted = states.rows() @ place, rows @ place
    found = np.minimum(np.searchsorted(codes, wanted), codes.size - 1)
    if (codes[found] != wanted).any():
        raise validation.refuse("states", f"{codes.size} statistics without those of some path", "those of all paths")
    return found


def smallest_gap(smoothing: ArrayLike, n: int) -> float:
    """How far apart the closest two rows are that are fitted to different counts: above 0, the fit is injective.

    min max_b |p_b(N) − p_b(N')|, p_b(N) = (N_b + α_b) / (Σ N + Σ α), over N ≠ N' of sum at most n − 1.

    Args:
        smoothing: Pseudo-counts α [k], k at least 2, each above 0.
        n: Symbols of the path, at least 2.

    Returns:
        The gap, a probability; below 1e-12, two rows are equal but for rounding.

    Raises:
        ValueError: Where `n` < 2, a pseudo-count is not positive, or there are more than a million counts.
    """
    alpha = pseudo_counts(smoothing)
    if alpha.ndim == 0 or alpha.size < 2:
        raise validation.refuse("smoothing", f"shape {alpha.shape}", "one pseudo-count for each of two states or more")
    rows = kernels.counts(validation.integer("n", n, 2) - 1, alpha.size + 1)[:, :-1] + alpha
    rows = rows / rows.sum(1, keepdims=True)
    return float(KDTree(rows).query(rows, k=2, p=np.inf)[0][:, 1].min())


def pseudo_counts(smoothing: ArrayLike) -> Float[np.ndarray, "*k"]:
    """One pseudo-count or one for each state, each above 0."""
    alpha = np.asarray(validation.finite("smoothing", smoothing, (0, 1)), float)
    if not (alpha > 0).all():
        raise validation.refuse("smoothing", f"a pseudo-count {alpha.min()}", "pseudo-counts > 0")
    return alpha


def log_num_paths(counts: ArrayLike, first: ArrayLike, last: ArrayLike) -> Float[np.ndarray, "*s"]:
    """The logarithm of the number of paths over K states that go from `first` to `last` by these transitions.

    #paths = Π_i N_i! / Π_ij N_ij! · C / Π_{i ≠ last, N_i > 0} N_i, with N_i = Σ_j N_ij, and C the cofactor
    (last, first) of the matrix of N_i 1[i=j] − N_ij, in which a state never left has the row 1[i=j]: an integer, above
    0 where N_i + 1[i=last] = Σ_j N_ji + 1[i=first] and every state that is left leads to the last.

    Args:
        counts: Numbers of transitions [..., k, k], from the row's state to the column's.
        first: The first state [...], or one for all.
        last: The last state [...], or one for all.

    Returns:
        Logarithms [...]; −inf where there is no such path.

    Raises:
        ValueError: Where `counts` is not a table of integers >= 0, or an end is no state.

    References:
        Whittle (1955), Some distribution and moment formulae for the Markov chain. J. R. Stat. Soc. B 17.
        Billingsley (1961), Statistical methods in Markov chains. Ann. Math. Stat. 32.
    """
    table = np.asarray(counts)
    if table.ndim < 2 or table.shape[-1] != table.shape[-2] or table.dtype.kind not in "iu" or (table < 0).any():
        raise validation.refuse("counts", f"{table.dtype} of shape {table.shape}", "integers >= 0 [..., k, k]")
    states = np.arange(table.shape[-1])
    ends = {}
    for name, end in (("first", first), ("last", last)):
        state = np.asarray(end)
        shape = table.shape[:-2]
        if state.dtype.kind not in "iu" or state.shape not in ((), shape) or not np.isin(state, states).all():
            raise validation.refuse(
                name, state.tolist(), f"one state or {list(shape)}, each from 0 to {states.size - 1}"
            )
        ends[name] = np.broadcast_to(state, shape)[..., None] == states
    start, end = ends["first"], ends["last"]
    leaving, entering = table.sum(-1), table.sum(-2)
    left, identity = leaving > 0, np.eye(states.size)
    reach = np.linalg.matrix_power(identity + (table > 0), states.size) > 0
    possible = (leaving + end == entering + start).all(-1) & (~left | (reach & end[..., None, :]).any(-1)).all(-1)
    matrix = np.where(left, leaving, 1)[..., None] * identity - table
    cofactor = np.linalg.det(np.where(end[..., None], start[..., None, :], matrix))
    logs = gammaln(leaving + 1).sum(-1) - gammaln(table + 1).sum((-1, -2))
    logs = logs - np.where(left & ~end, np.log(np.where(left, leaving, 1)), 0).sum(-1)
    return np.where(possible, logs + np.log(np.maximum(cofactor, 1)), -np.inf)
