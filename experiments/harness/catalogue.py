"""The experiments by name: their checks, statements and figures."""

import ast
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import experiments
from experiments.validation import refuse, unknown

Maker = Callable[[Any], Any]  # of a figure, from the settings


class Experiment(NamedTuple):
    """A loaded experiment."""

    name: str
    module: str
    checks: Sequence[Any]  # of claim.Check
    statements: Sequence[Any]
    figures: Mapping[str, Maker]


def module_of(name: str) -> str:
    """The module of an experiment.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in experiments.EXPERIMENTS:
        raise unknown("NAME", name, experiments.EXPERIMENTS)
    return experiments.EXPERIMENTS[name]


def about(name: str) -> tuple[str, bool]:
    """The title of an experiment, and whether it takes data, from its source: nothing is imported."""
    spec = find_spec(module_of(name))
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    bound = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    bound |= {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return (ast.get_docstring(tree) or name).partition("\n")[0].rstrip("."), "run" in bound


def load(name: str) -> Experiment:
    """Imports an experiment: a module, or a folder with `claims.py` and `figures.py`."""
    path = module_of(name)
    module = importlib.import_module(path)
    parts = [module]
    if hasattr(module, "__path__"):
        parts += [importlib.import_module(f"{path}.{part}") for part in ("claims", "figures")]

    def get(what: str) -> Any:
        return next((vars(part)[what] for part in parts if what in vars(part)), ())

    return Experiment(name, path, tuple(get("CLAIMS")), tuple(get("STATEMENTS")), dict(get("FIGURES")))


def load_all() -> list[Experiment]:
    """All experiments, in the order of the ledger.

    Raises:
        ValueError: an id, a figure's name or a statement is there twice, or a check names a figure that is not there.
    """
    loaded = [load(name) for name in experiments.EXPERIMENTS]
    for what, names in (
        ("id", [check.id for one in loaded for check in one.checks]),
        ("figure", [stem for one in loaded for stem in one.figures]),
        ("statement", [statement.id for one in loaded for statement in one.statements]),
    ):
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise refuse(what, f"{', '.join(twice)}, more than once,", "names that differ")
    for one in loaded:
        for check in one.checks:
            if check.figure is not None and check.figure not in one.figures:
                raise unknown(f"figure of {check.id}", check.figure, one.figures)
    return loaded


def studies(package: str) -> dict[str, Any]:
    """The studies of an experiment by name, from its imported modules."""
    modules: list[ModuleType] = [
        m for name, m in sys.modules.items() if name == package or name.startswith(f"{package}.")
    ]
    found = [
        value for module in modules for value in vars(module).values() if isinstance(getattr(value, "study", None), str)
    ]
    return {value.study: value for value in found}
