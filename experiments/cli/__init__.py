"""The command line, `infoloop`: finds the command, runs it, and answers a mistake in one line.

JAX, matplotlib and the experiments are imported inside the commands, so that `--help` answers at once.
"""

import codecs
import inspect
import io
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from functools import partial

import tyro

# before NumPy is loaded: idle threads of its BLAS spin, and keep a core from what is compiled beside them
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from experiments.cli import options
from experiments.cli.audit import audit
from experiments.cli.evidence import bench, list_, run, verify
from experiments.cli.questions import check, plan
from experiments.cli.shortcut import shortcut
from experiments.validation import unknown

COMMANDS: dict[str, Callable[..., int]] = {
    "verify": verify,
    "list": list_,
    "run": run,
    "check": check,
    "plan": plan,
    "audit": audit,
    "shortcut": shortcut,
    "bench": bench,
}
DESCRIPTION = """What happens when generative models are trained on generated data, settled with numbers.

Start with `infoloop verify`, and open runs/verify/report.html when it is done.

`infoloop COMMAND --help` explains a command; `infoloop --version` prints the version."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: those of the command line by default.

    Returns:
        The exit status: 0, 1 (a row is refuted), 2 (a mistake of the user), 130 (stopped), 141 (the
        reader of the output has gone).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="spelled")
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # for instance `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as stop:
        message, status = str(stop) or "stopped", 130
    except (ValueError, OSError) as error:
        message, status = _explain(error), 2
    print(f"infoloop: {' '.join(message.split())}", file=sys.stderr, flush=True)
    if arguments is None:  # at once, from a shell: a thread that still measures or compiles would be waited for
        sys.stdout.flush()
        os._exit(status)
    return status


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"]:
        from importlib.metadata import version

        print(f"infoloop {version('infoloop')}")
        return 0
    name, *written = arguments or ["--help"]
    if help_wanted := bool({"-h", "--help"} & {name, *written}):
        written = ["--help"]
    if name in COMMANDS:
        if not help_wanted:
            written = options.check(COMMANDS[name], written)
        parse = partial(tyro.cli, COMMANDS[name], prog=f"infoloop {name}", args=written)
    elif help_wanted and name.startswith("-"):
        app = tyro.extras.SubcommandApp()
        for known, command in COMMANDS.items():
            app.command(name=known, help=(inspect.getdoc(command) or "").partition("\n\n")[0])(command)
        parse = partial(app.cli, prog="infoloop", description=DESCRIPTION, args=["--help"])
    else:
        raise unknown("COMMAND", name, [*COMMANDS, "--help", "--version"])
    return _help(parse) if help_wanted else parse()


def _help(parse: Callable[[], object]) -> int:
    """Prints the help, its text wrapped as its tables are; an example, which is indented, stays in one piece."""
    with redirect_stdout(io.StringIO()) as shown, suppress(SystemExit):
        parse()
    width = shutil.get_terminal_size().columns
    for line in shown.getvalue().replace("\n\n\n", "\n\n").splitlines():
        print(line.rstrip() if line.startswith(" ") else textwrap.fill(line, width, break_on_hyphens=False))
    return 0


def _explain(error: ValueError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error)


SPELLED = {"✓": "+", "✗": "x", "±": "+-", "—": "-", "…": "...", "≠": "!=", "≤": "<=", "≥": ">=", "×": "x", "√": "sqrt "}


def _spell(error: UnicodeError) -> tuple[str, int]:
    """What a terminal lacks, in the letters that it has."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    return "".join(SPELLED.get(letter) or _greek(letter) or "?" for letter in letters), error.end


def _greek(letter: str) -> str | None:
    kind, _, name = unicodedata.name(letter, "").rpartition(" LETTER ")
    return name.lower() if kind.startswith("GREEK") else None


codecs.register_error("spelled", _spell)
