"""A run on disk: config.json, and chunks written one by one, each a complete place to resume from.

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
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile

import jax
import numpy as np

from sandbox.loop import Record
from sandbox.validation import integers, refuse, shown

_CONFIG = "config.json"
_CHUNK = "chunk_{:05d}.npz"


def as_path(name: str, given: Any) -> Path:
    """`given` as a path; raises where it cannot be one."""
    if not isinstance(given, str | Path) or "\0" in str(given):
        raise refuse(name, repr(given), "a path")
    return Path(given)


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
    """What a number depends on beside its config: versions, backend, devices, and the commit, if there is one."""
    packages = ("infoloop", "jax", "jaxlib", "numpy")
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "commit": _commit(),
    }


class Folder(NamedTuple):
    """The folder of a run: its config, and its chunks one after the other; with no path it holds nothing."""

    path: Path | None

    def open(self, config: dict[str, Any], *, resume: bool) -> None:
        """Makes the folder, or with `resume` checks that the run in it is this one.

        Raises:
            ValueError: The folder holds a run and `resume` is false; or the run in it has another config, jax version
                or set of devices, so that going on would not give what an uninterrupted run gives.
        """
        if self.path is None:
            return
        here = {"config": config, "provenance": provenance()}
        file = self.path / _CONFIG
        if not file.exists():
            self.path.mkdir(parents=True, exist_ok=True)
            with atomic(file, "w") as stream:
                json.dump(here, stream, indent=2)
            return
        if not resume:
            raise refuse("out", f"{self.path}, which holds a run already,", "resume=True, or another folder")
        there = self.config("resume")
        for name, old, new in _differences(there, here):
            given = f"{self.path}, run with {name} = {shown(old)} where this has {shown(new)},"
            raise refuse("resume", given, "the run that is going on, or another folder")

    def config(self, name: str) -> dict[str, Any]:
        """Its config and provenance; a ValueError names what is no config of this version."""
        file = Path(self.path or "") / _CONFIG
        if not file.exists():
            raise refuse(name, f"{self.path} without a {_CONFIG}", "the folder of a run")
        try:
            found = json.loads(file.read_text())
            fields, versions = found["config"]["record"]["fields"], found["provenance"]["versions"]
        except (ValueError, KeyError, TypeError) as error:
            raise refuse(
                name, f"{file}, cut or not of a run ({type(error).__name__}),", "the folder of a run"
            ) from error
        if tuple(fields) != Record._fields:
            given = f"{self.path}, of infoloop {versions.get('infoloop')}, whose record has {', '.join(fields)},"
            raise refuse(name, given, f"a run whose record has {', '.join(Record._fields)}; run it again")
        return found

    def write(self, chunk: Chunk) -> None:
        """Adds a chunk."""
        if self.path is None:
            return
        arrays: dict[str, Any] = {"next_generation": chunk.next_generation}
        arrays |= {f"row_{i}": np.asarray(leaf) for i, leaf in enumerate(chunk.rows)}
        arrays |= {f"state_{i}": np.asarray(leaf) for i, leaf in enumerate(chunk.state)}
        with atomic(self.path / _CHUNK.format(len(self._files())), "wb") as stream:
            np.savez(stream, **arrays)

    def chunks(self, every: int) -> Iterator[Chunk]:
        """The chunks, first to last, of which each goes on where the one before ended, with a row each `every`.

        Raises:
            ValueError: Naming the file that is missing, cut, or not of this run.
        """
        start, files = 0, self._files()
        for i, file in enumerate(files):
            remedy = f"a whole run; with {file.name} and all later chunks removed, it goes on from there"
            if file.name != _CHUNK.format(i):
                raise refuse("out", f"{self.path} without {_CHUNK.format(i)}", remedy)
            try:
                with open(file, "rb") as stream, np.load(stream) as arrays:
                    chunk = Chunk(_leaves(arrays, "row"), _leaves(arrays, "state"), int(arrays["next_generation"]))
                lengths = {leaf.shape[2] for leaf in chunk.rows}
            except (OSError, ValueError, KeyError, IndexError, EOFError, BadZipFile) as error:
                raise refuse("out", f"{file}, cut or not a chunk ({type(error).__name__}),", remedy) from error
            # a last chunk is cut at the last generation
            room = (chunk.next_generation - start) // every
            if len(lengths) != 1 or not (lengths == {room} or (0 < min(lengths) < room and file == files[-1])):
                raise refuse("out", f"{file}, which does not follow generation {start - every},", remedy)
            start = chunk.next_generation
            yield chunk

    def _files(self) -> list[Path]:
        return [] if self.path is None else sorted(self.path.glob("chunk_*.npz"))


def load(path: str | Path) -> Run:
    """The run in a folder, finished or not: `out` of an ensemble.

    Its config and provenance, and a record [task, replica, t, …].

    Raises:
        ValueError: The folder holds no run of this version, none of its chunks is finished, or one is missing or cut.
    """
    folder = Folder(as_path("path", path))
    config = folder.config("path")
    every = config["config"]["every"]
    chunks = [chunk.rows for chunk in folder.chunks(every)]
    if not chunks:
        raise refuse("path", f"{path}, which holds no finished chunk yet,", "a run with at least one")
    rows = [np.concatenate(leaves, axis=2) for leaves in zip(*chunks, strict=True)]
    record = rebuild(config["config"]["record"], iter(rows))
    return Run(config, record, every * np.arange(rows[0].shape[2]))


def export(path: str | Path, file: str | Path) -> None:
    """Writes the run in a folder as netCDF, with named dimensions; `file` is replaced when the new one is complete."""
    run, file = load(path), as_path("file", file)
    if file.is_dir() or not file.parent.is_dir():
        raise refuse("file", f"{file}, a folder" if file.is_dir() else f"{file} in no folder", "a file in a folder")
    dataset = to_xarray(run.record, run.generations).assign_attrs(config=json.dumps(run.config))
    with atomic(file, "wb") as stream:
        stream.write(dataset.to_netcdf(engine="scipy"))


def to_xarray(record: Record, generations: np.ndarray | None = None) -> Any:
    """An xarray.Dataset of an ensemble's record, its dimensions named task, replica, generation and as the model's.

    A model's own dimensions bear the names of its annotations: `Float[Array, "component dim"]`. `generations` are those
    of the rows, None: 0, 1, ….
    """
    import xarray  # slow to import, and only an export needs it

    if not isinstance(record, Record):
        raise refuse("record", type(record).__name__, "the Record of an ensemble")
    lead = ("task", "replica", "generation")
    variables = {}
    for name, leaf, names in _named_leaves(record):
        values = np.asarray(leaf)
        shape = np.shape(record.accepted)
        if values.dtype.kind not in "fiub" or values.shape[:3] != shape or len(shape) != 3 or np.isnan(values).any():
            accepted = f"numbers, none NaN, of shape {list(shape)} and on"
            raise refuse(f"record.{name}", f"{values.dtype} of shape {list(values.shape)}", accepted)
        own = names if len(names) == values.ndim - 3 else [f"{name}_{i}" for i in range(values.ndim - 3)]
        variables[name] = ((*lead, *own), values)
    length = np.shape(record.accepted)[2]
    if generations is not None:
        integers("generations", generations, 0, (length,))
    return xarray.Dataset(variables, {"generation": np.arange(length) if generations is None else generations})


def describe(tree: Any) -> Any:
    """The structure of a pytree of NamedTuples and dicts, as JSON: the inverse of `rebuild`."""
    if tree is None:
        return None
    if hasattr(tree, "_fields"):
        return {"type": _name(type(tree)), "fields": {name: describe(leaf) for name, leaf in tree._asdict().items()}}
    if isinstance(tree, dict):
        return {"type": "dict", "fields": {name: describe(tree[name]) for name in sorted(tree)}}
    if jax.tree.leaves(tree) != [tree]:
        raise refuse("summary", type(tree).__name__, "NamedTuples, dicts and arrays, in a stored run")
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
    try:
        return getattr(importlib.import_module(module), name)(**fields)
    except (ImportError, AttributeError, TypeError) as error:
        raise refuse(
            "path", f"a run with a {structure['type']} of {', '.join(fields)}", "classes found here"
        ) from error


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
        if (hasattr(leaf, "_fields") and not isinstance(leaf, type)) or isinstance(leaf, dict):
            yield from _named_leaves(leaf)
        elif leaf is not None:
            yield name, leaf, getattr(annotations.get(name), "dim_str", "").split()


def _name(cls: type) -> str:
    if "<locals>" in cls.__qualname__:
        raise refuse("model", cls.__qualname__, "a class at the top of a module, in a stored run")
    return f"{cls.__module__}:{cls.__qualname__}"


def _commit() -> str | None:
    git = ("git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD")
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
