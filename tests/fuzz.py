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
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from fuzz_values import Row, parts_of, spoil

MEMORY, PATIENCE = 6 * 2**30, 40  # bytes of addresses, seconds a call
FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"  # the fuzz is nearly all compilation
ALIASES = {"verifier": ("tpr", "fpr"), "key": ("keys",), "signal": ("fit",)}  # what else may be named
LASTING = (
    "num_chunks",
    "num_generations",
    "num_steps",
    "num_rounds",
    "num_updates",
    "steps",
    "restarts",
)  # counts of work, as much as is asked for
HUGE = ("1000000000", "2147483648")
OPAQUE = ("init",)  # the state of an optimizer is its own: one that looks at none may have any
# What looks wrong and is not: labels of any kind, a NaN of weight 0, a folder that has a run by now, no record.
RIGHT = re.compile(
    r"partition outputs (texts|objects|complex|dates)|Gaussian(Mixture)?\.fit x one nan|folder out text"
    r"|to_xarray record dict|train measure returns (nothing|a dict)"
)
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


def names(row: Row, path: tuple[Any, ...]) -> set[str]:
    """By which words a refusal may name what was changed."""
    found, part = set(ALIASES.get(path[0], ())), row.arguments[path[0]]
    for step in path:
        found |= {str(step)} if isinstance(step, str) else set()
    for step in path[1:]:
        found.add(type(part).__name__)
        part = parts_of(part)[step]
    return found | kinds(part)


def kinds(value: Any) -> set[str]:
    """The names of all types and fields in a value."""
    inner = set().union(*map(kinds, parts_of(value).values()))
    return inner | ({type(value).__name__, *value._fields} if hasattr(value, "_fields") else set())


def words(said: str) -> set[str]:
    """The names in a message; an option is called as its argument."""
    return set(re.findall(r"[A-Za-z]\w*", said.replace("-", "_")))


def calls(folder: Path) -> list[Row]:
    """A good one of every public function; those on files work in `folder`."""
    import fuzz_sandbox
    import fuzz_theory

    return [*fuzz_theory.rows(), *fuzz_sandbox.rows(folder)]


def cases(rows: list[Row]) -> Iterator[tuple[Row, Case]]:
    """Every call, in an order that does not change."""
    for row in rows:
        parameters = inspect.signature(find(row.name)).parameters
        yield row, Case(row.name, (), "good", row.arguments, "good")
        for name in row.changed:
            optional = name in parameters and parameters[name].default is None
            for path, label, value, must in spoil(row.arguments[name], (name,), "either" if optional else "refused"):
                part = name in row.made and len(path) > 1
                patience = path[-1] in LASTING and label in HUGE
                opaque = path[-1] in OPAQUE and label.startswith("returns")
                must = "either" if opaque or RIGHT.search(f"{row.name} {name} {label}") else must
                if path != ("self",) and not part and not patience:  # of `self` only the fields are spoiled
                    yield row, Case(row.name, path, label, row.arguments | {name: value}, must)


def leaves(value: Any) -> list[np.ndarray]:
    """The numbers of an answer."""
    found = [x for x in jax.tree.leaves(value) if isinstance(x, float | int | np.ndarray | np.generic | jax.Array)]
    return [np.asarray(x) for x in found if not jax.dtypes.issubdtype(getattr(x, "dtype", int), jax.dtypes.prng_key)]


class Result(NamedTuple):
    """What became of a call; of a kind other than "refused" or "answered" it is a fault."""

    x64: bool
    index: int
    function: str
    argument: str
    label: str
    kind: str
    text: str
    seconds: float


