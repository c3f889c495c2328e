"""What a public function accepts, and the one form of its complaints.

Values are checked where they are concrete; a tracer has none to check.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import AbstractArray, Float

from sandbox.base import Checked, Signal

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


def to_sample(source: Any, random: Any, n: Any) -> Any:
    """`source` in the form that JAX takes; raises unless n samples can be drawn with the key `random`.

    Half precision is too coarse to draw with, so that floats have 32 bits or more.
    """
    key("key", random)
    at_least("n", n, 1)
    if concrete(random):  # in a loop the loop has seen to it
        table("n", n)
    found = ready(type(source).__name__, source)
    return jax.tree.map(_not_half, found)


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


def _not_half(leaf: Any) -> Any:
    half = jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype.itemsize < 4
    return leaf.astype(jnp.float32) if half else leaf


def is_rate(value: Any) -> Any:
    """Whether each number lies in [0, 1], as NaN does not; a tracer may ask."""
    return (value >= 0) & (value <= 1)


def ready(name: str, value: Any, space: Any = None, *, lead: int = 0) -> Any:
    """`value`, a model or a signal with all its parts, in the form that JAX takes, once every part is checked.

    A list, a number and whole numbers become the array that the annotation of their field names, and what
    `Annotated` adds to it is asked; a plain function becomes a pytree without leaves.

    Args:
        name: What messages call it.
        value: The model, the signal or the part.
        space: That of the samples; every part that has one of its own must have this one.
        lead: The number of axes that a stack of models has in front.

    Raises:
        ValueError: A class in the place of an instance, an array whose axes are not those of its annotation, a part
            made for another space, or what the part's own `check` refuses.
    """
    if isinstance(value, type):
        raise refuse(name, f"the class {value.__name__}", f"an instance, such as {value.__name__}(…)")
    if hasattr(value, "_fields"):
        value = value._replace(**dict(_entries(value, lead)))
        kind = type(value).__name__
        parts = {field: ready(f"{kind}.{field}", part, space, lead=lead) for field, part in value._asdict().items()}
        value = value._replace(**parts)
    elif isinstance(value, tuple | list):
        return type(value)(ready(f"{name}[{i}]", part, space, lead=lead) for i, part in enumerate(value))
    elif callable(value) and jax.tree_util.all_leaves([value]):
        return jax.tree_util.Partial(value)
    own = getattr(value, "space", None)
    if space is not None and own is not None and own != space:
        raise refuse(type(value).__name__, f"one for {own}", f"one for {space}, as the model has")
    if isinstance(value, Checked):
        value.check()
    return value


def _entries(fields: Any, lead: int) -> Iterator[tuple[str, Any]]:
    """The fields of a NamedTuple, those annotated as arrays as such; axes of one name are of one size."""
    sizes: dict[str, tuple[int, str]] = {}
    for field, annotation in getattr(type(fields), "__annotations__", {}).items():
        name, value = f"{type(fields).__name__}.{field}", getattr(fields, field, None)
        checks = getattr(annotation, "__metadata__", ())
        annotation = annotation.__origin__ if checks else annotation
        union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
        among = typing.get_args(annotation) if union else (annotation,)
        kinds: list[Any] = [kind for kind in among if _is_array(kind)]
        if len(kinds) != 1 or (value is None and types.NoneType in among):
            _check_role(name, value, annotation)
            yield field, value
            continue
        if not (isinstance(value, int | float) and union):  # a number that may stay one
            value = _typed(name, value, kinds[0], lead)
        if "float32" in kinds[0].dtypes:
            no_nan(name, value)
        for check in checks:
            check(name, value)
        for axis, size in zip(kinds[0].dim_str.split(), np.shape(value)[lead:], strict=False):
            if axis[0] in "_*":  # any size, and any number of axes, as in jaxtyping
                continue
            before, other = sizes.setdefault(axis, (size, field))
            if size != before or size < 1:
                accepted = f"{axis} = {before}, as in {other}" if size else "at least one entry on each axis"
                raise refuse(name, f"shape {list(np.shape(value))}", accepted)
        yield field, value


def _check_role(name: str, value: Any, annotation: Any) -> None:
    """Raises unless `value` is what a field wants that is no array: a function, a model, a signal, some of them."""
    origin, of = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Callable:
        function(name, value)
    elif origin is tuple and of[1:] == (...,):
        if not isinstance(value, tuple | list) or not value:
            raise refuse(name, shown(value), "one or more, as a tuple")
        for i, part in enumerate(value):
            _check_role(f"{name}[{i}]", part, of[0])
    elif (isinstance(annotation, type) and issubclass(annotation, tuple)) or getattr(annotation, "_is_protocol", False):
        if isinstance(value, type) or not isinstance(value, annotation):
            raise refuse(name, shown(value), f"a {annotation.__name__}")
        if annotation is Signal:
            takes(name, value, "(key, model, x)")


def takes(name: str, value: Any, arguments: str) -> None:
    """Raises unless `value` is a function of these arguments, written as in a signature."""
    function(name, value)
    try:
        inspect.signature(value).bind(*arguments.split(","))
    except TypeError as error:
        given = f"a function that does not take {arguments}, {error},"
        raise refuse(name, given, f"a function of {arguments}") from None
    except ValueError:  # no signature to be had
        pass


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


def _is_array(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, AbstractArray)


def _typed(name: str, value: Any, kind: Any, lead: int) -> Any:
    """`value` as an array of the annotated kind: floats, integers or booleans, on so many axes."""
    axes = kind.dim_str.split()
    floats = "float32" in kind.dtypes
    accepted = f"{'numbers' if floats else 'integers' if 'int32' in kind.dtypes else 'booleans'} [{', '.join(axes)}]"
    accepted = (accepted if axes else "one number") + " of each model in a stack" * lead
    value = plain(name, value, accepted)
    if floats and jnp.issubdtype(value.dtype, jnp.integer):
        value = value.astype(jnp.result_type(float))
    if value.dtype.name not in kind.dtypes:
        raise refuse(name, f"an array of {value.dtype}", accepted)
    if value.ndim == lead == 0 and axes:
        value = value.reshape((1,) * len(axes))
    many = any(axis.startswith("*") for axis in axes)
    if value.ndim - lead != len(axes) and not (many and value.ndim - lead >= len(axes) - 1):
        raise refuse(name, f"shape {list(value.shape)}", accepted)
    return value


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


def numbers(name: str, value: Any, axes: str) -> Array:
    """`value` as an array of finite numbers with these axes, as "prompt feature"; raises where it is none."""
    value = _typed(name, value, Float[Array, axes], 0)
    finite(name, value)
    return value if isinstance(value, Array) else array(value, None)
