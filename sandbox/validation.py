"""What a public function accepts, and the one form of its complaints.

Values are checked where they are concrete; a tracer has none to check.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

MOST = 2**31 - 1  # what 32 bits count to, as JAX does unless told otherwise
MOST_NUMBERS = 2**28  # of one table: 2 GB


def refuse(name: str, given: object, accepted: str) -> ValueError:
    """The one form that every complaint takes."""
    return ValueError(f"{name}: {given} was given; accepted: {accepted}")


def concrete(value: Any) -> bool:
    """Whether `value` has numbers to look at."""
    return not isinstance(value, Tracer | jax.ShapeDtypeStruct)


def shown(value: Any) -> str:
    """How a message shows `value`: on one line, cut to 80 characters."""
    return " ".join(str(value).split())[:80]


def array(value: Any, dtype: Any, shape: tuple[int, ...] | None = None) -> Array:
    """`value` as JAX's array, broadcast to `shape`; without a compilation where it is concrete and not JAX's."""
    if isinstance(value, Array) and shape is None:
        return jnp.asarray(value, dtype)
    module = np if concrete(value) else jnp
    with np.errstate(over="ignore"):  # beyond the dtype is infinite, which checks refuse
        value = module.asarray(value, dtype)
    return jax.device_put(value if shape is None else module.broadcast_to(value, shape))


def key(name: str, value: Any) -> Array:
    """Raises unless `value` is one random key, typed or as its two words of 32 bits."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    typed = dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)
    if typed and shape == () and jax.eval_shape(jax.random.key_data, value).shape == (2,):
        return value
    if dtype == jnp.uint32 and shape == (2,):
        return value
    given = shown(value) if shape is None else f"{'keys' if typed else dtype} of shape {list(shape)}"
    raise refuse(name, given, "one random key, such as jax.random.key(0)")


def at_least(name: str, value: Any, least: int) -> None:
    """Raises unless `value` is an integer of `least` or more that 32 bits can count to."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise refuse(name, repr(value), f"an integer >= {least}")
    if value > MOST:
        raise refuse(name, value, f"an integer <= {MOST}")


def flag(name: str, value: Any) -> None:
    """Raises unless `value` is True or False."""
    if not isinstance(value, bool | np.bool_):
        raise refuse(name, shown(value), "True or False")


def integers(name: str, value: Any, least: int, shape: tuple[int, ...] | None = None) -> None:
    """Raises unless every number of `value` is an integer of `least` or more that 32 bits can count to."""

    def holds(x: np.ndarray) -> Any:
        return (x.dtype.kind in "iu") & (x >= least) & (x <= MOST)

    _numbers(name, value, holds, f"integers >= {least} below 2^31", shape)
    if not concrete(value) and not jnp.issubdtype(value.dtype, jnp.integer):
        raise refuse(name, f"an array of {value.dtype}", f"integers >= {least}")


def rate(name: str, value: Any, shape: tuple[int, ...] | None = None) -> None:
    """Raises unless every number of `value` lies in [0, 1]."""
    _numbers(name, value, is_rate, "numbers in [0, 1]", shape)


def nonnegative(name: str, value: Any, shape: tuple[int, ...] | None = None, kind: Any = None) -> None:
    """Raises unless every number of `value`, as a `kind` of float, is finite and not negative."""
    _numbers(name, value, lambda x: (x >= 0) & np.isfinite(x), "finite numbers >= 0", shape, kind)


def positive(name: str, value: Any, shape: tuple[int, ...] | None = None, kind: Any = None) -> None:
    """Raises unless every number of `value`, as a `kind` of float, is finite and above 0."""
    _numbers(name, value, lambda x: (x > 0) & np.isfinite(x), "finite numbers > 0", shape, kind)


def no_nan(name: str, value: Any, shape: tuple[int, ...] | None = None) -> None:
    """Raises where a number of `value` is NaN; an infinity is accepted."""
    _numbers(name, value, lambda x: ~np.isnan(x), "numbers, of which none is NaN", shape)


def finite(name: str, tree: Any) -> None:
    """Raises unless every number of every leaf of `tree` is finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not jnp.issubdtype(getattr(leaf, "dtype", float), jax.dtypes.prng_key):
            _numbers(name + jax.tree_util.keystr(path), leaf, np.isfinite, "finite numbers")


def function(name: str, value: Any) -> None:
    """Raises unless `value` can be called, and is no class."""
    if not callable(value) or isinstance(value, type):
        raise refuse(name, f"the class {value.__name__}" if isinstance(value, type) else shown(value), "a function")


def distribution(name: str, probs: Any, shape: tuple[int, ...] | None = None) -> None:
    """Raises unless `probs` sums to one along its last axis and has no negative entry."""

    def holds(x: np.ndarray) -> bool:
        tolerance = np.sqrt(jnp.finfo(x.dtype).eps) if jnp.issubdtype(x.dtype, jnp.floating) else 0
        return x.size > 0 and bool(np.all(x >= 0) and np.all(np.abs(x.sum(-1) - 1) <= tolerance))

    _numbers(name, probs, holds, "probabilities that sum to 1 on the last axis", shape)


