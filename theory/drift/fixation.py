"""When and where a chain stops for good. The public names stand in `theory.drift`."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from theory import validation
from theory.validation import ArrayLike


def fixation_time(kernel: ArrayLike) -> Float[Array, " s"]:
    """Expected generations until the chain stops for good, from every state.

    (I − Q) τ = 1 on the states that are not absorbing (T(s,s) < 1), τ = 0 on the others.

    Args:
        kernel: Kernel [s, s] from which every state reaches an absorbing one.

    Returns:
        Expected times [s], in generations.

    Raises:
        ValueError: Where `kernel` has no probability rows, no absorbing state, or a state that reaches none.

    References:
        Kemeny & Snell (1960), Finite Markov Chains, theorem 3.3.5.
    """
    xp, table, moving = _absorbing_chain(kernel)
    return _reached(xp, table, moving)


def fixation_probabilities(kernel: ArrayLike) -> Float[Array, "source target"]:
    """Where the chain stops: the probability of each absorbing state, from every state.

    lim_t T^t: (I − Q) B = R on the moving states; `B @ (lattice(n, k) / n)` is P(fixation in symbol k) = z_k for the
    closed loop.

    Args:
        kernel: Kernel [s, s] from which every state reaches an absorbing one.

    Returns:
        Probabilities [source, target], zero for targets that are not absorbing.

    Raises:
        ValueError: Where `kernel` has no probability rows, no absorbing state, or a state that reaches none.

    References:
        Kemeny & Snell (1960), Finite Markov Chains, theorem 3.3.7.
    """
    xp, table, moving = _absorbing_chain(kernel)
    return _reached(xp, table, xp.diag(1 - moving))


def _absorbing_chain(kernel: ArrayLike) -> tuple[Any, Any, Any]:
    """The module, the kernel with the rows of its absorbing states cleared, and 1 for every state that is not one."""
    table = validation.pmf("kernel", kernel, ndim=2, axis=1)
    validation.same_size("kernel", table.shape[0], "kernel, axis 1,", table.shape[1])
    xp, table = validation.host(table)
    moving = (xp.diag(table) < 1).astype(table.dtype)
    if validation.has_values(moving) and moving.all():
        raise validation.refuse("kernel", "a chain that never stops", "a kernel with a state s where T(s,s) = 1")
    return xp, moving[:, None] * table, moving


def _reached(xp: Any, table: Any, target: Any) -> Float[Array, "..."]:
    """(I − Q)⁻¹ target, where there is one: the system is singular if some state reaches no absorbing one."""
    refusal = validation.refuse("kernel", "a state that never stops", "a chain in which every state can stop")
    try:
        values = xp.linalg.solve(xp.eye(len(table), dtype=table.dtype) - table, target)
    except np.linalg.LinAlgError as error:
        raise refusal from error
    most = 1 / jnp.finfo(values.dtype).eps
    if validation.has_values(values) and not ((values > -1e-3) & (values < most)).all():  # nor is NaN
        raise refusal
    return validation.array(values)


def fixation_time_diffusion(n: int, pmf: ArrayLike) -> Float[Array, ""]:
    """The diffusion approximation of the expected time to fixation, in generations.

    E τ ≈ −2n Σ_k (1−p_k) ln(1−p_k); from p = ½ it is 2.7 % too high at n = 50, 1.5 % at n = 100, and less as n grows.

    Args:
        n: Samples a generation, at least 1.
        pmf: Where the chain starts [k].

    Returns:
        The approximate expected time.

    Raises:
        ValueError: Where `n` < 1 or `pmf` is not a probability table.

    References:
        Ewens (2004), Mathematical Population Genetics, chapter 5.
        Kimura & Ohta (1969), The average number of generations until fixation of a mutant gene.
    """
    n = validation.integer("n", n, 1)
    xp, p = validation.host(validation.pmf("pmf", pmf, ndim=1))
    rest = xp.where(p < 1, 1 - p, 1)
    return validation.array(-2 * n * (rest * xp.log(rest)).sum())
