"""A fuzz of the public boundary: one good call of every public function, and what is wrong with each argument in turn.

`python tests/fuzz.py` runs it all in two processes, x64 on and off, of bounded memory, and prints what it found.
A call that kills or stops its process is a finding; the next process goes on after it.
"""

import argparse
import contextlib
import importlib
import inspect
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

MEMORY, PATIENCE = 8 * 2**30, 60  # bytes of addresses, seconds a call
FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"  # the fuzz is nearly all compilation
NAN, INF = float("nan"), float("inf")
ALIASES = {"verifier": ("tpr", "fpr"), "key": ("keys",), "signal": ("fit",)}  # what else may be named
GRAMMAR = re.compile(r"(?s)([^:]*): .+ was given; accepted: .")
COMPILED = [0]


class Case(NamedTuple):
    """A call with one thing changed: where, how, and whether it must be "refused", be the "same", or "either"."""

    function: str
    path: tuple[Any, ...]
    label: str
    arguments: dict[str, Any]
    must: str


def find(name: str) -> Any:
    """The function of a dotted name; what follows a blank tells rows of one function apart."""
    top, *parts = name.split()[0].split(".")
    found = importlib.import_module(top)
    for part in parts:
        found = getattr(found, part, None) or importlib.import_module(f"{found.__name__}.{part}")
    return found


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """With positional arguments where the signature has no names for them."""
    named, args = dict(arguments), []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in named and (name == "self" or parameter.kind is parameter.POSITIONAL_ONLY):
            args.append(named.pop(name))
        elif name in named and parameter.kind is parameter.VAR_POSITIONAL:
            args.extend(named.pop(name))
    found = function(*args, **named)
    return list(found) if inspect.isgenerator(found) else found


# what is wrong, by the kind of the good value: (label, value, must)

GARBAGE = [("text", "x"), ("dict", {"a": 1.0}), ("function", len), ("class", int), ("object", object()), ("set", {1})]


def arrays(good: np.ndarray, nested: bool) -> Iterator[tuple[str, Any, str]]:
    """Of an array, or of what a list would do for."""
    same = "either" if nested else "same"
    yield "list", good.tolist(), same
    yield "JAX", jax.device_put(good), "same"
    yield "Fortran order", np.asfortranarray(good), "same"
    yield "read-only view", np.broadcast_to(good, (2, *good.shape))[1], "same"
    for label, value in GARBAGE:
        yield label, value, "refused"
    for label, value in ("texts", np.full(good.shape, "x")), ("objects", np.full(good.shape, None)):
        yield label, value, "refused"
    yield "complex", good + 0.5j, "refused"
    yield "dates", np.zeros(good.shape, "datetime64[s]"), "refused"
    yield "bytes", b"12", "refused"
    if good.ndim:
        yield "ragged", [*good.tolist()[:-1], good.tolist()], "refused"
        yield "none of them", good[:0], "refused"
    yield "empty", np.zeros(0), "refused"
    if good.dtype != bool:
        yield "all NaN", np.full(good.shape, NAN), "refused"
        for label, bad in ("NaN", NAN), ("inf", INF), ("-inf", -INF), ("1e300", 1e300), ("1e-310", 1e-310):
            value = np.array(good, float)
            value.flat[-1] = bad
            yield f"one {label}", value, "refused" if label == "NaN" else "either"
        for label, bad in ("-1", -1), ("2^30", 2**30), ("2^62", 2**62), ("1 more", good.max() + 1):
            value = np.array(good, good.dtype if good.dtype.kind == "f" else int)
            value.flat[0] = bad
            yield f"one {label}", value, "either"
        for label, value in ("negative", -good), ("zeros", good * 0), ("doubled", good * 2), ("equal", good * 0 + 1):
            yield label, value, "either"
    if good.dtype.kind == "f":
        yield "float32", good.astype(np.float32), "near"
        yield "JAX float32", jax.device_put(good.astype(np.float32)), "near"
        yield "float16", good.astype(np.float16), "either"
        if (good == good.astype(int)).all():
            yield "integers", good.astype(int), "same"
            yield "JAX int32", jax.device_put(good.astype(np.int32)), "same"
    elif good.dtype.kind == "i":
        yield "int32", good.astype(np.int32), "same"
        yield "JAX int32", jax.device_put(good.astype(np.int32)), "same"
        yield "whole floats", good.astype(float), "either"
        yield "halves", good + 0.5, "either"
        if good.min() >= 0:
            yield "uint8", good.astype(np.uint8), "same"
    yield "booleans", good.astype(bool), "either"
    for label, value in shapes(good):
        yield label, value, "either"


