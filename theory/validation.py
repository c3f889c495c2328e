"""What stands at the public doors: inputs become arrays of one floating dtype, and values are checked.

Every complaint is a `ValueError` that names the argument, what was given and what is accepted. A tracer has no values,
so under `jit`, `vmap` and `grad` shapes are checked and values are not.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

ArrayLike = jax.typing.ArrayLike | Sequence[Any]  # JAX's own leaves lists out


def refuse(name: str, given: object, accepted: str) -> ValueError:
    """The one form that every complaint takes."""
    return ValueError(f"{name}: {given} was given; accepted: {accepted}")


def has_values(x: object) -> bool:
    """Whether `x` can be looked at: a tracer cannot."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(x))


def floats(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`x` as a floating array: a floating dtype stays, integers become the default float."""
    try:
        array = jnp.asarray(x)
    except (TypeError, ValueError) as error:
        raise refuse(name, f"{type(x).__name__} ({error})", "an array of real numbers") from error
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise refuse(name, f"dtype {array.dtype}", "an array of real numbers")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(jnp.result_type(float))
    accepted = (ndim,) if isinstance(ndim, int) else ndim
    if accepted is not None and array.ndim not in accepted:
        raise refuse(name, f"shape {array.shape}", f"{' or '.join(map(str, accepted))} axes")
    if array.size == 0:
        raise refuse(name, f"shape {array.shape}", "at least one entry on every axis")
    return array


def finite(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`floats`, without NaN and infinities."""
    array = floats(name, x, ndim)
    if has_values(array) and not np.isfinite(np.asarray(array)).all():
        raise refuse(name, "a NaN or an infinity", "finite numbers")
    return array


def pmf(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None, axis: int | None = None) -> Array:
    """`floats`, non-negative and of sum 1 over `axis` (None: over the whole table) within sqrt(eps) of the dtype."""
    array = floats(name, x, ndim)
    if has_values(array):
        values = np.asarray(array)
        accepted = "non-negative entries that sum to 1" + ("" if axis is None else f" over axis {axis}")
        lowest = values.min()
        if not lowest >= 0:  # the negation also catches NaN
            raise refuse(name, f"an entry {lowest}", accepted)
        sums = values.sum(axis)
        worst = np.ravel(sums)[np.argmax(np.abs(sums - 1))]
        if not abs(worst - 1) <= np.sqrt(jnp.finfo(array.dtype).eps):
            raise refuse(name, f"the sum {worst}", accepted)
    return array


def rates(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`floats`, each in [0, 1]."""
    array = floats(name, x, ndim)
    if has_values(array):
        values = np.asarray(array)
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            raise refuse(name, f"an entry {values[~inside].flat[0]}", "numbers in [0, 1]")
    return array


def one_dtype(*arrays: Array) -> tuple[Array, ...]:
    """The arrays in the widest of their dtypes: a list beside a float32 array is no error."""
    dtype = np.result_type(*(a.dtype for a in arrays))
    return tuple(a.astype(dtype) for a in arrays)


def integer(name: str, value: int, at_least: int) -> int:
    """`value`, an integer of at least `at_least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        raise refuse(name, value, f"an integer >= {at_least}")
    return int(value)


def positive(name: str, x: ArrayLike) -> Array:
    """A number, finite and above zero."""
    array = finite(name, x, 0)
    if has_values(array) and not array > 0:
        raise refuse(name, array, "a number > 0")
    return array


def same_size(name: str, size: int, other: str, expected: int) -> None:
    """Two arguments that must agree along an axis."""
    if size != expected:
        raise refuse(name, f"length {size}", f"length {expected}, as `{other}` has")
