"""A call that works, and what to put in the place of each of its arguments."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

NAN, INF = float("nan"), float("inf")


class Row(NamedTuple):
    """A call that works, the arguments to spoil, and those whose parts are the library's own, so that they stay."""

    name: str
    arguments: dict[str, Any]
    changed: tuple[str, ...]
    made: tuple[str, ...]


def row(name: str, fixed: dict[str, Any] | None = None, /, made: tuple[str, ...] = (), **changed: Any) -> Row:
    """Lists of numbers become arrays; what is fixed is not spoiled."""
    plain = {name for name, x in changed.items() if isinstance(x, list) and not isinstance(x[0], str | tuple)}
    numbers = {name: np.array(x) if name in plain else x for name, x in changed.items()}
    return Row(name, (fixed or {}) | numbers, tuple(numbers), made)


# What to put in the place of a good value, by its kind: {"same" | "near" | "refused" | "either": {label: value}}.
Spoiled = dict[str, dict[str, Any]]
GARBAGE = {"text": "x", "dict": {"a": 1.0}, "function": len, "class": int, "object": object(), "set": {1}}


def arrays(good: np.ndarray, nested: bool) -> Spoiled:
    """Of an array, or of what a list would do for; of a part of something, the kinds that differ most."""
    float32, whole = {"float32": good.astype(np.float32)}, good.dtype.kind == "i"
    found: Spoiled = {"same": {"JAX": jax.device_put(good)}, "near": {}, "either": shapes(good)}
    found["refused"] = {"complex": good + 0.5j, "objects": np.full(good.shape, None), "text": "x", "dict": {}}
    found["either" if nested else "same"]["list"] = good.tolist()
    if not nested:
        found["same"] |= {"Fortran order": good.copy(order="F"), "view": np.broadcast_to(good, (2, *good.shape))[1]}
        found["refused"] |= GARBAGE | {"texts": np.full(good.shape, "x"), "bytes": b"12"}
        found["refused"]["dates"] = np.zeros(good.shape, "datetime64[s]")
        found["either"]["booleans"] = good.astype(bool)
    if good.ndim:
        found["refused"]["ragged"] = [*good.tolist()[:-1], good.tolist()]
    if good.dtype != bool:
        for bad in (NAN, INF, -INF, 1e300, 1e-310, -1, 2**30, 2**62, good.max() + 1):
            value = np.array(good, int if whole and isinstance(bad, int | np.integer) else float)
            value.flat[0] = bad
            found["refused" if bad != bad else "either"][f"one {bad:.5g}"] = value
        found["refused"]["all NaN"] = np.full(good.shape, NAN)
        found["either"] |= {"negative": -good, "zeros": good * 0, "doubled": good * 2, "equal": good * 0 + 1}
        if whole or (good == good.astype(int)).all():
            found["same"] |= {"int32": good.astype(np.int32), "JAX int32": jax.device_put(good.astype(np.int32))}
        if whole:
            found["either"] |= {"whole floats": good.astype(float), "halves": good + 0.5, "int8": good.astype(np.int8)}
        else:
            found["near"] = float32 | {"JAX float32": jax.device_put(float32["float32"])}
            found["either"]["float16"] = good.astype(np.float16)
    return found


def shapes(good: np.ndarray) -> dict[str, Any]:
    """Of another shape."""
    found = {"an axis in front": good[None], "an axis behind": good[..., None], "five axes": good[(None,) * 4]}
    found |= {"a thousand": np.broadcast_to(good, (1000, *good.shape)), "flat": good.reshape(-1)}
    found |= {"no entry": np.zeros(0), "NaN, a number": NAN, "a number": 0.5}
    for axis in range(good.ndim):
        found[f"one less on axis {axis}"] = np.delete(good, -1, axis)
        found[f"one more on axis {axis}"] = np.concatenate([good, good.take([0], axis)], axis)
        found[f"one on axis {axis}"], found[f"none on axis {axis}"] = good.take([0], axis), good.take([], axis)
        found[f"axis {axis} taken"] = good.take(0, axis)
    return found


def flags(good: bool) -> Spoiled:
    return {"same": {"NumPy": np.bool_(good)}, "either": GARBAGE | {"NaN": NAN, "[]": [], "2": 2}}


def integers(good: int) -> Spoiled:
    values = (0, -1, -(2**63), True, 1.5, 1e300, 10**9, 2**31, 2**63, 10**40, [good], [good, good], [[good]])
    return {
        "same": {"int64": np.int64(good), "int32": np.int32(good)},
        "refused": GARBAGE | {"digits": str(good), "[]": [], "complex": good + 1j, "NaN": NAN, "inf": INF},
        "either": {f"{value:.5g}" if isinstance(value, float) else f"{value}": value for value in values}
        | {"JAX": jax.device_put(np.array(good)), "0-d": np.array(good), "float": float(good)},
    }


