"""The other commands, and what they show on a terminal."""

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import fake_experiment_with_data
import pytest
from fake_experiment import CHECK, CONTROL
from rich.console import Console

from experiments import cli
from experiments.cli import COMMANDS, session
from experiments.harness import progress, verify
from experiments.harness.claim import at_least
from experiments.harness.ledger import Settings
from experiments.validation import unknown


def test_nothing_heavy_is_imported_before_a_command_runs():
    light = [["--help"], [], ["list"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    heavy = {"jax", "matplotlib", "networkx", "xarray", "scipy", "numpy", "sandbox", "theory"}
    code = (
        "import sys; from experiments import cli\n"
        f"for command in {light}: assert cli.main(command) == 0\n"
        f"assert not (heavy := {heavy} & set(sys.modules)), heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_list_marks_what_takes_data(fake, capsys):
    assert cli.main(["list"]) == 0
    lines = ["fake", "    A fake that takes no time", "fake-data  [--data FILE]", "    A fake that takes data"]
    assert capsys.readouterr().out.splitlines() == lines


def test_run_passes_its_options_on(fake, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("1,2\n")
    assert cli.main(["run", "fake-data", "--data", "x.csv", "--seed", "4", "--profile", "full", "--resume"]) == 0
    (first,) = fake_experiment_with_data.CALLS
    out = Path("runs/fake-data")
    assert first == {"settings": Settings("full", 4), "data": Path("x.csv"), "resume": True, "out": out}
    assert first["settings"].resume and out.is_dir()


def test_run_prints_the_rows_and_draws_the_figures(fake, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "fake"]) == 0
    out = capsys.readouterr().out
    assert "C2-fake-control" in out and "3 of 3 rows as expected; 3 figures (PNG, SVG and CSV) are in runs/fake" in out
    assert len(list(Path("runs/fake").glob("*.png"))) == 3


def test_run_stopped(fake, tmp_path, refused, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_experiment_with_data, "run", stop)
    assert "--resume goes on" in refused("run", "fake-data", "--out", str(tmp_path), status=130)


def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from experiments import cli; sys.exit(cli.main(['list']))"
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_of_many_names_the_nearest_are_told():
    """Of hundreds of rows those that were meant, in a line that fits a screen."""
    many = [f"C2-{i:03}" for i in range(300)]
    message = str(unknown("--row", "C2-mixtur", [*many, "C2-mixture", "C2-mixture-2"], "ids in the ledger"))
    assert message == (
        "--row: 'C2-mixtur' was given; accepted: the 302 ids in the ledger; did you mean C2-mixture or C2-mixture-2?"
    )
    assert str(unknown("--row", "?", many, "ids")) == "--row: '?' was given; accepted: the 300 ids"


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_the_terminal(capsys, monkeypatch, command, width):
    """Only an example, which is there to be copied, stays in one piece."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert cli.main([command, "--claim", "--help"] if command else []) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = [line for line in lines if line.startswith("    infoloop ")]
    assert len(examples) == {"check": 1, "plan": 1, "shortcut": 2}.get(command, 0)
    assert max(len(line) for line in lines if line not in examples) <= width
    assert lines[0].startswith(f"usage: infoloop {command or '[-h]'}") and len(lines) < 90
    assert not any(a == b == "" for a, b in pairwise(lines))


def test_a_terminal_without_the_letters_gets_others(fake, tmp_path, monkeypatch):
    shown = io.BytesIO()
    with io.TextIOWrapper(shown, encoding="ascii", write_through=True) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["verify", "--out", str(tmp_path), "--claim", "C2"]) == 0
        print("δ ≠ ψ, 中")
        text = shown.getvalue().decode()
    assert "+ holds holds" in text and "x fails fails" in text and "0.1000+-0.0010" in text
    assert "delta != psi, ?" in text and text.count("?") == 1


def terminal(width):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


LONG = "C2-some-name-of-28-characters"
IDS = ["C2-fake", "C2-fake-control", "C2-fake-of-twenty-15", "C1-fake", LONG]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (200, list(verify.COLUMNS)),
        (80, ["predicted", "measured ± error", "slack", "outcome", "time", "unit"]),
        (60, ["measured ± error", "slack", "outcome"]),
        (40, ["measured ± error", "outcome"]),
    ],
)
def test_a_narrow_terminal_gets_the_columns_that_fit(width, columns):
    """A line a row, the id of a long name above it; the outcome is there in any case, also one that is not expected."""
    console = terminal(width)
    printer = verify.Printer.on(console, IDS)
    printer.header()
    other = replace(CONTROL, id=LONG, find=lambda settings: at_least(1.0, 0.0, "holds"))
    for check in (CHECK, replace(CONTROL, id=IDS[2]), other):
        printer.row(check.row(Settings()), 1.0)
    lines = console.file.getvalue().splitlines()
    assert list(printer.columns) == columns and lines[0].split() == " ".join(["row", *columns]).split()
    assert len(lines) == {200: 4, 80: 5, 60: 5, 40: 6}[width] and max(map(len, lines[:-1])) <= width
    assert "✓ holds" in lines[1] and lines[-3 if width < 120 else -2].split().count("✗") == 1
    assert re.search(r"✓ holds +≠ fails", lines[-1]) and lines[-2 if width < 120 else -1].startswith(LONG)


def test_what_is_being_done_is_one_line_of_the_terminal():
    console = terminal(40)
    with progress.steps(console, "row", 10) as step:
        with step("C2-a"), step("C2-with-a-long-name"):
            pass
        with step("thesis", 8.0, "figure"):
            console.print("printed above")
    shown = re.split(r"\x1b\[[^A-Za-z]*[A-Za-z]|[\r\n]+", console.file.getvalue())
    lines = [line.strip("━ ") for line in shown if line.strip("━ ")]
    assert {"0 %: row C2-a, C2-with-a…", "20 %: figure thesis", "100 %: figure thesis", "printed above"} <= set(lines)
    assert all(len(line) <= 40 for line in shown)


def test_what_is_left_is_told_as_roughly_as_it_is_known():
    """From the seconds so far and the share that is done."""
    told = {(10, 0.9): ", about 10 s left", (60, 0.5): ", about 60 s left", (100, 0.25): ", about 5 min left"}
    for known in (*told, (3, 0.5), (60, 0.0), (60, 1.0)):
        assert progress.left(*known) == told.get(known, "")


def test_text_is_wrapped_on_a_terminal_only():
    text = "    " + "word " * 30 + "no-break-here\n\nend"
    narrow, pipe = terminal(40), Console(file=io.StringIO())
    session.say(narrow, text)
    session.say(pipe, text)
    lines = narrow.file.getvalue().splitlines()
    assert len(lines) > 4 and max(map(len, lines)) <= 40 and lines[-2:] == ["", "end"]
    assert all(line.startswith(" " * 8) and line[8] == "w" for line in lines[1:-3]) and "no-break-here" in lines[-3]
    assert pipe.file.getvalue().splitlines() == text.splitlines()
