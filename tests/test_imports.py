"""Who may import whom, what a face is, how long a file may be, and that no file names a package registry."""

import ast
import os
import subprocess
import sys
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
def test_import_direction_control(source):
    assert imported(source) & FORBIDDEN["sandbox"] == {"theory"}


def test_relative_imports_and_look_alikes_are_not_offences():
    assert imported("from . import theory\nfrom .theory import x\nimport theory_of_sets, numpy.theory") == {
        "theory_of_sets",
        "numpy",
    }


PACKAGES = ("sandbox", "theory", "experiments")
LONGEST = 350  # lines


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_long(package):
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in (ROOT / package).rglob("*.py")}
    assert sizes and not {str(path): size for path, size in sizes.items() if size > LONGEST}
    assert (ROOT / package / "py.typed").is_file()


def is_face(source):
    """Whether a module is a docstring and imports, and nothing else."""
    first, *rest = ast.parse(source).body
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return docstring and all(isinstance(node, ast.Import | ast.ImportFrom) for node in rest)


@pytest.mark.parametrize(
    "path",
    [path for package in ("sandbox", "theory") for path in sorted((ROOT / package).rglob("__init__.py"))],
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_a_package_is_a_face_and_nothing_else(path):
    assert is_face(path.read_text("utf-8"))


@pytest.mark.parametrize("source", ['"""A face."""\nx = 1', '"""A face."""\ndef f(): ...', "from theory import drift"])
def test_a_package_is_a_face_and_nothing_else_control(source):
    assert not is_face(source)


def started(folder, code):
    """What Python says to this code in a folder where it finds our packages, but those of the folder first."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    options = {"cwd": folder, "env": os.environ | {"PYTHONPATH": path}, "capture_output": True, "text": True}
    return subprocess.run([sys.executable, "-c", code], **options)


def test_infoloop_is_one_import_that_loads_nothing(tmp_path):
    code = (
        "import sys, infoloop; assert not {'jax', 'sandbox', 'theory', 'experiments'} & set(sys.modules)\n"
        "assert infoloop.sandbox.KeepAll and infoloop.theory.entropy and infoloop.__version__\n"
        "assert all(getattr(infoloop.questions, name) for name in infoloop.questions.QUESTIONS)\n"
        "q = infoloop.questions; assert q.plan.answer and q.bracket.information and q.pipeline.check\n"
        "sys.argv[1:] = ['--version']; raise SystemExit(infoloop.main())"
    )
    done = started(tmp_path, code)
    assert done.returncode == 0 and done.stdout.startswith("infoloop "), done.stderr


@pytest.mark.parametrize("name", ["experiments", "theory"])
@pytest.mark.parametrize("kind", ["package", "module"])
def test_what_shadows_a_package_is_named(tmp_path, name, kind):
    """A package or a file of the user's own, which a folder without __init__.py is not."""
    shadow = tmp_path / (f"{name}.py" if kind == "module" else name)
    if kind == "package":
        shadow.mkdir()
        (shadow / "__init__.py").touch()
    else:
        shadow.write_text("raise RuntimeError('it was run')")
    said = started(tmp_path, "import infoloop; infoloop.main()").stderr.splitlines()[-1]
    assert said == (
        f"ImportError: {name}: {shadow.resolve()} was found; accepted: {ROOT / name}. "
        "Rename yours, or start in another folder"
    )


def test_a_folder_of_files_of_ones_own_shadows_nothing(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "notes.txt").touch()
    done = started(tmp_path, "import sys, infoloop; sys.argv[1:] = ['--version']; raise SystemExit(infoloop.main())")
    assert done.returncode == 0, done.stderr


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
def test_no_file_names_a_registry_control(needle):
    assert registries(f"jax @ https://{needle.upper()}/simple") == [needle]