def judge(row: Row, case: Case, good: Any) -> tuple[str, str, Any]:
    """(kind, what happened, the answer): the kinds "refused" and "answered" are as they should be."""
    compiled = COMPILED[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "steps: ")  # our own, of an EM that has not converged
            answer = call(find(row.name), case.arguments)
            jax.block_until_ready(answer)
    except ValueError as error:
        said, nonsense = str(error), case.label.startswith("returns")
        form = GRAMMAR.match(said)
        known = set().union(
            *(names(row, path) for path in (*[case.path] * bool(case.path), *((name,) for name in row.arguments)))
        )
        file = isinstance(given := case.arguments.get(case.path[0]) if case.path else None, str | Path)
        if form and file and form[1].startswith(str(given)):  # a file is called by its own name
            return "refused", said, None
        if not form or not known & words(form[1]):
            return "grammar", said, None
        if case.must == "refused" and not names(row, case.path) & words(said):
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


def work(start: int, x64: bool, only: str, share: int) -> None:
    """Tries one in `share` calls, from `start` on, and every good one; writes a line before and after each."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    jax.config.update("jax_enable_x64", x64)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: COMPILED.__setitem__(0, COMPILED[0] + event.endswith("backend_compile_duration"))
    )

    from experiments.cli.session import keep_compiled

    keep_compiled()
    good = None
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for row in calls(Path(folder)) if re.search(only, row.name)]
        for index, (row, case) in enumerate(cases(rows)):
            where = ".".join(map(str, case.path))
            if case.must == "good":
                good = None
            elif zlib.crc32(f"{row.name} {where} {case.label} {x64}".encode()) % share:
                continue
            if index < start:
                continue
            if good is None and case.must in ("same", "near"):
                with contextlib.suppress(Exception):
                    good = call(find(row.name), row.arguments)
            out.write(json.dumps([index, row.name, where, case.label]) + "\n")
            began = time.monotonic()
            kind, text, answer = judge(row, case, good)
            if case.must == "good":
                good = answer
            out.write(json.dumps([kind, text[:300], round(time.monotonic() - began, 3)]) + "\n")


def supervise(x64: bool, only: str, share: int, found: list[Result]) -> None:
    """Starts a process after another, until one has tried the last call."""
    start, last, died = 0, None, -1
    while True:
        command = [sys.executable, __file__, "--start", str(start), "--x64", str(int(x64)), "--only", only]
        command += ["--share", str(share)]
        environment = os.environ | {"XLA_FLAGS": FLAGS, "JAX_PLATFORMS": "cpu"}
        with (
            tempfile.TemporaryFile("w+") as said,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment) as process,
        ):
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
                    found.append(Result(x64, *last, *item))
                    last = None
            timer.cancel()
            status = process.wait()
            said.seek(0)
            words = said.read()[-300:]
        if last is None:
            if status:
                found.append(Result(x64, start, only, "", "", "died", f"status {status} between calls: {words}", 0.0))
            return
        if died != last[0]:  # perhaps of the memory that earlier calls have left: once more, in a new process
            start = died = last[0]
            continue
        kind = "too long" if status == -9 else "died"
        found.append(Result(x64, *last, kind, f"status {status}", float(PATIENCE)))
        start = last[0] + 1


def run(only: str = "", share: int = 1) -> list[Result]:
    """One in `share` calls, with x64 and without."""
    found: list[Result] = []
    workers = [threading.Thread(target=supervise, args=(x64, only, share, found)) for x64 in (True, False)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


def faults(found: list[Result]) -> list[Result]:
    """What is neither a right answer nor a refusal in our own words."""
    return [item for item in found if item.kind not in ("refused", "answered")]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", type=int)
    parser.add_argument("--x64", type=int, default=1)
    parser.add_argument("--only", default="", help="a regular expression of names")
    parser.add_argument("--share", type=int, default=1, help="one call in so many")
    options = parser.parse_args()
    if options.start is not None:
        work(options.start, bool(options.x64), options.only, options.share)
    else:
        began, found = time.monotonic(), run(options.only, options.share)
        print(len(found), dict(Counter(item.kind for item in found)), f"{time.monotonic() - began:.0f} s")
        for fault in faults(found):
            print(*fault, sep="\t")
