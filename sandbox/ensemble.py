"""Many tasks × replicas as one compiled program: over all devices, in chunks, with progress and resume."""

import inspect
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sandbox import devices, inputs, proposals, regimes, store, validation
from sandbox.base import Data, Signal
from sandbox.loop import Record, check_loop, check_model, check_record, check_signal, generation
from sandbox.regimes import Fit, Regime, Replace, refit, whole

CHUNK_BYTES = 2**28  # the rows of one chunk, on the devices and as one file
CHUNKS = 20  # at least, where somebody watches the progress or a kill must not lose much


class Replica(NamedTuple):
    """What a replica carries from generation to generation."""

    key: Array  # key data, so that it can be stored
    task: Any
    signal: Any  # None where all replicas share one signal
    real: Data | None
    model: Any
    pool: Any


class _Plan(NamedTuple):
    """What is fixed at compile time."""

    num_samples: int
    num_generations: int
    num_real: int | None
    fit: Fit | None
    until_kept: bool
    every: int
    summary: Callable[[Any], Any] | None
    judge: Callable[[Array, Any], Signal] | None  # makes a signal of its own for each replica


@inputs.traced("signal, fit, summary")
def ensemble(
    key: Array,
    tasks: Any,
    signal: Any,
    *,
    num_samples: int,
    num_generations: int,
    num_replicas: int,
    num_real: int | None = None,
    regime: Regime = Replace(),
    fit: Fit | None = None,
    until_kept: bool = False,
    every: int = 1,
    summary: Callable[[Any], Any] | None = None,
    chunk: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | None = None,
) -> Record:
    """`run` for every task and replica, compiled once, on all devices.

    The random numbers of replica r of task k in generation t depend on (key, k, r, t) alone: not on the devices, the
    chunk, or what runs beside it. `replica_keys(key, k, r)` gives those of one replica, to replay it with `run`.

    Args:
        key: a JAX random key.
        tasks: the true models, stacked on axis 0 of every leaf.
        signal: a Signal for all, or a function (key, task) -> Signal called once per task and replica.
        num_samples: n, the samples drawn in each generation.
        num_generations: T.
        num_replicas: R, the independent loops of each task.
        num_real: Z_0 is fitted to this many real samples of its task, started from the truth; None: Z_0 is the truth.
        regime: as in `run`; what it leaves out is filled in per replica: `Fresh(None, share)` draws from the true
            model, `Accumulate()` and `Reuse()` hold the real samples that Z_0 was fitted to.
        fit: as in `run`.
        until_kept: as in `run`.
        every: records the generations 0, every, 2·every, … alone.
        summary: model -> NamedTuple or dict of arrays, recorded in the place of the model.
        chunk: recorded rows in a chunk. Memory is bounded by the chunk; the result does not depend on it.
        out: a folder to keep the run in, chunk by chunk; Ctrl-C or kill -9 leave it resumable.
        resume: goes on with the run in `out`; bit for bit what an uninterrupted run gives.
        progress: shows a bar with the time left; None: where standard error is a terminal.

    Returns:
        A Record with leaves [task, replica, t, …].

    Raises:
        ValueError: as `run`; or the run in `out` is not this one, or has lost a chunk.
    """
    num_tasks, tasks, first = _tasks(tasks)
    counts = {"num_replicas": num_replicas, "every": every, "num_real": num_real, "chunk": chunk}
    for name, count in counts.items():
        if count is not None or name in ("num_replicas", "every"):
            validation.at_least(name, count, 1)
    size = num_tasks * num_replicas
    validation.table("num_replicas", size * sum(np.size(leaf) for leaf in jax.tree.leaves(first)))
    if num_real is not None:
        validation.table("num_real", num_real * size)
    options = {"num_samples": num_samples, "num_generations": num_generations, "fit": fit, "until_kept": until_kept}
    regime = check_loop(first, regime, **options, num_loops=size)
    every = min(every, num_generations + 1)  # beyond, row 0 is the only one
    if summary is not None:
        _check_summary(summary, first)
    if resume and out is None:
        raise validation.refuse("resume", "True", "it with a folder in `out`")
    folder = store.Folder(None if out is None else store.as_path("out", out))
    if folder.path is not None and folder.path.is_file():
        raise validation.refuse("out", folder.path, "a folder")
    key = validation.key("key", key)
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.wrap_key_data(key)
    own = _is_factory(signal)
    plan = _Plan(num_samples, num_generations, num_real, fit, until_kept, every, summary, signal if own else None)
    shared = (regime, None if own else check_signal(signal, first))
    mesh = devices.mesh(min(size, jax.device_count()))
    index = np.minimum(np.arange(_multiple(size, mesh.size)), size - 1)  # the devices' shares are equal
    state = _start(key, tasks, devices.put(index, mesh), regime, num_replicas=num_replicas, plan=plan, mesh=mesh)
    num_rows = num_generations // every + 1
    watched = sys.stderr.isatty() if progress is None else progress
    chunk = min(num_rows, chunk or _chunk_rows(state, shared, plan, mesh, num_rows, watched or out is not None))
    advance = partial(_advance, shared=shared, num_rows=chunk, plan=plan, mesh=mesh)
    shape = None
    if out is not None:
        shape = jax.eval_shape(advance, state, 0)[1]
        config = {"num_tasks": num_tasks, "num_replicas": num_replicas, "record": store.describe(shape)}
        folder.open(config | _config(key, tasks, signal, shared, plan), resume=resume)
    rows: list[Any] = []
    start = 0
    for saved in folder.chunks(every):
        rows.append(jax.tree.unflatten(jax.tree.structure(shape), saved.rows))
        start, state = saved.next_generation, _place(state, saved.state, mesh)
    with _bar(watched, num_generations + 1, start) as show:
        while start <= num_generations:
            state, record = advance(state, start)
            count = min(chunk, num_rows - start // every)  # the last chunk is as long as the others, and cut here
            record = jax.tree.map(partial(_split, num_tasks=num_tasks, size=size, count=count), record)
            check_record(record, "fit" if summary is None else "summary")
            start += chunk * every
            folder.write(store.Chunk(jax.tree.leaves(record), jax.tree.leaves(state), start))
            rows.append(record)
            show(min(start, num_generations + 1))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=2), *rows)