def square(name: str, table: Any) -> None:
    """Raises unless the last two axes of `table` are of one length."""
    if table.shape[-1] != table.shape[-2]:
        raise refuse(name, f"shape {list(table.shape)}", "a square table")


def lower_triangle(name: str, scale: Any) -> None:
    """Raises unless `scale` is lower triangular, with a diagonal that is not negative."""
    if concrete(scale):
        values = np.asarray(scale)
        if not np.all(np.triu(values, 1) == 0) or not np.all(np.diagonal(values, axis1=-2, axis2=-1) >= 0):
            raise refuse(name, shown(values), "a lower Cholesky factor, its diagonal not negative")


def samples(name: str, x: Any) -> Any:
    """`x` as an array; raises unless it holds at least one sample, all finite."""
    x = plain(name, x, accepted := "samples [n] or [n, d], n >= 1")
    if x.ndim not in (1, 2) or 0 in x.shape:
        raise refuse(name, f"shape {list(x.shape)}", accepted)
    finite(name, x)
    return x


def floating(name: str, dtype: Any) -> None:
    """Raises unless `dtype` is a floating type."""
    try:
        fine = dtype is not None and jnp.issubdtype(dtype, jnp.floating)
    except TypeError:
        fine = False
    if not fine:
        raise refuse(name, shown(dtype), "a floating type")


def table(name: str, size: int) -> None:
    """Raises unless `size` numbers fit into memory, at 8 bytes each."""
    if size > MOST_NUMBERS:
        given = f"a table of {min(size, 10**300):.3g} numbers"
        raise refuse(name, given, f"a size that leaves at most {MOST_NUMBERS:.3g}")


def scalar(name: str, value: Any) -> None:
    """Raises unless `value` is one real number, not NaN."""
    _numbers(name, value, lambda x: x.dtype != bool and ~np.isnan(x), "one number", ())


def leaves(name: str, tree: Any) -> None:
    """Raises unless every leaf of `tree` is an array or a number, as of a NamedTuple of arrays."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not isinstance(leaf, Array | np.ndarray | np.generic | float | int):
            raise refuse(name + jax.tree_util.keystr(path), repr(leaf), "a pytree of arrays, as a NamedTuple of arrays")


def one_each(name: str, value: Any, n: int, what: str = "numbers") -> Array:
    """`value`, which a function of n samples has returned; raises unless it is one of `what` a sample."""
    kinds = {"booleans": (jnp.bool_,), "integers": (jnp.integer,), "numbers": (jnp.floating, jnp.integer, jnp.bool_)}
    accepted = f"an array of {n} {what}, one a sample"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", object)
    if shape != (n,):
        raise refuse(name, type(value).__name__ if shape is None else f"an array of shape {list(shape)}", accepted)
    if not any(jnp.issubdtype(dtype, kind) for kind in kinds[what]):
        raise refuse(name, f"an array of {dtype}", accepted)
    return jnp.asarray(value)


def is_rate(value: Any) -> Any:
    """Whether each number lies in [0, 1], as NaN does not; a tracer may ask."""
    return (value >= 0) & (value <= 1)


def plain(name: str, value: Any, accepted: str) -> Any:
    """`value` as an array of a dtype that JAX has; raises where it is none."""
    if not concrete(value) or isinstance(value, Array):
        return value
    try:
        found = np.asarray(value)
        with np.errstate(over="ignore"):
            return found.astype(jax.dtypes.canonicalize_dtype(found.dtype), copy=False)
    except (TypeError, ValueError) as error:
        raise refuse(name, shown(value), accepted) from error


def _numbers(
    name: str,
    value: Any,
    holds: Callable[[np.ndarray], Any],
    accepted: str,
    shape: tuple[int, ...] | None = None,
    kind: Any = None,
) -> None:
    """Raises unless `value` is made of real numbers, for all of which `holds`, in this shape if there is one.

    Floats are looked at in the type that JAX makes of them, or in `kind`: what that cannot hold is infinite or 0.
    """
    try:
        values = np.asarray(value) if concrete(value) else value
    except (TypeError, ValueError, OverflowError) as error:
        raise refuse(name, shown(value), accepted) from error
    floats = jnp.issubdtype(values.dtype, jnp.floating)
    fine = floats or values.dtype == bool or jnp.issubdtype(values.dtype, jnp.integer)
    if fine and shape is not None and values.shape != shape:
        raise refuse(name, f"shape {list(values.shape)}", f"shape {list(shape)}" if shape else "one number")
    if fine and concrete(value):
        dtype = kind or jax.dtypes.canonicalize_dtype(values.dtype)
        with np.errstate(over="ignore"):
            fine = np.all(holds(values.astype(dtype) if floats else values))
    if not fine:
        raise refuse(name, shown(values), accepted)
