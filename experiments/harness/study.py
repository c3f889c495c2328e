"""A study: a pure function of a key and of sizes, computed once for the same settings.

    @study("closed-loop/categorical", num_replicas=2_000, full={"num_replicas": 10_000})
    def categorical(key, n, *, num_replicas): ...

    categorical(settings, 50)            # computed once, then remembered
    categorical(key, 50)                 # the plain function, at the quick sizes: inside jit, vmap or a test
    categorical(settings, 50, num_replicas=32)   # another size

Its key comes from its name, which a move or a rename keeps: studies of different names have independent randomness, and
two calls of one study with other arguments have the same (common random numbers, for comparisons in pairs), but for the
arguments that `independent` names.
"""

import hashlib
import inspect
import pickle
import sys
import zlib
from collections.abc import Callable, Hashable, Mapping
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from experiments.harness.ledger import Settings, write_atomic
from experiments.validation import refuse

LARGEST, MOST = 64 * 2**20, 2 * 2**30  # bytes on disk: of one result, which else is computed again, and of all
PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "optax", "flax")


def study(
    name: str, *, full: Mapping[str, Hashable] = {}, independent: tuple[str, ...] = (), **quick: Hashable
) -> Callable[[Callable[..., Any]], Any]:
    """Makes `function(key, *arguments, **sizes)` a study, called with `Settings` in the place of the key.

    Args:
        name: "experiment/what", never used twice, and kept when the function moves.
        full: the sizes that are others in the full profile.
        independent: arguments whose values have randomness of their own.
        **quick: the sizes, by keyword.

    Raises:
        ValueError: `full` names a size that `quick` does not, or `independent` no parameter of the function.
    """

    def wrap(function: Callable[..., Any]) -> Any:
        signature = inspect.signature(function)
        for what, named, accepted in (("full", full, quick), ("independent", independent, signature.parameters)):
            if unknown := set(named) - set(accepted):
                raise refuse(what, ", ".join(sorted(unknown)), ", ".join(accepted))
        memory: dict[Hashable, Any] = {}

        @wraps(function)
        def known(settings: Any, *arguments: Any, **options: Any) -> Any:
            full_sizes = full if isinstance(settings, Settings) and settings.full else {}
            given = signature.bind(settings, *arguments, **{**quick, **full_sizes, **options})
            given.apply_defaults()
            if not isinstance(settings, Settings):
                return function(*given.args, **given.kwargs)
            asked = {key: value for key, value in list(given.arguments.items())[1:]}
            for key, value in asked.items():
                try:
                    hash(value)
                except TypeError:
                    raise TypeError(f"{key}: {type(value).__name__} was given; accepted: a hashable constant") from None
            place = (settings, *asked.items())
            if place not in memory:
                folded = tuple((key, asked[key]) for key in independent)
                given.arguments[next(iter(given.arguments))] = key_of(settings.seed, name, *folded)
                memory[place] = _on_disk(settings, name, function, asked, lambda: function(*given.args, **given.kwargs))
            return memory[place]

        setattr(known, "study", name)  # noqa: B010
        setattr(known, "cache_clear", memory.clear)  # noqa: B010
        return known

    return wrap


def key_of(seed: int, name: str, *folded: Hashable) -> Any:
    """The key of a study: that of the seed, with the hash of its name (and of the arguments folded in) folded in."""
    import jax

    text = name if not folded else f"{name} {folded!r}"
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(text.encode()))


def generator(key: Any) -> np.random.Generator:
    """NumPy's generator from a key, which is consumed."""
    import jax

    return np.random.default_rng(np.asarray(jax.random.key_data(key)))


def forget(package: str) -> None:
    """Clears the caches of a package, and what its studies have computed."""
    for name, module in list(sys.modules.items()):
        if name == package or name.startswith(f"{package}."):
            for value in list(vars(module).values()):
                if callable(clear := getattr(value, "cache_clear", None)):
                    clear()


def _on_disk(
    settings: Settings, name: str, function: Callable[..., Any], asked: Mapping[str, Any], compute: Callable[[], Any]
) -> Any:
    """The result, from disk where `settings.resume` and it is there; kept on disk where `settings.folder` is given."""
    if settings.folder is None:
        return compute()
    means = [
        settings.profile,
        settings.seed,
        name,
        sorted(asked.items()),
        _versions(),
        _source(function.__code__.co_filename),
    ]
    file = settings.folder / f"{name.replace('/', '-')}-{hashlib.sha256(repr(means).encode()).hexdigest()[:16]}.pickle"
    if settings.resume and file.is_file():
        try:
            result = pickle.loads(file.read_bytes())
        except Exception:  # a class that has moved, a file that somebody cut: it is computed again
            file.unlink(missing_ok=True)
        else:
            settings.read.append(name)
            return result
    result = compute()
    content = pickle.dumps(result)
    if len(content) <= LARGEST:
        write_atomic(file, content)
        _bound(settings.folder)
    return result


def _bound(folder: Path) -> None:
    """Removes the oldest results beyond `MOST` bytes."""
    left = MOST
    for file in sorted(folder.glob("*.pickle"), key=lambda file: file.stat().st_mtime, reverse=True):
        left -= file.stat().st_size
        if left < 0:
            file.unlink(missing_ok=True)


@cache
def _versions() -> tuple[str, ...]:
    return (sys.version, *(version(package) for package in PACKAGES))


@cache
def _source(file: str) -> str:
    """A hash of `sandbox`, `theory` and the folder of the study's own file."""
    root = Path(__file__).parents[2]
    files = [path for room in ("sandbox", "theory") for path in (root / room).rglob("*.py")]
    digest = hashlib.sha256()
    for path in (*sorted(files), *sorted(Path(file).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