def _check_summary(summary: Any, model: Any) -> None:
    """Raises unless a summary is made of arrays of real numbers."""
    validation.function("summary", summary)
    accepted = "a function to a NamedTuple or a dict of arrays of real numbers"
    try:
        found = jax.tree.leaves(jax.eval_shape(summary, model))
    except TypeError as error:
        raise validation.refuse("summary", validation.shown(error), accepted) from error
    if not found or any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in found):
        raise validation.refuse("summary", f"a function to {validation.shown(found)}", accepted)


def _tasks(tasks: Any) -> tuple[int, Any, Any]:
    """The number of tasks, the tasks in the form that JAX takes, and the first; raises unless they are a stack."""
    tasks = check_model("tasks", tasks, lead=1)
    lengths = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(tasks)}
    if len(lengths) != 1 or lengths & {(), (0,)}:
        given = f"leaves of lengths {sorted(lengths)}"
        raise validation.refuse("tasks", given, "models stacked on axis 0 of every leaf")
    return lengths.pop()[0], tasks, check_model("tasks", jax.tree.map(lambda leaf: np.asarray(leaf)[0], tasks))


def _split(leaf: Array, *, num_tasks: int, size: int, count: int) -> np.ndarray:
    """[replica of task, t, …] as [task, replica, t, …], without what fills up the devices and the last chunk."""
    return np.asarray(leaf)[:size, :count].reshape(num_tasks, size // num_tasks, count, *leaf.shape[2:])


def _config(key: Array, tasks: Any, signal: Any, shared: Any, plan: _Plan) -> dict[str, Any]:
    """What a stored run must agree on to be resumed, beside the numbers of tasks and replicas."""
    return {
        "fingerprint": store.fingerprint((key, tasks, shared)),
        "key": jax.random.key_data(key).tolist(),
        "regime": type(shared[0]).__name__,
        "signal": _title(signal),
    } | {name: _title(value) for name, value in plan._asdict().items() if name != "judge"}


def replica_keys(key: Array, task: int | Array, replica: int | Array) -> tuple[Array, Array, Array]:
    """The keys of replica r of task k, to replay it: of its real samples, its signal, and its loop, for `run`."""
    validation.key("key", key)
    validation.integers("task", task, 0, ())
    validation.integers("replica", replica, 0, ())
    real, own, loop = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, task), replica), 3)
    return real, own, loop


