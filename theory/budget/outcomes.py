"""How a loop with a verifier ends: exact probabilities, generations and verdicts, and the diffusion approximation.

NumPy, since a compilation for each n takes longer than its numbers.

References:
    Kemeny & Snell (1960), Finite Markov Chains, section 3.3.
    Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47.
"""

from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.drift.kernels import counts, log_type_probability, num_states
from theory.drift.selection import fractions
from theory.validation import ArrayLike

Verifier = ArrayLike  # a pair (tpr, fpr), whose members may be arrays that broadcast
ENTRIES = 2**20  # of the kernels that are in memory at once
MAX_ENTRIES = 200_000_000  # of one kernel, of which a solution takes several
MARGIN = 1e8  # of the rates above the smallest number of their dtype, so that expected verdicts are in its range


class Fixation(NamedTuple):
    """How a loop ends and what it takes; the arrays have the broadcast shape of the arguments."""

    correct: Float[Array, "*shape"]  # P(it ends at the correct symbol alone)
    wrong: Float[Array, "*shape"]  # P(it ends at the wrong one), which 1 − correct would round away
    generations: Float[Array, "*shape"]  # expected, until one symbol is left or nothing is accepted any more
    verdicts: Float[Array, "*shape"]  # expected, those on rejected proposals too


def fixation(
    n: ArrayLike, verifier: Verifier, initial: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Fixation:
    """How the loop ends, and what it takes to get there: exact, by one linear solve.

    (I − Q) [u, w, τ, ν] = [R_correct, R_wrong, 1, cost] over the shares z of the correct symbol, where
    Q moves z to Binomial(n, zφ/(zφ+(1−z)ψ))/n and a generation costs n/(zφ+(1−z)ψ) verdicts (until n are accepted), or
    to A/ΣA and n verdicts (n proposals, filtered). All arguments broadcast, so that a phase diagram is one call.

    Args:
        n: Samples accepted in each generation (filtering: proposals), at least 1; so many that a kernel over
            the states has 2·10⁸ entries at most: 14,141, or 185 filtered.
        verifier: (tpr, fpr), not both below 1e-300 (float32: 1e-30).
        initial: The share of correct outputs at the start.
        num_real: Real samples that Z_0 is fitted to, Z_0 ~ Binomial(num_real, initial)/num_real; None: Z_0 has the
            share `initial` itself.
        until_kept: The protocol: rejection sampling until n are accepted, or else n proposals of which some are.
    """
    phi, psi, share = validation.one_dtype(*checked_verifier(verifier), validation.rates("initial", initial))
    accepted, real = whole_counts("n", n), None if num_real is None else whole_counts("num_real", num_real)
    if (np.maximum(np.asarray(phi), np.asarray(psi)) < MARGIN * jnp.finfo(phi.dtype).tiny).any():
        raise validation.refuse("verifier", (float(phi.min()), float(psi.min())), "one that accepts something")
    values = ends(accepted, phi, psi, share, real, until_kept=until_kept)
    return Fixation(*(validation.array(values[..., i], share.dtype) for i in range(4)))


def success(
    n: ArrayLike, verifier: Verifier, initial: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Float[Array, "*shape"]:
    """`fixation(…).correct`: the probability that the loop ends at the correct symbol, exact, of the same arguments."""
    return fixation(n, verifier, initial, num_real=num_real, until_kept=until_kept).correct


def kimura(
    n: ArrayLike, selection: ArrayLike, initial: ArrayLike, *, num_real: ArrayLike | None = None
) -> Float[Array, "*shape"]:
    """u(p) = (1 − e^{−2nsp})/(1 − e^{−2ns}), s = ln(φ/ψ): `success` until n are accepted, as a diffusion.

    Approximate; averaged over Z_0 ~ Binomial(m, p)/m: [1 − (1−p+p e^{−2ns/m})^m]/(1 − e^{−2ns}). Within .007 of the
    exact value for s ≤ .12 and n ≤ 100 (row L3-kimura), .0076 for any n, within .09 at s = 1.1; worst for rare
    starts, where the branching process is correct: 1−u = e^{−(φ/ψ)u} for one correct sample. The exponent 2sp of
    1 − u is the limit s → 0 of `wrong_exponent`.

    Args:
        n: Samples accepted in each generation, at least 1.
        selection: s = ln(tpr/fpr), the logarithm of the likelihood ratio.
        initial: p, the share of correct outputs at the start, which is the answer where s = 0.
        num_real: m, as in `fixation`.
    """
    s, p = validation.one_dtype(validation.finite("selection", selection), validation.rates("initial", initial))
    real = () if num_real is None else (validation.array(whole_counts("num_real", num_real), s.dtype),)
    size = validation.array(whole_counts("n", n), s.dtype)
    return _kimura(*validation.broadcast("n, selection, initial, num_real", s, p, size, *real))


@jax.jit
def _kimura(s: Array, p: Array, n: Array, *real: Array) -> Float[Array, "*shape"]:
    safe = jnp.where(s == 0, 1, s)
    size = jnp.minimum(jnp.abs(safe), jnp.finfo(s.dtype).max / (4 * n))  # a bad verifier is good for the wrong symbol
    p_up = jnp.where(safe > 0, p, 1 - p)
    if not real:
        lost = jnp.exp(-2 * n * size * p_up)
        gained = -jnp.expm1(-2 * n * size * p_up)
    else:
        log_lost = real[0] * jnp.log1p(p_up * jnp.expm1(-2 * n * size / real[0]))
        lost, gained = jnp.exp(log_lost), -jnp.expm1(log_lost)
    never = -jnp.expm1(-2 * n * size)
    up = gained / never
    down = (lost - jnp.exp(-2 * n * size)) / never  # 1 − up, which keeps its digits
    return jnp.where(s == 0, p, jnp.where(safe > 0, up, down))


def checked_verifier(
    verifier: Verifier, names: tuple[str, str, str] = ("verifier", "tpr", "fpr")
) -> tuple[Array, Array]:
    """The two rates, checked and of one shape and dtype; `names` are those of the pair and of the rates in errors."""
    pair, *each = names
    try:
        tpr, fpr = verifier  # pyright: ignore[reportGeneralTypeIssues]
    except (TypeError, ValueError) as error:
        raise validation.refuse(pair, verifier, "a pair (tpr, fpr)") from error
    phi, psi = validation.one_dtype(validation.rates(each[0], tpr), validation.rates(each[1], fpr))
    phi, psi = map(validation.array, validation.broadcast(pair, phi, psi))
    return phi, psi


def whole_counts(name: str, x: ArrayLike) -> np.ndarray:
    """`x`, integers of at least 1."""
    return validation.integers(name, x, 1, "integers >= 1")


def ends(n: np.ndarray, phi, psi, initial, num_real: np.ndarray | None, *, until_kept: bool) -> np.ndarray:
    """`fixation` of arguments that have been checked, in float64: correct, wrong, generations, verdicts [..., 4]."""
    real = n if num_real is None else num_real
    numbers = (np.asarray(x, float) for x in (phi, psi, initial))
    accepted, real, *points = validation.broadcast("n, verifier, initial, num_real", n, real, *numbers)
    sizes, which = np.unique(np.stack([accepted.ravel(), real.ravel()]), axis=1, return_inverse=True)
    values = np.empty((accepted.size, 4))
    for i, (size, start) in enumerate(sizes.T.tolist()):
        (place,) = np.nonzero(which.ravel() == i)
        entries = _entries(size, None if num_real is None else start, until_kept)
        for part in np.array_split(place, -(-len(place) * entries // ENTRIES)):
            mine = (point.ravel()[part, None] for point in points)
            values[part] = _ends(size, None if num_real is None else start, *mine, until_kept=until_kept)
    values[:, :2] = np.clip(values[:, :2], 0, 1)  # rounding may pass either end
    return values.reshape(*accepted.shape, 4)


def _entries(n: int, num_real: int | None, until_kept: bool) -> int:
    """Of the kernels of one point, which must fit into memory."""
    targets = n + 1 if until_kept else num_states(n, 3)
    sources = n + 1 if until_kept else n * n // 3 + 2  # 3n²/π² fractions with denominators up to n
    validation.entries("n", sources * targets, MAX_ENTRIES, "a kernel")
    if num_real is None or (until_kept and num_real == n):
        return sources * targets
    validation.entries(
        "num_real", (num_real + 1) * max(targets, 100), MAX_ENTRIES, f"a kernel of {num_real + 1:,} starts"
    )
    return max(sources, num_real + 1) * targets


def _ends(n: int, num_real: int | None, phi, psi, initial, *, until_kept: bool) -> Float[np.ndarray, "point 4"]:
    """The values of one n, averaged over the starts; the numbers are [point, 1]."""
    step = partial(_until_kept if until_kept else _filtering, n, phi, psi)
    lattice = np.arange(n + 1) / n if until_kept else _fractions(n)[0]
    states = np.broadcast_to(lattice, (len(phi), len(lattice)))
    values = _solved(states, *step(states))
    if num_real is None:
        return _values(initial, *step(initial), values)[:, 0]
    weights = multinomial(num_real, initial, 1 - initial)
    if not (until_kept and num_real == n):  # else Z_0 is on the lattice, whose values need no further step
        starts = np.broadcast_to(np.arange(num_real + 1) / num_real, weights[:, 0].shape)
        values = _values(starts, *step(starts), values)
    return (weights @ values)[:, 0]


def multinomial(n: int, *probs: Float[np.ndarray, "*source"]) -> Float[np.ndarray, "*source target"]:
    """The distribution of the counts of n draws, as in `lattice`; the probabilities need not sum to one exactly."""
    table, log_choose = _lattice(n, len(probs))
    with np.errstate(divide="ignore"):
        logs = np.maximum(np.log(np.stack(probs, axis=-1)), -1e6)  # e^−1e6 is zero, and a count of 0 of it is none
    rows = np.exp(log_choose + logs @ table.T)  # one exponential an entry
    return rows / rows.sum(-1, keepdims=True)


@lru_cache(maxsize=512)
def _lattice(n: int, num_symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """All counts [target, symbol] of n draws, and the logarithms of how many orders each has."""
    table = counts(n, num_symbols)
    return table.astype(float), log_type_probability(table) - scipy.special.xlogy(table, table / n).sum(1)


@lru_cache(maxsize=8)
def _fractions(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The shares that n filtered proposals can lead to, and how `lattice(n, 3)` is sorted by them."""
    primitive, place = fractions(n, 2)
    order = np.argsort(place, kind="stable")  # −1, none accepted, comes first
    return primitive[:, 0] / primitive.sum(1), order, np.searchsorted(place[order], np.arange(-1, len(primitive)))


def _until_kept(n: int, phi, psi, z):
    """Rows, the probability to stay and the cost, from the shares z [point, state]."""
    total = z * phi + (1 - z) * psi
    some = np.where(total > 0, total, 1)
    accepted = np.where(total > 0, z * phi / some, z)
    with np.errstate(over="ignore"):  # more than any number of proposals, where nearly nothing is accepted
        cost = n / some
    return multinomial(n, accepted, 1 - accepted), np.where(total > 0, 0.0, 1.0), cost


def _filtering(n: int, phi, psi, z):
    """Likewise, of n proposals."""
    _, order, starts = _fractions(n)
    correct, wrong = z * phi, (1 - z) * psi
    outcomes = multinomial(n, correct, wrong, np.maximum(1 - correct - wrong, 0))
    rows = np.add.reduceat(outcomes[..., order], starts, axis=-1)
    return rows[..., 1:], rows[..., 0], np.full(z.shape, float(n))


def _values(z, rows, stays, cost, later) -> Float[np.ndarray, "point state 4"]:
    """Correct, wrong, generations and verdicts from the shares z, one step before `later`.

    A generation leads to the states by `rows`, or with probability `stays` back to where it was.
    """
    moves = (z > 0) & (z < 1) & (stays < 1)
    goes = np.where(moves, 1 - stays, 1)[..., None]
    nothing = np.zeros_like(z)
    ends = np.stack([z, 1 - z, nothing, nothing], axis=-1)
    step = np.stack([nothing, nothing, nothing + 1, cost], axis=-1)
    return np.where(moves[..., None], (step + rows @ later) / goes, ends)


def _solved(z, rows, stays, cost) -> Float[np.ndarray, "point state 4"]:
    """`_values` of the states themselves: the linear system in which `later` is what it gives."""
    moves = ((z > 0) & (z < 1) & (stays < 1))[..., None]
    goes = np.where(moves, 1 - stays[..., None], 1)
    system = np.eye(z.shape[1]) - np.where(moves, rows / goes, 0)
    return np.linalg.solve(system, _values(z, rows, stays, cost, np.zeros((*z.shape, 4))))
