"""Models, signals and their parts in the form that JAX takes, each field as its annotation says.

An annotation names the kind of an array and its axes; what `Annotated` adds is asked of its numbers.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import AbstractArray, Float

from sandbox.base import Checked, Signal
from sandbox.validation import array, at_least, concrete, finite, function, key, no_nan, plain, refuse, shown, table

UNTRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


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
        value = value._replace(**dict(entries(value, lead)))
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


@contextmanager
def traced(names: str) -> Iterator[None]:
    """Says what one of the functions `names` must be, where JAX cannot trace it."""
    try:
        yield
    except UNTRACED as error:
        given = f"a function that JAX cannot trace ({str(error).splitlines()[0][:80]})"
        raise refuse(names, given, "one written in jax.numpy, with jnp.where in the place of if") from error


def numbers(name: str, value: Any, axes: str) -> Array:
    """`value` as an array of finite numbers with these axes, as "prompt feature"; raises where it is none."""
    value = _typed(name, value, Float[Array, axes], 0)
    finite(name, value)
    return value if isinstance(value, Array) else array(value, None)


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


def entries(fields: Any, lead: int) -> Iterator[tuple[str, Any]]:
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
        _check_axes(name, field, np.shape(value), kinds[0].dim_str.split(), lead, sizes)
        if "float32" in kinds[0].dtypes:
            no_nan(name, value)
        for check in checks:
            check(name, value)
        yield field, value


def _check_axes(
    name: str, field: str, shape: tuple[int, ...], axes: list[str], lead: int, sizes: dict[str, tuple[int, str]]
) -> None:
    """Raises unless no axis is empty, and each has the size of that of its name in an earlier field."""
    for axis, size in zip(axes, shape[lead:], strict=False):
        if axis[0] in "_*":  # any size, and any number of axes, as in jaxtyping
            continue
        before, other = sizes.setdefault(axis, (size, field))
        if size != before or size < 1:
            accepted = f"{axis} = {before}, as in {other}" if size else "at least one entry on each axis"
            raise refuse(name, f"shape {list(shape)}", accepted)


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


def _not_half(leaf: Any) -> Any:
    half = jnp.issubdtype(leaf.dtype, jnp.floating) and leaf.dtype.itemsize < 4
    return leaf.astype(jnp.float32) if half else leaf
