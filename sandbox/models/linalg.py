"""Triangular factors of small matrices, unrolled over their columns so that they vectorise over replicas."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


def cholesky(covariance: Float[Array, "d d"], floor: float = 0.0) -> Float[Array, "d d"]:
    """The lower L with L L' = covariance, each pivot L_jj² no smaller than `floor`.

    A pivot is the variance of a coordinate given those before it. Of a singular matrix, the factor has a column of
    zeros for each pivot that is 0 up to rounding, where LAPACK's would be NaN.
    """
    d = covariance.shape[-1]
    rounding = d * jnp.finfo(covariance.dtype).eps
    columns: list[Array] = []
    rest = covariance
    for j in range(d):
        exact = rest[j, j] > rounding * covariance[j, j]
        pivot = jnp.maximum(jnp.where(exact, rest[j, j], 0), floor)
        scale = jnp.sqrt(pivot)
        below = jnp.where(exact, rest[:, j] / jnp.where(exact, scale, 1), 0)
        column = jnp.where(jnp.arange(d) == j, scale, jnp.where(jnp.arange(d) > j, below, 0))
        rest = rest - column[:, None] * column[None, :]
        columns.append(column)
    return jnp.stack(columns, axis=1)


def solve_lower(scale: Float[Array, "d d"], x: Float[Array, "n d"]) -> Float[Array, "n d"]:
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


def inverse_of_square(scale: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """(scale scale')⁻¹: the precision of a covariance with this factor."""
    columns = solve_lower(scale, jnp.eye(scale.shape[0], dtype=scale.dtype))  # row i is scale⁻¹ e_i
    return (columns[:, None, :] * columns[None, :, :]).sum(-1)


def normal_log_density(
    mean: Float[Array, " d"], scale: Float[Array, "d d"], x: Float[Array, "n d"]
) -> Float[Array, " n"]:
    """ln N(x_i; mean, scale scale'), in nats; of a singular law, inf on its support and −inf off it."""
    z = solve_lower(scale, x - mean[None, :])
    squares = (z * z).sum(1)
    log_volume = jnp.log(jnp.diagonal(scale)).sum()
    density = -0.5 * squares - log_volume - 0.5 * mean.size * jnp.log(2 * jnp.pi)
    return jnp.where(jnp.isinf(squares), -jnp.inf, density)
