"""What a run leaves on disk: config.json, and chunks written one by one, each a complete place to resume from.

A chunk is one `chunk_00000.npz` with the rows of the trajectory, the state to carry on with and the next generation,
written to a temporary file, synced and renamed: a process killed at any moment leaves whole chunks only.
"""

import hashlib
import importlib
import json
import os
import platform
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, NamedTuple

import jax
import numpy as np

from sandbox.loop import Record

_CONFIG = "config.json"


class Run(NamedTuple):
    """A run on disk: how it was made, and its trajectory so far."""

    config: dict[str, Any]
    record: Record
    generations: np.ndarray  # [t]: the generation of each row


class Chunk(NamedTuple):
    """Rows of a trajectory as leaves, the leaves of the state after them, and the generation that comes next."""

    rows: list[Any]
    state: list[Any]
    next_generation: int


def provenance() -> dict[str, Any]:
    """What a number depends on beside its config.

    Returns:
        Versions, backend, devices, and the commit, None outside a checkout.
    """
    packages = ("infoloop", "jax", "jaxlib", "numpy")
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "commit": _commit(),
    }


def create(path: Path, config: dict[str, Any], *, resume: bool) -> None:
    """Makes the folder of a run, or with `resume` checks that the run in it is this one.

    Args:
        path: The folder.
        config: What the run is made of, such as JSON can hold.
        resume: Whether the run in the folder is to go on.

    Raises:
        ValueError: the folder holds a run and `resume` is false; or the run in it has another config, jax version
            or set of devices, so that going on would not give what an uninterrupted run gives.
    """
    here = {"config": config, "provenance": provenance()}
    file = path / _CONFIG
    if not file.exists():
        path.mkdir(parents=True, exist_ok=True)
        with atomic(file, "w") as stream:
            json.dump(here, stream, indent=2)
        return
    if not resume:
        raise ValueError(f"out: {path} holds a run already; resume it, or name another folder")
    there = json.loads(file.read_text())
    for name, old, new in _differences(there, here):
        raise ValueError(f"resume: {path} was run with {name} = {old}, this is {new}; name another folder")


def write(path: Path, chunk: Chunk) -> None:
    """Adds a chunk to a run."""
    arrays: dict[str, Any] = {"next_generation": chunk.next_generation}
    arrays |= {f"row_{i}": np.asarray(leaf) for i, leaf in enumerate(chunk.rows)}
    arrays |= {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(chunk.state)}
    with atomic(path / f"chunk_{len(_chunks(path)):05d}.npz", "wb") as stream:
        np.savez(stream, **arrays)


def read(path: Path) -> Iterator[Chunk]:
    """The chunks of a run, first to last."""
    for file in _chunks(path):
        with np.load(file) as arrays:
            yield Chunk(_leaves(arrays, "row"), _leaves(arrays, "state"), int(arrays["next_generation"]))


def load(path: str | Path) -> Run:
    """The run in a folder, finished or not.

    Args:
        path: The folder, `out` of an ensemble.

    Returns:
        Its config and provenance, and a record [task, replica, t, …].

    Raises:
        ValueError: the folder holds no run, or none of its chunks is finished.
    """
    path = Path(path)
    if not (path / _CONFIG).exists():
        raise ValueError(f"path: the folder of a run is accepted, {path / _CONFIG} does not exist")
    config = json.loads((path / _CONFIG).read_text())
    chunks = [chunk.rows for chunk in read(path)]
    if not chunks:
        raise ValueError(f"path: {path} holds no finished chunk yet")
    rows = [np.concatenate(leaves, axis=2) for leaves in zip(*chunks, strict=True)]
    record = rebuild(config["config"]["record"], iter(rows))
    every = config["config"]["every"]
    return Run(config, record, every * np.arange(rows[0].shape[2]))


def export(path: str | Path, file: str | Path) -> None:
    """Writes the run in a folder as netCDF, with named dimensions.

    Args:
        path: The folder, `out` of an ensemble.
        file: Where to; what is there is replaced when the new file is complete.

    Raises:
        ValueError: as `load`.
    """
    run = load(path)
    dataset = to_xarray(run.record, run.generations).assign_attrs(config=json.dumps(run.config))
    with tempfile.NamedTemporaryFile(dir=Path(file).parent, suffix=".nc", delete=False) as stream:
        temporary = Path(stream.name)
    dataset.to_netcdf(temporary, engine="scipy")
    os.replace(temporary, file)


