"""What the commands share: where they write, what computes for them, and whether a folder can take what they find."""

import hashlib
import os
import platform
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

WIDEST = 100  # columns of a text that is read
CACHED = 2**30  # bytes of compiled programs that are kept


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def console() -> Console:
    """The terminal, or what stands in its place."""
    return _Console(markup=False)


def width(console: Console) -> int:
    """How wide a text may be."""
    return min(console.width, WIDEST) if console.is_terminal else WIDEST


def say(console: Console, text: str) -> None:
    """Prints lines, wrapped between words on a terminal; elsewhere as they are."""
    for line in text.splitlines() or [""]:
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        wrapped = textwrap.wrap(
            line,
            console.width if console.is_terminal else max(len(line), 1),
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        console.print("\n".join(wrapped), soft_wrap=True, highlight=False)


def set_up_jax() -> None:
    """Double precision, a device a core, over which loops are spread, and a compilation cache on disk."""
    import jax

    jax.config.update("jax_enable_x64", True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(RuntimeError):  # JAX runs already, called from Python
        jax.config.update("jax_num_cpu_devices", cores)  # a CPU counts as one
    keep_compiled()


def keep_compiled() -> None:
    """Keeps compiled programs on disk, unless JAX's own variables say otherwise.

    A folder for each jaxlib and each kind of CPU, as one rejects, or is broken by, what was compiled for another.
    JAX_COMPILATION_CACHE_DIR names another folder, JAX_ENABLE_COMPILATION_CACHE=0 turns it off.
    """
    import jax

    named, enabled = (
        getattr(jax.config, f"jax_{name}") for name in ("compilation_cache_dir", "enable_compilation_cache")
    )
    if named is not None or not enabled:
        return
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "infoloop")
    folder = root / f"xla-{version('jaxlib')}-{_kind_of_cpu()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _bound(root)
    except OSError:  # nowhere to write: programs are compiled anew
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


def _kind_of_cpu() -> str:
    """A hash of what the CPU can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        features = next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        features = platform.processor() or platform.machine()
    return hashlib.sha256(features.encode()).hexdigest()[:8]


def _bound(root: Path) -> None:
    """Removes the programs that were longest unused beyond `CACHED` bytes."""
    files = [(file.stat().st_mtime, file.stat().st_size, file) for file in root.rglob("*") if file.is_file()]
    left = CACHED
    for _, size, file in sorted(files, reverse=True, key=lambda one: one[0]):
        left -= size
        if left < 0:
            file.unlink(missing_ok=True)


def provenance(**asked: str | int) -> dict[str, Any]:
    """What computes, and what was asked of it: the seed, and the profile where there is one."""
    from sandbox import store

    return store.provenance() | asked


def headline(provenance: Mapping[str, Any]) -> str:
    """What computes, and what was asked of it, on one line."""
    versions = {name: provenance["versions"][name] for name in ("infoloop", "jax", "numpy", "python")}
    shown = ", ".join(f"{name} {number}" for name, number in versions.items())
    on = f"{provenance['backend']} × {provenance['num_devices']}"
    commit = (provenance["commit"] or "unknown")[:10]
    asked = "".join(f", {key} {provenance[key]}" for key in ("profile", "seed") if key in provenance)
    return f"{shown} on {on}; commit {commit}{asked}"


def check_writable(out: Path) -> None:
    """Makes the folder and writes to it: before the work, not after it."""
    out.mkdir(parents=True, exist_ok=True)
    probe = out / f".{os.getpid()}.part"
    probe.touch()
    probe.unlink()
