"""Counts of the paths of a Markov chain: the statistics of a fit, and how many paths share them.

References:
    Whittle (1955), Some distribution and moment formulae for the Markov chain. J. R. Stat. Soc. B 17.
    Billingsley (1961), Statistical methods in Markov chains. Ann. Math. Stat. 32.
    Grassmann, Taksar & Heyman (1985), Regenerative analysis and steady state distributions. Oper. Res. 33.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree
from scipy.special import gammaln

from theory import validation
from theory.drift import kernels
from theory.validation import ArrayLike

MOST_COUNTED = 1000  # times a symbol or a transition, as longer paths have too many statistics
MOST_SMOOTHING = 1e300  # whose sums are finite


class PathCounts(NamedTuple):
    """The statistics of one path, and the logarithm of the number of paths that have them."""

    first: Int[np.ndarray, " s"]
    counts: Int[np.ndarray, "s 2 2"]
    log_paths: Float[np.ndarray, " s"]

    def rows(self) -> Int[np.ndarray, "s 6"]:
        """The statistics in one table: how often either symbol came first, and the four counts."""
        return np.concatenate([np.eye(2, dtype=int)[self.first], self.counts.reshape(-1, 4)], axis=1)


class TransitionCounts(NamedTuple):
    """The statistics of a fit, in lexicographic order: the first symbols of its paths and their transitions."""

    first: Int[np.ndarray, "s 2"]
    counts: Int[np.ndarray, "s 2 2"]

    def rows(self) -> Int[np.ndarray, "s 6"]:
        """The statistics in one table, as those of a path."""
        return np.concatenate([self.first, self.counts.reshape(-1, 4)], axis=1)


def path_counts(n: int) -> PathCounts:
    """Every statistic of a path of n ≥ 1 symbols over two states, n² − n + 2 in all, at most a million.

    From 0, the path alternates between N_10 + 1 runs of zeros and N_01 of ones, N_01 − N_10 ∈ {0, 1}, among which its
    repetitions are shared: #paths = C(N_00 + N_10, N_10) · C(N_11 + N_01 − 1, N_01 − 1). From 1, likewise.
    """
    n = validation.integer("n", n, 1)
    validation.entries("n", n * (n - 1) + 2, kernels.MAX_STATES, "a table of statistics")
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


def accepted_counts(n: int) -> TransitionCounts:
    """Every statistic that a signal can accept of a path of n ≥ 2 symbols, the empty one first, at most a million.

    The first symbol accepted or not, and no more of each transition than some path has: about n⁴/11 at n = 20, n⁴/16 in
    the limit.
    """
    steps = kernels.counts(validation.integer("n", n, 2) - 1, 5)[:, :4]  # the fifth symbol: a transition dropped
    firsts = np.array([[0, 0], [0, 1], [1, 0]])
    rows = np.concatenate([np.repeat(firsts, len(steps), 0), np.tile(steps, (3, 1))], axis=1)
    whole = path_counts(n).rows()
    possible = np.zeros(len(rows), bool)
    for path in whole:
        possible |= (rows <= path).all(1)
    return TransitionCounts(rows[possible, :2], rows[possible, 2:].reshape(-1, 2, 2))


def fresh_counts(n: int, num_real: int) -> TransitionCounts:
    """The statistics of one path of n ≥ 2 symbols, and those of two paths, `num_real` and n − num_real symbols long."""
    n, num_real = validation.integer("n", n, 2), validation.integer("num_real", num_real, 1)
    if num_real >= n:
        raise validation.refuse("num_real", num_real, f"at most n − 1 = {n - 1}, so that the model adds a path")
    both = path_counts(num_real).rows()[:, None] + path_counts(n - num_real).rows()[None]
    rows = np.unique(np.concatenate([path_counts(n).rows(), both.reshape(-1, 6)]), axis=0)
    return TransitionCounts(rows[:, :2], rows[:, 2:].reshape(-1, 2, 2))


def checked(states: PathCounts | TransitionCounts) -> PathCounts | TransitionCounts:
    """Tables of statistics, with checked fields."""
    if not isinstance(states, PathCounts | TransitionCounts):
        accepted = "those of path_counts, accepted_counts or fresh_counts"
        raise validation.refuse("states", type(states).__name__, accepted)
    ends = () if isinstance(states, PathCounts) else (2,)
    first = validation.integers("states.first", states.first, 0, "integers >= 0", ndim=1 + len(ends))
    counts = validation.integers("states.counts", states.counts, 0, "integers >= 0", ndim=3)
    if first.shape[1:] != ends or counts.shape[1:] != (2, 2) or len(first) != len(counts):
        accepted = f"shapes [s{', 2' * len(ends)}] and [s, 2, 2]"
        raise validation.refuse("states.first, states.counts", f"shapes {first.shape} and {counts.shape}", accepted)
    if max(first.max() if ends else 2 * first.max(), counts.max()) > MOST_COUNTED or (not ends and first.max() > 1):
        raise validation.refuse("states.first, states.counts", "an entry out of range", f"at most {MOST_COUNTED}")
    if isinstance(states, PathCounts):
        log_paths = np.asarray(validation.finite("states.log_paths", states.log_paths, 1))
        validation.same_size("states.log_paths", log_paths.size, "states.first", len(first))
    return states._replace(first=first, counts=counts)


def index(states: PathCounts | TransitionCounts, rows: Int[np.ndarray, "*s 6"]) -> Int[np.ndarray, "*s"]:
    """Where each row stands among the states, all of which have to be there."""
    base = int(max(states.rows().max(), rows.max())) + 1
    place = base ** np.arange(5, -1, -1)
    codes, wanted = states.rows() @ place, rows @ place
    found = np.minimum(np.searchsorted(codes, wanted), codes.size - 1)
    if (codes[found] != wanted).any():
        raise validation.refuse("states", f"{codes.size} statistics without those of some path", "those of all paths")
    return found


def smallest_gap(smoothing: ArrayLike, n: int) -> float:
    """How far apart the closest two rows are that are fitted to different counts: above 0, the fit is injective.

    min max_b |p_b(N) − p_b(N')|, p_b(N) = (N_b + α_b) / (Σ N + Σ α), over N ≠ N' of sum at most n − 1, with
    pseudo-counts α [k], k ≥ 2, for a path of n ≥ 2 symbols. Below 1e-12 two rows are equal but for rounding.
    """
    alpha = pseudo_counts(smoothing)
    if alpha.ndim == 0 or alpha.size < 2:
        raise validation.refuse("smoothing", f"shape {alpha.shape}", "one pseudo-count for each of two states or more")
    rows = kernels.counts(validation.integer("n", n, 2) - 1, alpha.size + 1)[:, :-1] + alpha
    rows = rows / rows.sum(1, keepdims=True)
    return float(KDTree(rows).query(rows, k=2, p=np.inf)[0][:, 1].min())


def pseudo_counts(smoothing: ArrayLike) -> Float[np.ndarray, "*k"]:
    """One pseudo-count or one for each state, each above 0, of a finite sum."""
    alpha = np.asarray(validation.finite("smoothing", smoothing, (0, 1)), float)
    if not (alpha > 0).all() or alpha.max() > MOST_SMOOTHING:
        raise validation.refuse("smoothing", smoothing, f"pseudo-counts > 0, at most {MOST_SMOOTHING:.0e}")
    return alpha


def log_num_paths(counts: ArrayLike, first: ArrayLike, last: ArrayLike) -> Float[np.ndarray, "*s"]:
    """The logarithm [...] of the number of paths over K states that go from `first` to `last` by these transitions.

    #paths = Π_i N_i! / Π_ij N_ij! · C / Π_{i ≠ last, N_i > 0} N_i, with `counts` N_ij [..., k, k] from the row's state
    to the column's, N_i = Σ_j N_ij, and C the number of ways to choose a last exit, of all N_ij, from every state but
    `last` such that the exits lead there: a determinant (Whittle), here by elimination without a subtraction
    (Grassmann, Taksar & Heyman). There is no path, −inf, where N_i + 1[i=last] = Σ_j N_ji + 1[i=first] fails or a state
    that is left does not lead to the last. An end is one state, or one for each table [...].
    """
    table = validation.integers("counts", counts, 0, "integers >= 0 [..., k, k]")
    if table.ndim < 2 or table.shape[-1] != table.shape[-2]:
        raise validation.refuse("counts", f"shape {table.shape}", "integers >= 0 [..., k, k]")
    shape, size = table.shape[:-2], table.shape[-1]
    if table.max() > validation.LARGEST // size:
        raise validation.refuse("counts", f"an entry {table.max()}", f"integers at most 2^53/{size}")
    ends = []
    for name, end in (("first", first), ("last", last)):
        accepted = f"one state or {list(shape)}, each from 0 to {size - 1}"
        state = validation.integers(name, end, 0, accepted)
        if state.shape not in ((), shape) or state.max() >= size:
            raise validation.refuse(name, state.tolist(), accepted)
        ends.append(np.broadcast_to(state, shape)[..., None] == np.arange(size))
    start, end = ends
    n = table.astype(float)
    leaving, entering = n.sum(-1), n.sum(-2)
    logs = gammaln(leaving + 1).sum(-1) - gammaln(n + 1).sum((-1, -2)) + _log_last_exits(n, end)
    logs = logs - np.where((leaving > 0) & ~end, np.log(np.maximum(leaving, 1)), 0).sum(-1)
    return np.where((leaving + end == entering + start).all(-1), logs, -np.inf)


def _log_last_exits(n: Float[np.ndarray, "*s k k"], last: Bool[np.ndarray, "*s k"]) -> Float[np.ndarray, "*s"]:
    """ln C of `log_num_paths`: each state in turn is cut out, and what came to it goes where its exits lead."""
    total, there = np.zeros(n.shape[:-2]), np.ones(n.shape[:-1], bool)
    with np.errstate(divide="ignore"):
        for k in range(n.shape[-1]):
            cut = ~last[..., k] & (n[..., k, :].sum(-1) > 0)
            there[..., k] &= ~cut
            exits = np.where(there, n[..., k, :], 0)
            number = exits.sum(-1)
            total = total + np.where(cut, np.log(number), 0)
            shares = exits / np.where(number > 0, number, 1)[..., None]
            n = n + np.where(cut[..., None, None], n[..., :, k, None] * shares[..., None, :], 0)
    return np.asarray(total)