@partial(jax.jit, static_argnames=("num_replicas", "plan", "mesh"))
def _start(key, tasks, index, regime, *, num_replicas: int, plan: _Plan, mesh) -> Replica:
    def start(index: Array) -> Replica:
        task = jax.tree.map(lambda leaf: leaf[index // num_replicas], tasks)
        real_key, signal_key, loop_key = replica_keys(key, index // num_replicas, index % num_replicas)
        signal = None if plan.judge is None else check_signal(plan.judge(signal_key, task), task)
        real, model = None, task
        if plan.num_real is not None:
            real = task.sample(real_key, plan.num_real)
            model = refit(task, [whole(real)], plan.fit)
        num_rows = proposals.num_rows(model, plan.num_samples, plan.until_kept)
        pool = regimes.start(regime.given(task, real), model, num_rows, plan.num_generations, plan.fit)
        return Replica(jax.random.key_data(loop_key), task, signal, real, model, pool)

    return devices.sharded(jax.vmap(start), mesh, (devices.REPLICAS,))(index)


@partial(jax.jit, static_argnames=("num_rows", "plan", "mesh"))
def _advance(state: Replica, first, *, shared, num_rows: int, plan: _Plan, mesh) -> tuple[Replica, Record]:
    """`num_rows` rows from generation `first` on, `every` generations apart."""

    def advance(replica: Replica, first: Array, shared) -> tuple[Replica, Record]:
        regime, signal = shared
        step = partial(
            generation,
            key=jax.random.wrap_key_data(replica.key),
            signal=signal if plan.judge is None else replica.signal,
            regime=regime.given(replica.task, replica.real),
            num_samples=plan.num_samples,
            fit=plan.fit,
            until_kept=plan.until_kept,
        )

        def unrecorded(state, t: Array):
            now, record = step(state, t)
            return now, record.accepted

        def row(state, t: Array):
            now, record = step(state, t)
            if plan.summary is not None:
                record = record._replace(model=plan.summary(record.model))
            if plan.every > 1:
                later = t + 1 + jnp.arange(plan.every - 1)
                now, accepted = jax.lax.scan(unrecorded, now, later)
                worst = proposals.share_accepted(accepted)
                record = record._replace(accepted=jnp.where(validation.is_rate(worst), record.accepted, worst))
            return now, record

        times = first + plan.every * jnp.arange(num_rows)
        (model, pool), record = jax.lax.scan(row, (replica.model, replica.pool), times)
        return replica._replace(model=model, pool=pool), record

    specs = (devices.REPLICAS, devices.ALL, devices.ALL)
    return devices.sharded(jax.vmap(advance, (0, None, None)), mesh, specs)(state, jnp.asarray(first), shared)


def _chunk_rows(state, shared, plan: _Plan, mesh, num_rows: int, watched: bool) -> int:
    """As many rows as fit in CHUNK_BYTES, fewer where somebody waits for news of them."""
    # all rows, which is what runs unless they are too many: traced once
    record = _advance.eval_shape(state, 0, shared=shared, num_rows=num_rows, plan=plan, mesh=mesh)[1]
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(record))
    rows = min(num_rows, CHUNK_BYTES * num_rows // max(size, 1))
    return max(1, min(rows, math.ceil(num_rows / CHUNKS)) if watched else rows)


def _place(like: Replica, leaves: list[Any], mesh) -> Replica:
    """A stored state, back on the devices."""
    return devices.put(jax.tree.unflatten(jax.tree.structure(like), leaves), mesh)


@contextmanager
def _bar(watched: bool, total: int, start: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("generation"), MofNCompleteColumn(), BarColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not watched, transient=True) as bar:
        task = bar.add_task("", total=total, completed=start)
        yield lambda done: bar.update(task, completed=done)


def _is_factory(signal: Any) -> bool:
    """Whether `signal` makes signals, (key, task), rather than being one, (key, model, x)."""
    try:
        return len(inspect.signature(signal).parameters) == 2
    except (TypeError, ValueError):
        return False


def _multiple(size: int, of: int) -> int:
    return of * math.ceil(size / of)


def _title(value: Any) -> Any:
    """How a config names a function, a partial or a number."""
    if isinstance(value, partial):
        return f"{_title(value.func)}({', '.join(f'{name}={option}' for name, option in value.keywords.items())})"
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return value
