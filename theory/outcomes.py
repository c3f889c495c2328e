"""How a loop with a verifier ends: exact probabilities, generations and verdicts, and the diffusion approximation.

The public names stand in `theory.budget`.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.kernels import binary_types, multinomial_rows
from theory.selection import filtering_rows, fractions
from theory.validation import ArrayLike

Verifier = ArrayLike  # a pair (tpr, fpr), whose members may be arrays that broadcast
MANY = 500  # points that are worth more than one compilation


class Fixation(NamedTuple):
    """How a loop ends and what it takes; the arrays have the broadcast shape of the arguments."""

    right: Float[Array, "*shape"]  # P(it ends at the right symbol alone)
    wrong: Float[Array, "*shape"]  # P(it ends at the wrong one), which 1 − right would round away
    generations: Float[Array, "*shape"]  # expected, until one symbol is left or nothing is kept any more
    verdicts: Float[Array, "*shape"]  # expected, those on rejected proposals too


def fixation(
    n: ArrayLike, verifier: Verifier, initial: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Fixation:
    """How the loop ends, and what it takes to get there: exact, by one linear solve.

    (I − Q) [u, w, τ, ν] = [R_right, R_wrong, 1, cost] over the shares z of the right symbol, where
    Q moves z to Binomial(n, zφ/(zφ+(1−z)ψ))/n and a generation costs n/(zφ+(1−z)ψ) verdicts (until n are kept), or to
    A/ΣA and n verdicts (n proposals, filtered). All arguments broadcast, so that a phase diagram is one call.

    Args:
        n: Samples kept in each generation (filtering: proposals), at least 1.
        verifier: (tpr, fpr).
        initial: The share of right outputs at the start.
        num_real: Real samples that Z_0 is fitted to, Z_0 ~ Binomial(num_real, initial)/num_real; None: Z_0 has the
            share `initial` itself.
        until_kept: The protocol.

    Returns:
        Probabilities, expected generations and expected verdicts.

    Raises:
        ValueError: Where a count is below 1, a number is no rate, or the verifier keeps nothing.

    References:
        Kemeny & Snell (1960), Finite Markov Chains, section 3.3.
    """
    phi, psi, share = validation.one_dtype(*checked_verifier(verifier), validation.rates("initial", initial))
    kept, real = whole_counts("n", n), None if num_real is None else whole_counts("num_real", num_real)
    if validation.has_values((phi, psi)) and (np.maximum(np.asarray(phi), np.asarray(psi)) <= 0).any():
        raise validation.refuse("verifier", (float(phi.min()), float(psi.min())), "one that keeps something")
    shape = np.broadcast_shapes(phi.shape, share.shape, kept.shape, () if real is None else real.shape)
    points = [jnp.broadcast_to(x, shape).ravel() for x in (phi, psi, share)]
    kept = np.broadcast_to(kept, shape).ravel()
    real = None if real is None else np.broadcast_to(real, shape).ravel()
    starts = starting_law(real, points[2])
    if until_kept:
        if real is not None and np.array_equal(real, kept):
            starts = None, starts[1]  # Z_0 is on the lattice, whose values need no further step
        values = _by_size(kept, (*points[:2], *starts))
    else:
        values = jnp.stack([_filtering(int(m), *point) for m, *point in zip(kept, *points[:2], *starts, strict=True)])
    right, wrong, generations, spent = (values[:, i].reshape(shape) for i in range(4))
    return Fixation(jnp.clip(right, 0, 1), jnp.clip(wrong, 0, 1), generations, spent)  # rounding may pass either end


def success(
    n: ArrayLike, verifier: Verifier, initial: ArrayLike, *, num_real: ArrayLike | None = None, until_kept: bool = True
) -> Float[Array, "*shape"]:
    """The probability that the loop ends right: exact, `fixation(…).right`.

    Args:
        n: Samples kept in each generation (filtering: proposals), at least 1.
        verifier: (tpr, fpr).
        initial: The share of right outputs at the start.
        num_real: Real samples that Z_0 is fitted to; None: Z_0 has the share `initial` itself.
        until_kept: The protocol.

    Returns:
        Probabilities of the broadcast shape.

    Raises:
        ValueError: As `fixation`.
    """
    return fixation(n, verifier, initial, num_real=num_real, until_kept=until_kept).right


def kimura(
    n: ArrayLike, selection: ArrayLike, initial: ArrayLike, *, num_real: ArrayLike | None = None
) -> Float[Array, "*shape"]:
    """The diffusion approximation of the probability to end right, until-kept.

    u(p) = (1 − e^{−2nsp})/(1 − e^{−2ns}), s = ln(φ/ψ); averaged over Z_0 ~ Binomial(m, p)/m:
    [1 − (1−p+p e^{−2ns/m})^m]/(1 − e^{−2ns}). Within .007 of the exact value for s ≤ .12, within .09 at s = 1.1 (row
    L3-kimura); worst for rare starts, where the branching process is right: 1−u = e^{−(φ/ψ)u} for one right sample.

    Args:
        n: Samples kept in each generation, at least 1.
        selection: s = ln(tpr/fpr).
        initial: p, the share of right outputs at the start.
        num_real: m, as in `fixation`.

    Returns:
        Approximate probabilities of the broadcast shape; `initial` itself where s = 0.

    Raises:
        ValueError: Where a count is below 1, `selection` is not finite or `initial` no rate.

    References:
        Kimura (1962), On the probability of fixation of mutant genes in a population. Genetics 47.
    """
    s, p = validation.one_dtype(validation.finite("selection", selection), validation.rates("initial", initial))
    real = () if num_real is None else (jnp.asarray(whole_counts("num_real", num_real), s.dtype),)
    s, p, n, *real = jnp.broadcast_arrays(s, p, jnp.asarray(whole_counts("n", n), s.dtype), *real)
    safe = jnp.where(s == 0, 1, s)
    size = jnp.abs(safe)  # a bad verifier is a good one for the wrong symbol
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


def checked_verifier(verifier: Verifier) -> tuple[Array, Array]:
    """The two rates, checked and of one shape and dtype."""
    try:
        tpr, fpr = verifier  # pyright: ignore[reportGeneralTypeIssues]
    except (TypeError, ValueError) as error:
        raise validation.refuse("verifier", verifier, "a pair (tpr, fpr)") from error
    phi, psi = validation.one_dtype(validation.rates("tpr", tpr), validation.rates("fpr", fpr))
    phi, psi = jnp.broadcast_arrays(phi, psi)
    return phi, psi


def whole_counts(name: str, x: ArrayLike) -> np.ndarray:
    """`x`, integers of at least 1."""
    values = np.asarray(x)
    if values.dtype.kind not in "iu" or (values < 1).any():
        raise validation.refuse(name, x, "integers >= 1")
    return values


def starting_law(num_real: np.ndarray | None, initial: Float[Array, " point"]) -> tuple[Array, Array]:
    """The shares from which each point starts and their probabilities [point, start]."""
    if num_real is None:
        return initial[:, None], jnp.ones_like(initial)[:, None]
    types, log_own = binary_types(num_real, initial.dtype)
    laws = jnp.stack([initial, 1 - initial], axis=1)[:, None]
    return types[..., 0], jax.vmap(multinomial_rows)(jnp.asarray(num_real), laws, types, log_own)[:, 0]


def _by_size(kept: np.ndarray, points: tuple) -> Float[Array, "point 4"]:
    """`_until_kept`, many points in groups of similar size: the padding of a small n to a large one costs n³."""
    step = kept.max() if kept.size < MANY else max(16, -(-kept.max() // 8))
    groups = -(-kept // step)
    values = jnp.zeros((kept.size, 4), points[0].dtype)
    for group in np.unique(groups):
        (place,) = np.nonzero(groups == group)
        n, *mine = jax.tree.map(lambda leaf: leaf[place], (kept, *points))  # noqa: B023
        if mine[2] is None:
            mine[3] = mine[3][:, : n.max() + 1]
        chain = jnp.asarray(n, values.dtype), *binary_types(n, values.dtype)
        values = values.at[place].set(_until_kept(*chain, *mine))
    return values


@jax.jit
def _until_kept(n, types, log_own, phi, psi, shares, weights) -> Float[Array, "point 4"]:
    """The values averaged over the starts, for each point; a lattice of smaller n is padded by states that stay.

    `shares` None: the starts are the states themselves.
    """

    def point(args):
        n, types, log_own, phi, psi, shares, weights = args
        counts = n * types
        log_choose = log_own - jax.scipy.special.xlogy(counts, types).sum(1)

        def step(z):
            total = z * phi + (1 - z) * psi
            kept = jnp.where(total > 0, z * phi / jnp.where(total > 0, total, 1), z)
            logs = jnp.log(jnp.maximum(jnp.stack([kept, 1 - kept], axis=1), jnp.finfo(z.dtype).tiny))
            rows = jnp.exp(log_choose[None, :] + logs @ counts.T)  # one exponential an entry
            return (
                rows / rows.sum(1, keepdims=True),
                jnp.where(total > 0, 0, 1).astype(z.dtype),
                n / jnp.where(total > 0, total, 1),
            )

        states = jnp.where(jnp.isfinite(log_own), types[:, 0], 0)
        values = _solved(states, *step(states))
        return weights @ (values if shares is None else _values(shares, *step(shares), values))

    # one after the other: LAPACK is three times slower on a batch
    return jax.lax.map(point, (n, types, log_own, phi, psi, shares, weights))


@partial(jax.jit, static_argnums=0)
def _filtering(n: int, phi, psi, shares, weights) -> Float[Array, "4"]:
    """The values averaged over the starts, of one point."""
    acceptance = jnp.stack([phi, psi])

    def step(z):
        rows, none_kept = filtering_rows(n, acceptance, jnp.stack([z, 1 - z], axis=1))
        return rows, none_kept, jnp.full_like(z, n)

    primitive, _ = fractions(n, 2)
    states = jnp.asarray(primitive[:, 0] / primitive.sum(1), phi.dtype)
    return weights @ _values(shares, *step(shares), _solved(states, *step(states)))


def _values(z, rows, stays, cost, later) -> Float[Array, "state 4"]:
    """Right, wrong, generations and verdicts from the shares z, one step before `later`.

    A generation leads to the states by `rows`, or with probability `stays` back to where it was.
    """
    moves = (z > 0) & (z < 1) & (stays < 1)
    goes = jnp.where(moves, 1 - stays, 1)[:, None]
    ends = jnp.stack([z, 1 - z, jnp.zeros_like(z), jnp.zeros_like(z)], axis=1)
    step = jnp.stack([jnp.zeros_like(z), jnp.zeros_like(z), jnp.ones_like(z), cost], axis=1)
    return jnp.where(moves[:, None], (step + rows @ later) / goes, ends)


def _solved(z, rows, stays, cost) -> Float[Array, "state 4"]:
    """`_values` of the states themselves: the linear system in which `later` is what it gives."""
    nothing = jnp.zeros((z.size, 4), z.dtype)
    moves = ((z > 0) & (z < 1) & (stays < 1))[:, None]
    goes = jnp.where(moves, 1 - stays[:, None], 1)
    system = jnp.eye(z.size, dtype=z.dtype) - jnp.where(moves, rows / goes, 0)
    return jnp.linalg.solve(system, _values(z, rows, stays, cost, nothing))
