"""Kernels on the lattice of counts: n samples of the distribution that a state stands for make the next state.

References:
    Wright (1931), Evolution in Mendelian populations.
    Ewens (2004), Mathematical Population Genetics, section 3.2.
    Cover & Thomas (2006), Elements of Information Theory, theorem 11.1.2: a sequence's probability by its type.
    Chernoff (1952), A measure of asymptotic efficiency for tests of a hypothesis.
"""

from itertools import combinations
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int, Real
from scipy.special import gammaln

from theory import validation
from theory.measures import divergence_terms
from theory.validation import ArrayLike

MAX_STATES = 1_000_000
MAX_COUNTS = 10_000_000  # of a lattice, over all states and symbols
MAX_ENTRIES = 500_000_000  # of a dense kernel: 4 GB in float64
MAX_ORDER = 10_000  # of a binomial coefficient that is computed
CHERNOFF_EXPONENT = 50.0  # ten standard deviations: 10²/2
BLOCK = 128  # targets that share a window of sources: one matrix product


class BandedKernel(NamedTuple):
    """A kernel of a binary lattice that stores, for each block of targets, only a window of sources.

    Entry (s, s') is `bands[b, s − starts[b], s' − b·size]` for s' in block b, and is left out, as smaller than e^−50,
    where s lies outside the window: Binomial(c; n, p) ≤ e^{−n D(c/n ‖ p)} (Chernoff). A row so loses less than
    (n+1)·e^−50 < 1e-17 for n < 50,000, which is below the rounding of the row itself.
    """

    starts: Int[Array, " block"]  # the first source of the window
    bands: Float[Array, "block source target"]


Kernels = ArrayLike | BandedKernel


def num_states(n: int, num_symbols: int) -> int:
    """C(n+K−1, K−1): the size of the lattice, the number of ways to share n samples among K symbols."""
    n = validation.integer("n", n, 1)
    num_symbols = validation.integer("num_symbols", num_symbols, 1)
    if min(n, num_symbols - 1) > MAX_ORDER:
        given = f"{n:,} samples of {num_symbols:,} symbols"
        raise validation.refuse("n, num_symbols", given, f"samples or symbols at most {MAX_ORDER:,}")
    return comb(n + num_symbols - 1, num_symbols - 1)


def lattice(n: int, num_symbols: int) -> Int[Array, "s k"]:
    """{c ∈ N^K : Σ_k c_k = n}: the states, all counts of n samples, in the order of the kernels, lexicographic.

    For two symbols the state's index is the count of the first. A lattice has at most a million states, and ten million
    counts in all.
    """
    return validation.array(counts(n, num_symbols))


def counts(n: int, num_symbols: int) -> Int[np.ndarray, "s k"]:
    """`lattice` on the host: the gaps between K−1 bars set among n + K − 1 places."""
    size = num_states(n, num_symbols)
    if size > MAX_STATES or size * num_symbols > MAX_COUNTS:
        given = f"a lattice of {validation.amount(size)} states of {num_symbols:,} symbols"
        accepted = f"at most {MAX_STATES:,} states, and {MAX_COUNTS:,} counts in all"
        raise validation.refuse("n, num_symbols", given, accepted)
    places = n + num_symbols - 1
    every = list(combinations(range(places), num_symbols - 1)) if num_symbols > 1 else []
    bars = np.array(every, dtype=int).reshape(size, -1)
    return np.diff(bars, axis=1, prepend=-1, append=places) - 1


def log_type_probability(counts: Int[np.ndarray, "s k"]) -> Float[np.ndarray, " s"]:
    """ln Multinomial(c; n, c/n): the probability of a table of counts under the distribution that it stands for.

    Written with Stirling's formula its large terms, n ln n − Σ c ln c, are gone before they are rounded.
    """

    def rest(m):  # ln m! − (m ln m − m), where 0! = 1 needs none
        small = np.maximum(m, 1.0)
        series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * small**2)) / small**2) / small**2) / small
        stirling = np.log(2 * np.pi * small) / 2 + series
        return np.where(m > 15, stirling, gammaln(m + 1) - m * np.log(small) + m)

    return rest(counts.sum(1)) - rest(counts).sum(1)


