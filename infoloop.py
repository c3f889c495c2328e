"""infoloop: what happens when generative models are trained on generated data, settled with numbers.

- `infoloop.sandbox`: models, signals, and loops that retrain a model on its own samples;
- `infoloop.theory`: the mathematics, arrays in and numbers out;
- `infoloop.questions`: what people ask of their own pipeline.

Each is imported when it is first used.
"""

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sandbox as sandbox
    import theory as theory
    from experiments import questions as questions

    __version__: str

_MODULES = {"sandbox": "sandbox", "theory": "theory", "questions": "experiments.questions"}


def _check() -> None:
    """Raises ImportError where a file or a folder of the user's own stands in front of one of our packages."""
    for name in ("sandbox", "theory", "experiments"):
        own, spec = Path(__file__).resolve().parent / name, importlib.util.find_spec(name)
        places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin])]
        found = Path(places[0]).resolve() if places and places[0] else None
        if found != own:
            raise ImportError(f"{name}: {found} was found; accepted: {own}. Rename yours, or start in another folder")


def main() -> int:
    """The command line."""
    from experiments import cli

    return cli.main()


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name == "__version__":
        from importlib.metadata import version

        return version("infoloop")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_MODULES, "__version__"]


_check()