def shapes(good: np.ndarray) -> Iterator[tuple[str, Any]]:
    """Of another shape."""
    yield "an axis in front", good[None]
    yield "an axis behind", good[..., None]
    yield "five axes", good[None, None, None, None]
    yield "a thousand", np.broadcast_to(good, (1000, *good.shape))
    yield "NaN, a number", NAN
    yield "a number", 0.5
    yield "flat", good.reshape(-1)
    for axis in range(good.ndim):
        yield f"one less on axis {axis}", np.delete(good, -1, axis)
        yield f"one more on axis {axis}", np.concatenate([good, good.take([0], axis)], axis)
        yield f"one on axis {axis}", good.take([0], axis)
        yield f"axis {axis} taken", good.take(0, axis)
        yield f"empty on axis {axis}", good.take([], axis)


def flags(good: bool) -> Iterator[tuple[str, Any, str]]:
    yield "NumPy", np.bool_(good), "same"
    for label, value in *GARBAGE, ("NaN", NAN), ("[]", []), ("2", 2):
        yield label, value, "either"


def integers(good: int) -> Iterator[tuple[str, Any, str]]:
    yield "int64", np.int64(good), "same"
    yield "int32", np.int32(good), "same"
    for label, value in *GARBAGE, ("digits", str(good)), ("[]", []), ("complex", good + 1j), ("NaN", NAN), ("inf", INF):
        yield label, value, "refused"
    for label, value in ("JAX", jax.device_put(np.array(good))), ("0-d", np.array(good)), ("float", float(good)):
        yield label, value, "either"
    for value in (0, -1, -(2**63), True, 1.5, 1e300, 10**9, 2**31, 2**63, 10**40, [good], [good, good], [[good]]):
        yield str(value), value, "either"


def numbers(good: float) -> Iterator[tuple[str, Any, str]]:
    for label, value in ("float64", np.float64(good)), ("0-d", np.array(good)), ("JAX", jax.device_put(np.array(good))):
        yield label, value, "same"
    yield "float32", np.float32(good), "near"
    yield "JAX float32", jax.device_put(np.float32(good)), "near"
    for label, value in *GARBAGE, ("digits", str(good)), ("[]", []), ("complex", good + 1j), ("NaN", NAN):
        yield label, value, "refused"
    yield "[NaN]", [NAN], "refused"
    yield "JAX NaN", jax.device_put(np.float32(NAN)), "refused"
    for value in (0, 1, -1, 2, -0.0, INF, -INF, 1e300, -1e300, 5e-324, 1e-300, 10**400, True, [good], [good, good]):
        yield f"{value!s:.12}", value, "either"
    yield "3 x 1", np.full((3, 1), good), "either"


def texts(good: str) -> Iterator[tuple[str, Any, str]]:
    for label, value in ("", ""), ("blank", " "), ("NUL", "\0"), ("long", "x" * 10_000), ("unknown", "no such thing"):
        yield label, value, "refused"
    for label, value in *GARBAGE[1:], ("number", 3), ("bytes", b"x"), ("list", [[1]]):
        yield label, value, "refused"


def paths(good: Path) -> Iterator[tuple[str, Any, str]]:
    yield "text", str(good), "same"
    for label in "missing", "empty", "binary", "folder", "no folder/x":
        yield label, good.parent / "bad" / label, "either"
    for label, value in ("number", 3), ("dict", {}), ("NUL", Path("\0")):
        yield label, value, "refused"


def keys(good: jax.Array) -> Iterator[tuple[str, Any, str]]:
    yield "raw", jax.random.key_data(good), "either"
    for label, value in *GARBAGE, ("NaN", NAN), ("floats", np.zeros(2)), ("empty", np.zeros(0, np.uint32)):
        yield label, value, "refused"
    for label, value in ("seed", 0), ("many", jax.random.split(good, 3)), ("-1", -1), ("raw of 3", np.zeros(3, np.uint32)):
        yield label, value, "either"