def multinomial_kernel(n: int, probs: ArrayLike) -> Float[Array, "source target"]:
    """T(z, c/n) = n!/Π_k c_k! · Π_k p_k(z)^{c_k} = Multinomial(c; n, c/n) · exp(−n D(c/n ‖ p(z))).

    The chain that draws n samples from a distribution that depends on its state, and refits. The second form has no
    large term that cancels. Any mechanism that only changes the distribution of samples is one such kernel.

    Args:
        n: Samples a generation, at least 1.
        probs: Distributions of a sample [source, k]; the rows need not be the states of `lattice(n, k)`.

    Returns:
        Kernel [source, target], 4 GB at most, the targets in the order of `lattice(n, k)`; its rows sum to 1.
    """
    p = validation.pmf("probs", probs, ndim=2, axis=1)
    check_entries(p.shape[0], num_states(n, p.shape[1]))
    types, log_own = lattice_types(n, p.shape[1], p.dtype)
    return multinomial_rows(float(n), p, types, log_own)


def check_entries(num_sources: int, num_targets: int) -> None:
    """A dense kernel that fits into memory, before it is allocated."""
    if num_sources * num_targets > MAX_ENTRIES:
        given = f"a dense kernel of {validation.amount(num_sources)} × {validation.amount(num_targets)} states"
        raise validation.refuse("n", given, f"at most {MAX_ENTRIES:,} entries; for two symbols, see `banded_kernel`")


def lattice_types(n: int, num_symbols: int, dtype: jnp.dtype) -> tuple[Float[Array, "s k"], Float[Array, " s"]]:
    """The distributions c/n that the states stand for, and ln Multinomial(c; n, c/n) of each."""
    table = counts(n, num_symbols)
    return validation.array(table / n, dtype), validation.array(log_type_probability(table), dtype)


@jax.jit
def multinomial_rows(
    n: Real[Array, ""] | float,
    probs: Float[Array, "source k"],
    types: Float[Array, "target k"],
    log_own: Float[Array, " target"],
) -> Float[Array, "source target"]:
    """The rows of `multinomial_kernel`, n traced; counts outside the support get exactly zero."""

    def row(p):
        exponent = sum(divergence_terms(types[:, k], jnp.broadcast_to(p[k], types[:, k].shape)) for k in range(p.size))
        weights = jnp.exp(log_own - jnp.asarray(n, probs.dtype) * exponent)
        return weights / jax.lax.stop_gradient(weights.sum())  # 1 but for rounding, whatever p

    return jax.vmap(row)(probs)


def banded_kernel(n: int, probs: ArrayLike | None = None) -> BandedKernel:
    """`multinomial_kernel` for two symbols and large n, without the n² array: windows of ten standard deviations.

    Args:
        n: Samples a generation, at least 1.
        probs: Distributions of a sample [source, 2] in the states of `lattice(n, 2)`, concrete, the probability of the
            first symbol not falling with its count; None for the closed loop.

    Returns:
        The kernel, 4 GB at most, accepted wherever kernels are. What it leaves out is below rounding: see
        `BandedKernel`.
    """
    n = validation.integer("n", n, 1)
    p = validation.pmf("probs", counts(n, 2) / n if probs is None else probs, ndim=2, axis=1)
    if not validation.has_values(p):
        raise validation.refuse("probs", "a traced array", "concrete probabilities, which set the windows")
    first = np.asarray(p, float)[:, 0]
    if p.shape != (n + 1, 2) or (np.diff(first) < 0).any():
        accepted = f"shape {(n + 1, 2)}, the first column not falling"
        raise validation.refuse("probs", f"shape {p.shape}, first column {first}", accepted)
    targets, starts, width = _windows(n, first)
    validation.entries("n", targets.size * width, MAX_ENTRIES, "a banded kernel")
    sources, clipped = starts[:, None] + np.arange(width), np.minimum(targets, n)
    types, log_own = lattice_types(n, 2, p.dtype)
    padding = np.where(targets > n, -np.inf, 0.0).astype(p.dtype)
    return BandedKernel(validation.array(starts), _bands(float(n), p, sources, types, log_own, clipped, padding))