def to_xarray(record: Record, generations: np.ndarray | None = None) -> Any:
    """An xarray.Dataset of an ensemble's record, its dimensions named task, replica, generation and as the model's.

    A model's own dimensions bear the names of its annotations: `Float[Array, "component dim"]`.

    Args:
        record: Leaves [task, replica, t, …].
        generations: The generation of each row; None: 0, 1, ….

    Returns:
        The dataset.
    """
    import xarray  # slow to import, and only an export needs it

    lead = ("task", "replica", "generation")
    variables = {}
    for name, leaf, names in _named_leaves(record):
        values = np.asarray(leaf)
        own = names if len(names) == values.ndim - 3 else [f"{name}_{i}" for i in range(values.ndim - 3)]
        variables[name] = ((*lead, *own), values)
    length = next(iter(variables.values()))[1].shape[2]
    return xarray.Dataset(variables, {"generation": np.arange(length) if generations is None else generations})


def describe(tree: Any) -> Any:
    """The structure of a pytree of NamedTuples and dicts, as JSON: the inverse of `rebuild`.

    Raises:
        ValueError: the tree holds another container, or a class that cannot be imported by its name.
    """
    if tree is None:
        return None
    if hasattr(tree, "_fields"):
        return {"type": _name(type(tree)), "fields": {name: describe(leaf) for name, leaf in tree._asdict().items()}}
    if isinstance(tree, dict):
        return {"type": "dict", "fields": {name: describe(tree[name]) for name in sorted(tree)}}
    if jax.tree.leaves(tree) != [tree]:
        raise ValueError(f"summary: NamedTuples, dicts and arrays are accepted in a stored run, got {type(tree)}")
    return "array"


def rebuild(structure: Any, leaves: Iterator[Any]) -> Any:
    """The pytree that `describe` described, with these leaves."""
    if structure is None:
        return None
    if structure == "array":
        return next(leaves)
    fields = {name: rebuild(part, leaves) for name, part in structure["fields"].items()}
    if structure["type"] == "dict":
        return fields
    module, _, name = structure["type"].partition(":")
    return getattr(importlib.import_module(module), name)(**fields)


def fingerprint(tree: Any) -> str:
    """A hash of a pytree's structure and of every bit of its leaves."""
    leaves, structure = jax.tree.flatten(tree)
    # without the addresses at which Python shows functions, which differ from process to process
    digest = hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", str(structure)).encode())
    for leaf in leaves:
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return digest.hexdigest()[:16]


@contextmanager
def atomic(file: Path, mode: str) -> Iterator[IO[Any]]:
    """A stream to a temporary file that takes the name of `file` when it is complete and on disk."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(temporary, mode) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def _chunks(path: Path) -> list[Path]:
    return sorted(path.glob("chunk_*.npz"))


def _leaves(arrays: Any, kind: str) -> list[np.ndarray]:
    return [arrays[f"{kind}_{i}"] for i in range(sum(name.startswith(kind) for name in arrays.files))]


def _differences(there: dict[str, Any], here: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    here = json.loads(json.dumps(here))
    # a hash and a structure say less than a name, so they come last
    for name in sorted(here["config"] | there["config"], key=lambda name: name in ("record", "fingerprint")):
        if there["config"].get(name) != here["config"].get(name):
            yield name, there["config"].get(name), here["config"].get(name)
    for name in ("backend", "device", "num_devices"):
        if there["provenance"][name] != here["provenance"][name]:
            yield name, there["provenance"][name], here["provenance"][name]
    for name in ("jax", "jaxlib"):
        old, new = there["provenance"]["versions"][name], here["provenance"]["versions"][name]
        if old != new:
            yield name, old, new


def _named_leaves(tree: Any) -> Iterator[tuple[str, Any, list[str]]]:
    """The leaves of nested NamedTuples and dicts with their names and the names of their dimensions."""
    annotations = getattr(type(tree), "__annotations__", {})
    items = tree._asdict() if hasattr(tree, "_fields") else tree
    for name, leaf in items.items():
        if hasattr(leaf, "_fields") or isinstance(leaf, dict):
            yield from _named_leaves(leaf)
        elif leaf is not None:
            yield name, leaf, getattr(annotations.get(name), "dim_str", "").split()


def _name(cls: type) -> str:
    if "<locals>" in cls.__qualname__:
        raise ValueError(f"model: a class at the top of a module is accepted in a stored run, got {cls.__qualname__}")
    return f"{cls.__module__}:{cls.__qualname__}"


def _commit() -> str | None:
    git = ("git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD")
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