def functions(good: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
    """Other things, and functions that return nonsense."""
    if not isinstance(good, tuple):
        yield "lambda", lambda *args, **options: good(*args, **options), "same"
    for label, value in *GARBAGE[:2], ("number", 3), ("NaN", NAN), ("array", np.ones(3)):
        yield label, value, "refused"

    def returns(change: Callable[[Any], Any]) -> Callable[..., Any]:
        return lambda *args: jax.tree.map(change, good(*args))

    for label, value in ("nothing", None), ("a text", "x"), ("an object", object()), ("a dict", {}):
        yield f"returns {label}", lambda *args, value=value: value, "refused"
    yield "returns NaN", returns(lambda y: y * NAN), "refused"
    yield "returns complex", returns(lambda y: y + 1j), "refused"
    for label, change in [
        ("7s", lambda y: y * 0 + 7),
        ("-1s", lambda y: y * 0 - 1),
        ("1e300", lambda y: y * 0.0 + 1e300),
        ("inf", lambda y: y * 0.0 + INF),
        ("another axis", lambda y: y[..., None]),
        ("one less", lambda y: y[:-1]),
        ("a number", lambda y: y.sum() * 0),
        ("floats", lambda y: y * 0.5),
        ("integers", lambda y: y.astype(int)),
        ("lists", lambda y: np.zeros(np.shape(y)).tolist()),
    ]:
        yield f"returns {label}", returns(change), "either"


def spoil(good: Any, path: tuple[Any, ...], optional: bool) -> Iterator[tuple[tuple[Any, ...], str, Any, str]]:
    """What to put in the place of `good`, or of a part of it."""
    nested = len(path) > 1
    kinds = [
        (bool, flags), (int, integers), (float, numbers), (str, texts), (Path, paths),
    ]  # fmt: skip
    if isinstance(good, jax.Array) and jax.dtypes.issubdtype(good.dtype, jax.dtypes.prng_key):
        found = keys(good)
    elif isinstance(good, np.ndarray | jax.Array):
        found = arrays(np.asarray(good), nested)
    elif good is None:
        found = ((label, value, "refused") for label, value in GARBAGE)
    elif type(good) is type:
        found = ((label, value, "refused") for label, value in (*GARBAGE[:3], ("integer", np.int32), ("number", 3)))
    elif isinstance(good, tuple | list | dict):
        found = ((label, value, "refused") for label, value in (*GARBAGE, ("number", 3), ("NaN", NAN), ("()", ())))
    elif callable(good):
        found = functions(good)
    else:
        found = next(make for kind, make in kinds if isinstance(good, kind))(good)
    yield from ((path, *item) for item in found)
    if good is not None:
        yield path, "None", None, "either" if optional or nested else "refused"
    if hasattr(good, "_fields"):
        yield path, "its class", type(good), "refused"
        yield path, "a plain tuple", tuple(good), "either"
        if callable(good):
            yield from ((path, *item) for item in functions(good))
        parts = good._asdict().items()
    elif isinstance(good, tuple | list):
        yield path, "one less", type(good)(good[:-1]), "either"
        yield path, "one more", type(good)([*good, *good[-1:]]), "either"
        parts = enumerate(good)
    else:
        parts = good.items() if isinstance(good, dict) else ()
    for name, part in parts:
        for *where, label, value, must in spoil(part, (*path, name), False):
            if hasattr(good, "_fields"):
                whole = good._replace(**{name: value})
            else:
                whole = {**good, name: value} if isinstance(good, dict) else type(good)([*good[:name], value, *good[name + 1 :]])
            yield where[0], label, whole, must


def names(row: Any, path: tuple[Any, ...]) -> set[str]:
    """By which words a refusal may name what was changed."""
    found, part = set(ALIASES.get(path[0], ())), row.arguments[path[0]]
    for step in path:
        found |= {str(step)} if isinstance(step, str) else set()
    for step in path[1:]:
        found.add(type(part).__name__)
        part = getattr(part, step) if hasattr(part, "_fields") else part[step]
    return found | ({type(part).__name__, *part._fields} if hasattr(part, "_fields") else set())


def cases(rows: list[Any]) -> Iterator[tuple[Any, Case]]:
    """Every call, in an order that does not change."""
    for row in rows:
        parameters = inspect.signature(find(row.name)).parameters
        yield row, Case(row.name, (), "good", row.arguments, "good")
        for name in row.changed:
            optional = name in parameters and parameters[name].default is None
            for path, label, value, must in spoil(row.arguments[name], (name,), optional):
                if path != ("self",):  # of which only the fields are spoiled
                    yield row, Case(row.name, path, label, row.arguments | {name: value}, must)


def leaves(value: Any) -> list[np.ndarray]:
    """The numbers of an answer."""
    found = [x for x in jax.tree.leaves(value) if isinstance(x, float | int | np.ndarray | np.generic | jax.Array)]
    return [np.asarray(x) for x in found if not jax.dtypes.issubdtype(getattr(x, "dtype", int), jax.dtypes.prng_key)]


def judge(row: Any, case: Case, good: Any) -> tuple[str, str, Any]:
    """(kind, what happened, the answer): the kinds "refused" and "answered" are as they should be."""
    compiled = COMPILED[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = call(find(row.name), case.arguments)
            jax.block_until_ready(answer)
    except ValueError as error:
        said, nonsense = str(error), case.label.startswith("returns")
        form = GRAMMAR.match(said)
        known = set(row.arguments) | (names(row, case.path) if case.path else set())
        if not form or not known & set(re.findall(r"\w+", form[1])):
            return "grammar", said, None
        if case.must == "refused" and not names(row, case.path) & set(re.findall(r"\w+", said)):
            return "name", said, None
        if case.must == "same":
            return "too strict", said, None
        if COMPILED[0] > compiled and not nonsense:
            return "compiled", f"{COMPILED[0] - compiled} programs, then {said}", None
        return "refused", said, None
    except Exception as error:
        return "warning" if isinstance(error, Warning) else "traceback", f"{type(error).__name__}: {error}", None
    found = leaves(answer)
    if any(np.isnan(x).any() for x in found if x.dtype.kind in "fc" or x.dtype.name == "bfloat16"):
        return "NaN", f"{answer}", answer
    if case.must == "refused":
        return "silent", f"{answer}", answer
    tolerance = {"same": 1e-5, "near": 1e-3}.get(case.must)
    random = "key" in row.arguments and case.must == "near"
    if tolerance and not random:
        pairs = itertools.zip_longest(found, leaves(good), fillvalue=np.zeros(0))
        if not all(x.shape == y.shape and np.allclose(x, y, tolerance, tolerance) for x, y in pairs):
            return "differs", f"{answer}, not {good}", answer
    return "answered", f"{answer}", answer


def work(start: int, x64: bool, only: str) -> None:
    """Tries the calls from `start` on; writes a line before and after each."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    jax.config.update("jax_enable_x64", x64)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: COMPILED.__setitem__(0, COMPILED[0] + event.endswith("backend_compile_duration"))
    )
    from experiments.cli.session import keep_compiled
    from fuzz_calls import calls

    keep_compiled()
    good = None
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for row in calls(Path(folder)) if re.search(only, row.name)]
        for index, (row, case) in enumerate(cases(rows)):
            if case.label == "good":
                good = None
            if index < start:
                continue
            if good is None and case.label != "good":
                with contextlib.suppress(Exception):
                    good = call(find(row.name), row.arguments)
            where = ".".join(map(str, case.path))
            out.write(json.dumps([index, row.name, where, case.label]) + "\n")
            began = time.monotonic()
            kind, text, answer = judge(row, case, good)
            if case.label == "good":
                good = answer
            out.write(json.dumps([kind, text[:300], round(time.monotonic() - began, 3)]) + "\n")


def supervise(x64: bool, only: str, found: list[Any]) -> None:
    """Starts a process after another, until one has tried the last call."""
    start, last = 0, None
    while True:
        command = [sys.executable, __file__, "--start", str(start), "--x64", str(int(x64)), "--only", only]
        environment = os.environ | {"XLA_FLAGS": FLAGS, "JAX_PLATFORMS": "cpu"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "env": environment}
        with subprocess.Popen(command, **pipes) as process:
            lines, last = process.stdout, None
            timer = threading.Timer(120, process.kill)
            timer.start()
            for line in lines:
                timer.cancel()
                timer = threading.Timer(PATIENCE, process.kill)
                timer.start()
                item = json.loads(line)
                if isinstance(item[0], int):
                    last = item
                else:
                    found.append((x64, *last, *item))
                    last = None
            timer.cancel()
            status = process.wait()
        if last is None:
            if status:
                found.append((x64, start, only, "", "", "traceback", f"the worker ended with status {status}", 0.0))
            return
        kind = "too long" if status == -9 else "died"
        found.append((x64, *last, kind, f"status {status}", float(PATIENCE)))
        start = last[0] + 1


def run(only: str = "") -> list[Any]:
    """All calls, with x64 and without: (x64, index, function, argument, label, kind, text, seconds)."""
    found: list[Any] = []
    workers = [threading.Thread(target=supervise, args=(x64, only, found)) for x64 in (True, False)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", type=int)
    parser.add_argument("--x64", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if options.start is not None:
        work(options.start, bool(options.x64), options.only)
    else:
        began, found = time.monotonic(), run(options.only)
        print(len(found), Counter(item[5] for item in found), f"{time.monotonic() - began:.0f} s")
        json.dump(found, open("/tmp/fuzz_found.json", "w"))