def checked_bands(kernel: BandedKernel, num_sources: int) -> BandedKernel:
    """A banded kernel over so many states, one for all tasks or one a task, with rows that sum to 1."""
    bands = validation.rates("kernels", kernel.bands, ndim=(3, 4))
    starts = validation.taken("kernels", kernel.starts, "starts that are integers")
    padded, width = bands.shape[-3] * bands.shape[-1], bands.shape[-2]
    if width > num_sources or not padded - bands.shape[-1] < num_sources <= padded:
        accepted = f"bands over {num_sources} states, as `initial` has"
        raise validation.refuse("kernels", f"bands of shape {bands.shape}", accepted)
    if starts.shape != bands.shape[:-2] or not jnp.issubdtype(starts.dtype, jnp.integer):
        raise validation.refuse("kernels", f"starts of shape {starts.shape}", f"integers of shape {bands.shape[:-2]}")
    if validation.has_values((bands, starts)):
        first, rows = np.asarray(starts), np.asarray(bands).sum(-1)
        if first.min() < 0 or first.max() > num_sources - width:
            raise validation.refuse("kernels", "a window outside the states", f"starts in [0, {num_sources - width}]")
        sums = np.zeros((*starts.shape[:-1], num_sources))
        for task in np.ndindex(starts.shape[:-1]):
            np.add.at(sums[task], first[task][:, None] + np.arange(width), rows[task])
        if not np.abs(sums - 1).max() <= np.sqrt(jnp.finfo(bands.dtype).eps):
            raise validation.refuse("kernels", f"a row of sum {sums.flat[np.abs(sums - 1).argmax()]}", "rows of sum 1")
    return BandedKernel(starts, bands)


def _windows(n: int, first: Float[np.ndarray, " s"]) -> tuple[np.ndarray, np.ndarray, int]:
    """The targets of each block, past n as padding, the first source of its window, and the width of them all."""
    targets = np.arange(-(-(n + 1) // BLOCK) * BLOCK).reshape(-1, BLOCK)
    low, high = _chernoff_window(n, first)
    starts, stops = low[targets[:, 0]], high[np.minimum(targets[:, -1], n)]
    width = max(1, int((stops - starts).max()))
    return targets, np.minimum(starts, n + 1 - width), width


def _chernoff_window(n: int, first: Float[np.ndarray, " s"]) -> tuple[np.ndarray, np.ndarray]:
    """For each target c the sources [low, high) with n·D(c/n ‖ p) ≤ the exponent, by bisection in p."""
    c = np.arange(n + 1) / n

    def inside(p):
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = [np.where(a > 0, a * np.log(a / b), 0) for a, b in ((c, p), (1 - c, 1 - p))]
        return n * (terms[0] + terms[1]) <= CHERNOFF_EXPONENT

    below, above = (np.zeros(n + 1), c), (c, np.ones(n + 1))  # each pair encloses an end of the interval
    for _ in range(60):
        middle = (below[0] + below[1]) / 2, (above[0] + above[1]) / 2
        lower, upper = inside(middle[0]), inside(middle[1])
        below = np.where(lower, below[0], middle[0]), np.where(lower, middle[0], below[1])
        above = np.where(upper, middle[1], above[0]), np.where(upper, above[1], middle[1])
    return np.searchsorted(first, below[0], "left"), np.searchsorted(first, above[1], "right")


@jax.jit
def _bands(
    n: Real[Array, ""] | float,
    probs: Float[Array, "s 2"],
    sources: Int[Array, "block source"],
    types: Float[Array, "s 2"],
    log_own: Float[Array, " s"],
    targets: Int[Array, "block target"],
    padding: Float[Array, "block target"],
) -> Float[Array, "block source target"]:
    """The entries of a banded kernel; its rows sum to one."""
    p, c = jnp.broadcast_arrays(probs[sources][:, :, None, :], types[targets][:, None, :, :])
    exponent = jnp.asarray(n, probs.dtype) * divergence_terms(c, p).sum(-1)
    bands = jnp.exp((log_own[targets] + padding)[:, None, :] - exponent)
    sums = jnp.zeros(probs.shape[0], probs.dtype).at[sources].add(bands.sum(2))
    return bands / sums[sources][:, :, None]
