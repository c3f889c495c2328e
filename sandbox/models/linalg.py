"""Linear algebra that vectorises over replicas: triangular factors, unrolled over columns, and conjugate gradients."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

Same = TypeVar("Same")


def cast(tree: Same, dtype: Any) -> Same:
    """`tree` with leaves of this dtype."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)


def centre(x: Float[Array, "n d"], weights: Float[Array, " n"]) -> Float[Array, " d"]:
    """The weighted mean of each coordinate: squares of what is left lose no digit to cancellation."""
    total = jnp.maximum(weights.sum(), jnp.finfo(weights.dtype).tiny)
    return jnp.where(weights[:, None] > 0, weights[:, None] * x, 0).sum(0) / total


def cholesky(covariance: Float[Array, "d d"], floor: float | Float[Array, " d"] = 0.0) -> Float[Array, "d d"]:
    """The lower L with L L' = covariance, each pivot L_jj² no smaller than `floor`, one number or one a coordinate.

    A pivot is the variance of a coordinate given those before it. Of a singular matrix, the factor has a column of
    zeros for each pivot that is 0 up to rounding, where LAPACK's would be NaN.
    """
    d = covariance.shape[-1]
    rounding = 4 * d * jnp.finfo(covariance.dtype).eps
    floors = jnp.broadcast_to(jnp.asarray(floor, covariance.dtype), d)
    columns: list[Array] = []
    rest = covariance
    for j in range(d):
        exact = rest[j, j] > rounding * covariance[j, j]
        pivot = jnp.maximum(jnp.where(exact, rest[j, j], 0), floors[j])
        scale = jnp.sqrt(pivot)
        below = jnp.where(exact, rest[:, j] / jnp.where(exact, scale, 1), 0)
        column = jnp.where(jnp.arange(d) == j, scale, jnp.where(jnp.arange(d) > j, below, 0))
        rest = rest - column[:, None] * column[None, :]
        columns.append(column)
    return jnp.stack(columns, axis=1)


def solve_lower(scale: Float[Array | np.ndarray, "d d"], x: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """The z with scale z_i = x_i; a zero pivot gives 0 where nothing is left to explain and infinity where it is."""
    columns: list[Array] = []
    rest = x
    for j in range(scale.shape[-1]):
        pivot = scale[j, j]
        regular = pivot > 0
        z = jnp.where(regular, rest[:, j] / jnp.where(regular, pivot, 1), jnp.where(rest[:, j] == 0, 0, jnp.inf))
        step = jnp.where(regular, z, 0)
        rest = rest - step[:, None] * scale[None, :, j]
        columns.append(z)
    return jnp.stack(columns, axis=1)


def inverse_of_square(scale: Float[Array | np.ndarray, "d d"]) -> Float[Array, "d d"]:
    """(scale scale')⁻¹: the precision of a covariance with this factor."""
    columns = solve_lower(scale, jnp.eye(scale.shape[0], dtype=scale.dtype))  # row i is scale⁻¹ e_i
    return (columns[:, None, :] * columns[None, :, :]).sum(-1)


def normal_log_density(
    mean: Float[Array, " d"], scale: Float[Array | np.ndarray, "d d"], x: Float[Array, "n d"]
) -> Float[Array, " n"]:
    """ln N(x_i; mean, scale scale'), in nats; of a singular covariance, inf on its support and −inf off it."""
    z = solve_lower(scale, x - mean[None, :])
    squares = (z * z).sum(1)
    log_volume = jnp.log(jnp.diagonal(scale)).sum()
    density = -0.5 * squares - log_volume - 0.5 * mean.size * jnp.log(2 * jnp.pi)
    return jnp.where(jnp.isinf(squares), -jnp.inf, density)


def conjugate_gradients(matrix: Callable[[Same], Same], right_side: Same, steps: int) -> Same:
    """x with matrix(x) ≈ right_side, for a positive definite linear map of pytrees, after `steps` products.

    Written out, since `jax.scipy.sparse.linalg.cg`, whose loop ends by a condition, gave other numbers under `vmap`
    inside a scan than alone (jax 0.10.2 on the CPU; tests/sandbox/test_networks.py holds the two to each other).

    References:
        Hestenes & Stiefel (1952), Methods of conjugate gradients for solving linear systems.
    """

    def dot(a: Same, b: Same) -> Array:
        return jnp.stack([jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)]).sum()

    def plus(a: Same, scale: Array, b: Same) -> Same:
        return jax.tree.map(lambda x, y: x + scale * y, a, b)

    def ratio(a: Array, b: Array) -> Array:  # 0 once the residual is
        return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)

    def step(state: tuple[Same, Same, Same, Array], _) -> tuple[tuple[Same, Same, Same, Array], None]:
        x, residual, along, size = state
        image = matrix(along)
        length = ratio(size, dot(along, image))
        residual = plus(residual, -length, image)
        left = dot(residual, residual)
        return (plus(x, length, along), residual, plus(residual, ratio(left, size), along), left), None

    start = (jax.tree.map(jnp.zeros_like, right_side), right_side, right_side, dot(right_side, right_side))
    return jax.lax.scan(step, start, length=steps)[0][0]