def numbers(good: float) -> Spoiled:
    values = (0, 1, -1, 2, -0.0, INF, -INF, 1e300, -1e300, 5e-324, 1e-300, 10**400, True, [good], [good, good])
    garbage = {"digits": str(good), "[]": [], "complex": good + 1j, "NaN": NAN, "[NaN]": [NAN]}
    return {
        "same": {"float64": np.float64(good), "0-d": np.array(good), "JAX": jax.device_put(np.array(good))},
        "near": {"float32": np.float32(good), "JAX float32": jax.device_put(np.float32(good))},
        "refused": GARBAGE | garbage | {"JAX NaN": jax.device_put(np.float32(NAN))},
        "either": {f"{value!s:.12}": value for value in values} | {"3 x 1": np.full((3, 1), good)},
    }


def texts(good: str) -> Spoiled:
    wrong = {"text": "no such thing", "NUL": "\0", "long": "x" * 10_000, "number": 3, "bytes": b"x", "lists": [[1]]}
    return {"refused": GARBAGE | wrong, "either": {"nothing": "", "a blank": " "}}


def paths(good: Path) -> Spoiled:
    bad = ("missing", "empty", "binary", "folder", "no folder/x")
    return {
        "same": {"text": str(good)},
        "refused": {"number": 3, "dict": {}, "NUL": Path("\0")},
        "either": {label: good.parent / "bad" / label for label in bad},
    }


def keys(good: jax.Array) -> Spoiled:
    return {
        "refused": GARBAGE | {"NaN": NAN, "floats": np.zeros(2), "empty": np.zeros(0, np.uint32)},
        "either": {"raw": jax.random.key_data(good), "seed": 0, "-1": -1, "raw of 3": np.zeros(3, np.uint32)}
        | {"many": jax.random.split(good, 3)},
    }


def functions(good: Callable[..., Any]) -> Spoiled:
    """Other things, and functions that return nonsense."""
    nonsense = {"nothing": None, "a text": "x", "an object": object(), "a dict": {}}
    wrong = {"NaN": lambda y: y * NAN, "complex": lambda y: y + 1j}
    odd = {"7s": lambda y: y * 0 + 7, "-1s": lambda y: y * 0 - 1, "1e30": lambda y: y * 0.0 + 1e30}
    odd |= {"inf": lambda y: y * 0.0 + INF, "halves": lambda y: y * 0.5, "integers": lambda y: y.astype(int)}
    odd |= {
        "another axis": lambda y: y[..., None],
        "one less": lambda y: y[:-1] if np.ndim(y) else y,
        "a number": lambda y: y.sum() * 0,
    }
    odd |= {"lists": lambda y: np.zeros(np.shape(y)).tolist()}

    def returns(changes: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
        return {
            f"returns {label}": lambda *args, change=change: jax.tree.map(change, good(*args))
            for label, change in changes.items()
        }

    constant = {f"returns {label}": lambda *args, value=value: value for label, value in nonsense.items()}
    return {
        "same": {"lambda": lambda *args, **options: good(*args, **options)},
        "refused": {"text": "x", "dict": {}, "number": 3, "NaN": NAN, "array": np.ones(3)} | constant | returns(wrong),
        "either": returns(odd),
    }


def parts_of(good: Any) -> dict[Any, Any]:
    """The fields of a NamedTuple, the items of a tuple, a list or a dict."""
    if hasattr(good, "_fields"):
        return good._asdict()
    return good if isinstance(good, dict) else dict(enumerate(good)) if isinstance(good, tuple | list) else {}


def changed(good: Any, name: Any, value: Any) -> Any:
    """With another part."""
    if hasattr(good, "_fields"):
        return good._replace(**{name: value})
    return {**good, name: value} if isinstance(good, dict) else type(good)([*good[:name], value, *good[name + 1 :]])


def whole(good: Any, nested: bool) -> Spoiled:
    """By the kind of the good value."""
    if isinstance(good, jax.Array) and jax.dtypes.issubdtype(good.dtype, jax.dtypes.prng_key):
        return keys(good)
    if isinstance(good, np.ndarray | jax.Array):
        return arrays(np.asarray(good), nested)
    for kind, make in ((bool, flags), (int, integers), (float, numbers), (str, texts), (Path, paths)):
        if isinstance(good, kind):
            return make(good)
    found: Spoiled = {"refused": GARBAGE | {"number": 3, "NaN": NAN}, "either": {"()": ()}}
    if callable(good) and not isinstance(good, type):
        found = functions(good)
    if hasattr(good, "_fields"):
        found = {"refused": GARBAGE | {"its class": type(good)}, "either": {"a plain tuple": tuple(good)}}
    elif isinstance(good, tuple | list):
        found["either"] |= {"one less": good[:-1], "one more": good[:1] + good}
    return found


def spoil(good: Any, path: tuple[Any, ...], must: str) -> Iterator[tuple[tuple[Any, ...], str, Any, str]]:
    """What to put in the place of `good`, or of a part of it; `must` of None."""
    for kind, values in whole(good, len(path) > 1).items():
        for label, value in values.items():
            yield path, label, value, "either" if good is None else kind  # what a call does not look at
    yield path, "None", None, "either" if isinstance(good, bool) else must
    for name, part in parts_of(good).items():
        for where, label, value, kind in spoil(part, (*path, name), "either"):
            yield where, label, changed(good, name, value), kind
