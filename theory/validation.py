"""Checks at the public boundary: inputs become arrays of one floating dtype, and their values are checked.

A tracer has no values, so under `jit`, `vmap` and `grad` shapes are checked and values are not.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

ArrayLike = jax.typing.ArrayLike | Sequence[Any]  # JAX's own leaves lists out
LARGEST = 2**53  # whole numbers up to here are floats of double precision
LONGEST = 300  # characters of what was given


def refuse(name: str, given: object, accepted: str) -> ValueError:
    """The one form of every error."""
    try:
        shown = str(given)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        shown = "a number of thousands of digits"
    shown = shown if len(shown) <= LONGEST else f"{shown[:LONGEST]} …"
    return ValueError(f"{name}: {shown} was given; accepted: {accepted}")


def has_values(x: object) -> bool:
    """Whether `x` is concrete: a tracer is not."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(x))


def floats(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`x` as a floating array: float32 and wider stay, half precision becomes float32, integers the default float."""
    try:
        found = array(x)
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(name, f"{type(x).__name__} ({error})", "an array of real numbers") from error
    if jnp.issubdtype(found.dtype, jnp.complexfloating) or jnp.issubdtype(found.dtype, jax.dtypes.extended):
        raise refuse(name, f"dtype {found.dtype}", "an array of real numbers")
    if not jnp.issubdtype(found.dtype, jnp.floating):
        found = array(found, jnp.result_type(float))
    if found.dtype.itemsize < 4:
        found = array(found, jnp.float32)
    accepted = (ndim,) if isinstance(ndim, int) else ndim
    if accepted is not None and found.ndim not in accepted:
        raise refuse(name, f"shape {found.shape}", f"{' or '.join(map(str, accepted))} axes")
    if found.size == 0:
        raise refuse(name, f"shape {found.shape}", "at least one entry on every axis")
    return found


def finite(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`floats`, without NaN and infinities."""
    found = floats(name, x, ndim)
    if has_values(found) and not np.isfinite(np.asarray(found)).all():
        raise refuse(name, "a NaN or an infinity", "finite numbers")
    return found


def pmf(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None, axis: int | None = None) -> Array:
    """`floats`, non-negative and of sum 1 over `axis` (None: over the whole table) within sqrt(eps) of the dtype."""
    found = floats(name, x, ndim)
    if has_values(found):
        values = np.asarray(found)
        accepted = "non-negative entries that sum to 1" + ("" if axis is None else f" over axis {axis}")
        lowest = values.min()
        if not lowest >= 0:  # the negation also catches NaN
            raise refuse(name, f"an entry {lowest}", accepted)
        sums = values.sum(axis)
        worst = np.ravel(sums)[np.argmax(np.abs(sums - 1))]
        if not abs(worst - 1) <= np.sqrt(jnp.finfo(found.dtype).eps):
            raise refuse(name, f"the sum {worst}", accepted)
    return found


def rates(name: str, x: ArrayLike, ndim: int | tuple[int, ...] | None = None) -> Array:
    """`floats`, each in [0, 1]."""
    found = floats(name, x, ndim)
    if has_values(found):
        values = np.asarray(found)
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            raise refuse(name, f"an entry {values[~inside].flat[0]}", "numbers in [0, 1]")
    return found


def one_dtype(*arrays: Array) -> tuple[Array, ...]:
    """The arrays in the widest of their dtypes: a list beside a float32 array is no error."""
    dtype = np.result_type(*(a.dtype for a in arrays))
    return tuple(array(a, dtype) for a in arrays)


def array(x: Any, dtype: Any = None) -> Array:
    """`jnp.asarray`, which compiles a program for each shape of a NumPy array, without one where there are values."""
    if not has_values(x):
        return jnp.asarray(x, dtype)
    if isinstance(x, Array) and (dtype is None or dtype == x.dtype):
        return x
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which is refused where it matters
        return jax.device_put(np.asarray(x, dtype))


def host(*arrays: Any) -> tuple[Any, ...]:
    """NumPy and the arrays as its own, whose operations compile nothing, where all have values; else JAX and its."""
    return (np, *map(np.asarray, arrays)) if has_values(arrays) else (jnp, *map(jnp.asarray, arrays))


def integer(name: str, value: int, at_least: int, at_most: int = LARGEST) -> int:
    """`value`, a whole number in a range."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        raise refuse(name, repr(value), f"an integer >= {at_least}")
    if value > at_most:
        raise refuse(name, value, f"an integer from {at_least} to {at_most:,}")
    return int(value)


def integers(name: str, x: ArrayLike, at_least: int, accepted: str, ndim: int | None = None) -> np.ndarray:
    """`x` as concrete whole numbers, at least one, each of at least `at_least`: they set shapes."""
    try:
        values = np.asarray(x) if has_values(x) else None
    except (TypeError, ValueError) as error:
        raise refuse(name, f"{type(x).__name__} ({error})", accepted) from error
    if values is None:
        raise refuse(name, "a traced array", f"{accepted}, with values")
    outside = values.size == 0 or values.dtype.kind not in "iu" or (values < at_least).any() or (values > LARGEST).any()
    if outside or ndim not in (None, values.ndim):
        raise refuse(name, repr(values.tolist()), accepted)
    return values.astype(np.int64)


def whole(name: str, x: ArrayLike, at_least: int) -> Array:
    """`finite`, whole numbers of any shape, as floats: a tracer will do."""
    found = finite(name, x)
    if has_values(found):
        values = np.asarray(found)
        if not ((values >= at_least) & (values == np.floor(values))).all():
            raise refuse(name, x, f"integers >= {at_least}")
    return found


def broadcast(names: str, *arrays: Any) -> tuple[Any, ...]:
    """`host`, of one shape."""
    xp, *given = host(*arrays)
    try:
        return tuple(xp.broadcast_arrays(*given))
    except ValueError as error:
        raise refuse(names, f"shapes {', '.join(str(x.shape) for x in given)}", "shapes that broadcast") from error


def positive(name: str, x: ArrayLike) -> Array:
    """A number, finite and above zero."""
    found = finite(name, x, 0)
    if has_values(found) and not np.asarray(found) > 0:
        raise refuse(name, found, "a number > 0")
    return found


def same_size(name: str, size: int, other: str, expected: int) -> None:
    """Two arguments that must agree along an axis."""
    if size != expected:
        raise refuse(name, f"length {size}", f"length {expected}, as `{other}` has")


def entries(name: str, size: int, most: int, of: str = "a table") -> None:
    """A table that fits into memory, before it is allocated."""
    if size > most:
        raise refuse(name, f"{of} of {amount(size)} entries", f"at most {most:,} entries")


def amount(size: int) -> str:
    """A count, which may be too long to be written."""
    return f"{size:,}" if size < 10**30 else "more than 10^30"


def key(name: str, value: Any) -> Any:
    """One JAX random key, typed or raw."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if not ((typed and shape == ()) or (dtype == np.uint32 and shape in ((2,), (4,)))):
        given = type(value).__name__ if shape is None else f"{dtype} of shape {shape}"
        raise refuse(name, given, "one JAX random key, as jax.random.key(0) is")
    return value


def function(name: str, value: Any) -> Any:
    """A function that `jit` can take as static: one without a hash, as a callable tuple of arrays, is wrapped."""
    if not callable(value):
        raise refuse(name, type(value).__name__, "a function")
    try:
        hash(value)
    except TypeError:
        return lambda *args: value(*args)
    return value


def taken(name: str, x: Any, accepted: str) -> Array:
    """`array`, of whatever dtype, where there can be one."""
    try:
        return array(x)
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(name, f"{type(x).__name__} ({error})", accepted) from error


def result(name: str, f: Any, *args: Any, on: str) -> jax.ShapeDtypeStruct:
    """Shape and dtype of the array that a function returns for what `on` names."""

    def call(*given: Any) -> Any:
        try:
            found = f(*given)
        except Exception as error:
            failed = f"a function that fails for {on} ({type(error).__name__}: {error})"
            raise refuse(name, failed, "one that returns an array") from error
        if not isinstance(found, Array | np.ndarray | np.generic):
            raise refuse(name, f"a function that returns {type(found).__name__}", "one that returns an array")
        return found

    return jax.eval_shape(call, *args)


def inside(name: str, value: Any, low: float | int, high: float | int) -> float:
    """A number strictly between two others, with a value."""
    accepted = f"a number in ({low:g}, {high:g})"
    if np.shape(value) != () or not has_values(value) or np.asarray(value).dtype.kind not in "iuf":
        raise refuse(name, type(value).__name__, accepted)
    number = float(value)
    if not low < number < high:
        raise refuse(name, number, accepted)
    return number


def in_range(name: str, result: Array) -> Array:
    """`result`, unless the numbers of `name` are so large or so small that it is no finite one."""
    if has_values(result) and not np.isfinite(np.asarray(result)).all():
        raise refuse(name, f"numbers whose result is beyond {result.dtype}", "numbers of a more moderate size")
    return result
