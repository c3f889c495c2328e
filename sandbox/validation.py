"""What a public function accepts, and the one form that every complaint takes.

Values are checked where they are concrete; a tracer has none to check.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

MOST_NUMBERS = 2**28  # of one table: 2 GB


def refuse(name: str, given: object, accepted: str) -> ValueError:
    """The one form that every complaint takes."""
    return ValueError(f"{name}: {given} was given; accepted: {accepted}")


def concrete(value: Any) -> bool:
    """Whether `value` has numbers to look at."""
    return not isinstance(value, Tracer)


def shown(value: Any) -> str:
    """How a message shows `value`: on one line, cut to 80 characters."""
    return " ".join(str(value).split())[:80]


def array(value: Any, dtype: Any, shape: tuple[int, ...] | None = None) -> Array:
    """`value` as JAX's array, broadcast to `shape`; without a compilation where it is concrete."""
    module = np if concrete(value) else jnp
    value = module.asarray(value, dtype)
    return jax.device_put(value if shape is None else module.broadcast_to(value, shape))


def arrays(fields: Any) -> None:
    """Raises unless every field of a NamedTuple is an array."""
    for name, value in fields._asdict().items():
        if not isinstance(value, Array | np.ndarray):
            raise refuse(f"{type(fields).__name__}.{name}", type(value).__name__, "an array")


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
    """Raises unless the integer `value` is `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise refuse(name, repr(value), f"an integer >= {least}")


def integers(name: str, value: Any, least: int) -> None:
    """Raises unless every number of `value` is an integer of `least` or more that 32 bits hold."""
    values = np.asarray(value) if concrete(value) else value
    if values.dtype.kind not in "iu" or (concrete(value) and np.any((values < least) | (values >= 2**31))):
        raise refuse(name, value, f"integers >= {least} below 2^31")


def rate(name: str, value: Any) -> None:
    """Raises unless every number of `value` lies in [0, 1]."""
    # NumPy, since under a trace JAX turns even constants into tracers
    if concrete(value) and not np.all((np.asarray(value) >= 0) & (np.asarray(value) <= 1)):
        raise refuse(name, value, "numbers in [0, 1]")


def nonnegative(name: str, value: Any) -> None:
    """Raises unless every number of `value` is finite and not negative."""
    if concrete(value) and not np.all((np.asarray(value) >= 0) & np.isfinite(np.asarray(value))):
        raise refuse(name, value, "finite numbers >= 0")


def positive(name: str, value: Any) -> None:
    """Raises unless every number of `value` is finite and above 0."""
    if concrete(value) and not np.all((np.asarray(value) > 0) & np.isfinite(np.asarray(value))):
        raise refuse(name, value, "finite numbers > 0")


def finite(name: str, tree: Any) -> None:
    """Raises unless every number of every leaf of `tree` is finite."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if concrete(leaf) and not np.all(np.isfinite(np.asarray(leaf))):
            raise refuse(name + jax.tree_util.keystr(path), f"{np.asarray(leaf).tolist()!s:.80}", "finite numbers")


def distribution(name: str, probs: Array | np.ndarray) -> None:
    """Raises unless `probs` sums to one along its last axis and has no negative entry."""
    if not concrete(probs):
        return
    values = np.asarray(probs)
    if values.ndim < 1 or values.shape[-1] < 1:
        raise refuse(name, f"shape {values.shape}", "at least one probability")
    tolerance = np.sqrt(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 1e-8
    if not np.all(values >= 0) or not np.all(np.abs(values.sum(-1) - 1) <= tolerance):
        raise refuse(name, f"{values!s:.80}", "probabilities that sum to 1 on the last axis")


def samples(name: str, x: Array | np.ndarray) -> None:
    """Raises unless `x` holds at least one sample, all finite."""
    if x.ndim not in (1, 2) or x.shape[0] < 1:
        raise refuse(name, f"shape {x.shape}", "samples [n] or [n, d], n >= 1")
    finite(name, x)


def floating(name: str, dtype: Any) -> None:
    """Raises unless `dtype` is a floating type."""
    if not jnp.issubdtype(dtype, jnp.floating):
        raise refuse(name, dtype, "a floating type")


def table(name: str, size: int) -> None:
    """Raises unless `size` numbers fit into memory, at 8 bytes each."""
    if size > MOST_NUMBERS:
        raise refuse(name, f"a table of {size:.3g} numbers", f"a size that leaves at most {MOST_NUMBERS:.3g}")


def scalar(name: str, value: Any) -> None:
    """Raises unless `value` is one real number, not NaN."""
    kind = value.dtype.kind if isinstance(value, Array) else np.asarray(value).dtype.kind
    if np.ndim(value) or kind not in "fiu" or (concrete(value) and np.isnan(value)):
        raise refuse(name, f"{value!r:.80}", "one number")


def leaves(name: str, tree: Any) -> None:
    """Raises unless every leaf of `tree` is an array or a number, as of a NamedTuple of arrays."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not isinstance(leaf, Array | np.ndarray | np.generic | float | int):
            raise refuse(name + jax.tree_util.keystr(path), repr(leaf), "a pytree of arrays, as a NamedTuple of arrays")
