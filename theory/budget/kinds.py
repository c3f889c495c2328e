"""A loop over several kinds of outputs, each accepted with a rate of its own: how it ends, and its shares on the way.

Each generation refits to n accepted outputs, by rejection sampling: counts move to Multinomial(n, z·a/Σz·a), with
z = counts/n. Kinds of equal acceptance a are neutral to each other: their outputs are exchangeable, so that they are
lumped, and each has the part of what they win, or of their share, that it had at the start. Exact, on the host.

References:
    Ewens (2004), Mathematical Population Genetics, section 1.4: several kinds; Kemeny & Snell (1960): lumpability.
"""

from typing import NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.budget.outcomes import multinomial
from theory.drift.kernels import counts, num_states
from theory.validation import ArrayLike

MAX_ENTRIES = 30_000_000  # of the kernel, which takes a GB: 103 samples of three kinds


def ends_with(n: int, acceptance: ArrayLike, initial: ArrayLike) -> Float[Array, " k"]:
    """P(the loop ends with each of k kinds of outputs alone) [k]: exact, (I − Q) B = R over the counts of the kinds.

    Kinds of equal acceptance share what they win as they share the start; `n` may be 103 where three kinds differ, 5476
    where two do. `acceptance` a and `initial`, the shares at the start, are [k].
    """
    n, rates, start, dtype = _checked(n, acceptance, initial)
    return validation.array(ends(n, rates, start), dtype)


def shares_by_round(n: int, acceptance: ArrayLike, initial: ArrayLike, *, num_rounds: int) -> Float[Array, "t k"]:
    """E Z_t, t = 0 … `num_rounds`: the expected share of each kind of outputs after each round [t, k], exact.

    The arguments are those of `ends_with`. The accuracy is the sum over the correct kinds.
    """
    n, rates, start, dtype = _checked(n, acceptance, initial)
    num_rounds = validation.integer("num_rounds", num_rounds, 0, MAX_ENTRIES)
    lumped = _lumped(rates, start)
    differ = lumped.rates.size
    path = np.ones((num_rounds, differ))
    if differ > 1 and num_rounds:
        validation.entries("n", num_states(n, differ) ** 2, MAX_ENTRIES, f"a kernel of {differ} kinds")
        states = counts(n, differ) / n
        now, kernel = one_round(n, lumped.rates, lumped.shares[None])[0], one_round(n, lumped.rates, states)
        path = np.empty((num_rounds, differ))
        for t in range(num_rounds):
            path[t] = now @ states
            now = now @ kernel
    return validation.array(np.vstack([start, lumped.parts * path[:, lumped.place]]), dtype)


def ends(n: int, acceptance: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """`ends_with` of arguments that have been checked, in float64."""
    lumped = _lumped(acceptance, initial)
    wins = _ends_of_different(n, lumped.rates, lumped.shares) if lumped.rates.size > 1 else np.ones(1)
    return lumped.parts * wins[lumped.place]


class _Lumped(NamedTuple):
    """Kinds of equal acceptance as one; those that are never accepted, or are not there, are left out."""

    rates: np.ndarray  # the acceptances that differ
    shares: np.ndarray  # of the start, their sum 1
    place: np.ndarray  # where each kind went [k]
    parts: np.ndarray  # its part of what is there [k]


def _lumped(acceptance: np.ndarray, initial: np.ndarray) -> _Lumped:
    alive = acceptance * initial > 0
    rates, found = np.unique(acceptance[alive], return_inverse=True)
    shares, place, parts = np.bincount(found, initial[alive]), np.zeros(initial.size, int), np.zeros(initial.size)
    place[alive], parts[alive] = found, initial[alive] / shares[found]
    return _Lumped(rates, shares / shares.sum(), place, parts)


def _ends_of_different(n: int, a: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Of kinds that differ in acceptance and are all accepted at times."""
    validation.entries("n", num_states(n, a.size) ** 2, MAX_ENTRIES, f"a kernel of {a.size} kinds")
    table = counts(n, a.size)
    inside = table.max(1) < n
    first, rows = one_round(n, a, p[None])[0], one_round(n, a, table[inside] / n)
    won = table[~inside].argmax(1)  # which kind a state without others is
    later = np.linalg.solve(np.eye(inside.sum()) - rows[:, inside], rows[:, ~inside])
    return np.bincount(won, first[inside] @ later + first[~inside])


def one_round(n: int, a: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The distribution of the counts after a round, from each of the shares [source, k]."""
    accepted = shares * a
    return multinomial(n, *(accepted / accepted.sum(1, keepdims=True)).T)


def _checked(n: int, acceptance: ArrayLike, initial: ArrayLike) -> tuple[int, np.ndarray, np.ndarray, np.dtype]:
    rates, start = validation.one_dtype(
        validation.rates("acceptance", acceptance, 1), validation.pmf("initial", initial, 1)
    )
    validation.same_size("acceptance", rates.size, "initial", start.size)
    n = validation.integer("n", n, 1)
    a, p = np.asarray(rates, float), np.asarray(start, float)
    if not (a * p).any():
        raise validation.refuse("acceptance", a.tolist(), "one that accepts something of what there is at the start")
    return n, a, p, start.dtype
