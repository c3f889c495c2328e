"""What the commands share: where they write, what computes for them, and whether a folder can take what they find."""

import os
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

WIDEST = 100  # columns of a text that is read


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
    """Double precision, and a device a core, over which loops are spread."""
    import jax

    jax.config.update("jax_enable_x64", True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(RuntimeError):  # JAX runs already, called from Python
        jax.config.update("jax_num_cpu_devices", cores)  # a CPU counts as one


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
