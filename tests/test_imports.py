"""Who may import whom, and that no file names a package registry."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEST_MODULES = {"tests", "conftest", *(path.stem for path in (ROOT / "tests").glob("*.py"))}
FORBIDDEN = {
    "sandbox": {"theory", "experiments"} | TEST_MODULES,
    "theory": {"sandbox", "experiments"} | TEST_MODULES,
    "experiments": TEST_MODULES,
}
REGISTRIES = [  # in two halves, so that this file does not name them either
    "pypi" + ".org",
    "pypi." + "python.org",
    "files.python" + "hosted",
    "registry.npm" + "js",
    "conda.ana" + "conda",
    "deb.deb" + "ian",
    "--index" + "-url",
    "--find" + "-links",
]


def imported(source: str) -> set[str]:
    """The top-level names that the source imports, anywhere in it, importlib and __import__ included."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(module)):
                names.add(module)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                names.add(module)
    return {name.partition(".")[0] for name in names}


def registries(text: str) -> list[str]:
    """The registry addresses that the text contains."""
    return [needle for needle in REGISTRIES if needle in text.lower()]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_import_direction(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    found = {str(path.relative_to(ROOT)): imported(path.read_text("utf-8")) & FORBIDDEN[package] for path in paths}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize(
    "source",
    [
        "import theory",
        "import numpy, theory.drift as d",
        "from theory import drift",
        "from theory.drift import laws",
        "def f():\n    from theory import drift",
        "import typing\nif typing.TYPE_CHECKING:\n    import theory",
        "import importlib\nimportlib.import_module('theory.drift')",
        "__import__('theory')",
    ],
)
def test_import_direction_twin(source):
    assert imported(source) & FORBIDDEN["sandbox"] == {"theory"}


def test_relative_imports_and_look_alikes_are_not_offences():
    assert imported("from . import theory\nfrom .theory import x\nimport theory_of_sets, numpy.theory") == {
        "theory_of_sets",
        "numpy",
    }


def test_no_file_names_a_registry():
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    contents = {name: (ROOT / name).read_bytes() for name in files if (ROOT / name).is_file()}
    assert contents
    found = {name: registries(data.decode("utf-8", "ignore")) for name, data in contents.items() if b"\0" not in data}
    assert not {name: needles for name, needles in found.items() if needles}
    assert "://" not in contents["constraints.txt"].decode()


@pytest.mark.parametrize("needle", REGISTRIES)
def test_no_file_names_a_registry_twin(needle):
    assert registries(f"jax @ https://{needle.upper()}/simple") == [needle]
