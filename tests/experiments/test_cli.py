import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from queue import Queue
from threading import Barrier, Event
from types import ModuleType

import fake_experiment
import fake_experiment_with_data
import jax
import pytest
from fake_experiment import CHECK, CONTROL, OTHER
from rich.console import Console

import experiments
from experiments import cli
from experiments.cli import COMMANDS, session
from experiments.harness import catalogue, ledger, progress, verify
from experiments.harness.catalogue import Experiment
from experiments.harness.claim import Found, at_least
from experiments.harness.ledger import Settings
from experiments.validation import unknown
from theory import Estimate

Captured = pytest.CaptureFixture[str]
Finder = Callable[[Settings], Found]


Refused = Callable[..., str]
TEXTS = {"ledger.json", "report.html", "claims.md", "provenance.json"}


def find_control_by(find: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the fake's control; without its figures, which take longest."""
    checks = (CHECK, replace(CONTROL, find=find), OTHER)
    monkeypatch.setattr(fake_experiment, "CLAIMS", tuple(replace(check, figure=None) for check in checks))
    monkeypatch.setattr(fake_experiment, "FIGURES", {})


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that `infoloop verify` leaves, and what it prints."""
    out, printed = tmp_path_factory.mktemp("evidence"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr(experiments, "EXPERIMENTS", {"fake": fake_experiment.__name__})
        assert cli.main(["verify", "--out", str(out)]) == 0
    return out, printed.getvalue()


def test_nothing_heavy_is_imported_before_a_command_runs() -> None:
    light = [["--help"], [], ["list"], ["--version"], *([name, "--help"] for name in COMMANDS)]
    heavy = {"jax", "matplotlib", "networkx", "xarray", "scipy", "numpy", "sandbox", "theory"}
    code = (
        "import sys; from experiments import cli\n"
        f"for command in {light}: assert cli.main(command) == 0\n"
        f"assert not (heavy := {heavy} & set(sys.modules)), heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_verify_writes_the_evidence(evidence: tuple[Path, str]) -> None:
    folder, out = evidence
    assert re.search(rf"jax .* on cpu × {jax.device_count()};", out.splitlines()[0])
    assert "report.html" in out and "\x1b" not in out
    control = next(line.split() for line in out.splitlines() if line.startswith("C2-fake-control"))
    assert control[:7] == ["C2-fake-control", "C2", "0.0000", "0.1000±0.0010", "-0.09497", "✗", "fails"]
    assert control[7] == "fails" and control[-3:] == ["nats", "per", "generation"]
    assert re.search(r"\n✓ C1 .* 1 holds\n✓ C2 .* 1 holds, 1 control fails\n\n\d+ s, \d+ CPU seconds, \d+ comp", out)
    assert out.splitlines()[-1] == "3 of 3 rows as expected"
    rows = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == ["C2-fake", "C2-fake-control", "C1-fake"]
    figures = {f"{stem}.{kind}" for stem in ("fake", "other", "third") for kind in ("png", "svg", "csv")}
    assert {path.name for path in folder.iterdir()} == figures | TEXTS
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.count("The caption, on two lines. Its second paragraph.") == 3
    assert json.loads((folder / "provenance.json").read_text())["seed"] == 0


def test_a_row_is_checked_and_drawn_alone(fake: ModuleType, evidence: tuple[Path, str], tmp_path: Path) -> None:
    shutil.copytree(evidence[0], tmp_path, dirs_exist_ok=True)
    old = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert cli.main(["verify", "--out", str(tmp_path), "--row", "C2-fake", "--seed", "3"]) == 0
    new = {path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns != old[path.name]}
    assert new == {"fake.png", "fake.svg", "fake.csv"} | TEXTS
    slacks = {row.id: row.slack for row in ledger.read(tmp_path / "ledger.json")}
    assert slacks["C2-fake"] == 3.25 and slacks["C1-fake"] == 0.25
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<figure ") == 3


@pytest.mark.parametrize(
    ("claims", "rows", "ids", "figures"),
    [
        (["C2"], [], ["C2-fake", "C2-fake-control"], {"fake"}),
        ([], ["C1-fake", "C2-fake-control"], ["C2-fake-control", "C1-fake"], {"fake", "other"}),
        (["C1"], ["C2-fake"], ["C2-fake", "C1-fake"], {"fake", "other"}),
        (["C1", "C2"], [], ["C2-fake", "C2-fake-control", "C1-fake"], {"fake", "other"}),
    ],
)
def test_all_that_is_named_is_checked(
    fake: ModuleType, claims: list[str], rows: list[str], ids: list[str], figures: set[str]
) -> None:
    (one,) = verify.select(catalogue.load_all(), claims, rows)
    assert [check.id for check in one.checks] == ids and one.figures.keys() == figures


def test_only_a_whole_run_drops_rows_that_are_no_more(
    fake: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.json"
    ledger.update(path, replace(CHECK, id="C2-gone").row(Settings()))
    assert cli.main(["verify", "--out", str(tmp_path), "--claim", "C1"]) == 0
    assert [row.id for row in ledger.read(path)] == ["C1-fake", "C2-gone"] and not (tmp_path / "fake.png").exists()
    find_control_by(CONTROL.find, monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path), "--row", "C2-fake", "--claim", "C1", "--claim", "C2"]) == 0
    assert [row.id for row in ledger.read(path)] == ["C2-fake", "C2-fake-control", "C1-fake"]


@pytest.mark.parametrize(
    ("measured", "profile", "status", "said"),
    [
        (1.0, "quick", 1, "2 of 3 rows as expected; 1 refuted: C2-fake-control (holds)"),
        (Estimate(0.0, 1.0, 99), "quick", 0, "2 of 3 rows as expected; 1 open: C2-fake-control"),  # pyright: ignore
        (Estimate(0.0, 1.0, 99), "full", 1, "2 of 3 rows as expected; 1 open: C2-fake-control"),  # pyright: ignore
    ],
)
def test_the_exit_status(
    fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, measured, profile, status, said
) -> None:
    """1 if a control holds, and in the full profile if a row is open; of what was checked."""
    find_control_by(lambda settings: at_least(measured, 0.0, "s"), monkeypatch)
    asked = ["verify", "--out", str(tmp_path), "--profile", profile]
    assert cli.main(asked) == status
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert (tmp_path / "report.html").exists()
    assert cli.main([*asked, "--row", "C2-fake"]) == 0


def test_over_seeds(fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated rows at each seed, exact ones once; a control that holds at another seed counts."""
    seen = []

    def find(settings: Settings) -> Found:
        seen.append(settings.seed)
        return at_least(Estimate(1.0 if settings.seed == 2 else -1.0, 0.1, 99), 0.0, f"seed {settings.seed}")  # pyright: ignore

    find_control_by(find, monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path), "--seeds", "3"]) == 1
    outcomes = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))
    assert outcomes == {"C2-fake": ["holds"], "C2-fake-control": ["fails", "fails", "holds"], "C1-fake": ["holds"]}
    assert seen == [0, 1, 2]
    assert ledger.read(tmp_path / "ledger.json")[1].setting == "seed 0"
    assert "1 of 3 rows change their outcome\nC2-fake-control: fails fails holds" in capsys.readouterr().out
    assert "| ✗✗✓ |" in (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert cli.main(["verify", "--out", str(tmp_path), "--seeds", "2", "--claim", "C2"]) == 0


def test_of_many_names_the_nearest_are_told(tmp_path: Path) -> None:
    """Of hundreds of rows those that were meant, in a line that fits a screen."""
    many = [f"C2-{i:03}" for i in range(300)]
    message = str(unknown("--row", "C2-mixtur", [*many, "C2-mixture", "C2-mixture-2"], "ids in the ledger"))
    assert message == (
        "--row: 'C2-mixtur' was given; accepted: the 302 ids in the ledger; did you mean C2-mixture or C2-mixture-2?"
    )
    assert str(unknown("--row", "?", many, "ids")) == "--row: '?' was given; accepted: the 300 ids"


@pytest.mark.parametrize("name", [None, "ledger.json"])
def test_a_full_disk(
    fake: ModuleType, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr(ledger, "write_atomic", full)
    said = refused("verify", "--out", str(tmp_path))
    assert said == "infoloop: " + f"{name}: " * bool(name) + "no space left on device"


def test_an_error_in_a_row_names_it(
    fake: ModuleType, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_control_by(lambda settings: at_least(float("nan"), 0.0, "s"), monkeypatch)
    assert "row C2-fake-control: a side: nan was given" in refused("verify", "--out", str(tmp_path))
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C2-fake"]


def test_an_error_in_a_figure_names_it(
    fake: ModuleType, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: Settings) -> None:
        raise ValueError("nothing to draw")

    monkeypatch.setattr(fake, "FIGURES", {"fake": refuse, "other": refuse})
    said = refused("verify", "--out", str(tmp_path), "--row", "C1-fake")
    assert said == "infoloop: figure other: nothing to draw"
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C1-fake"]


def test_ctrl_c_keeps_what_was_done(
    fake: ModuleType, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(settings: Settings) -> Found:
        raise KeyboardInterrupt

    find_control_by(stop, monkeypatch)
    assert "are kept in" in refused("verify", "--out", str(tmp_path), status=130)
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C2-fake"]


def test_list_marks_what_takes_data(fake: ModuleType, capsys: Captured) -> None:
    assert cli.main(["list"]) == 0
    assert (
        capsys.readouterr().out
        == "fake\n    A fake that takes no time\nfake-data  [--data FILE]\n    A fake that takes data\n"
    )


def test_run_passes_its_options_on(fake: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("1,2\n")
    assert cli.main(["run", "fake-data", "--data", "x.csv", "--seed", "4", "--profile", "full", "--resume"]) == 0
    (first,) = fake_experiment_with_data.CALLS
    out = Path("runs/fake-data")
    assert first == {"settings": Settings("full", 4), "data": Path("x.csv"), "resume": True, "out": out}
    assert first["settings"].resume and out.is_dir()


def test_run_prints_the_rows_and_draws_the_figures(
    fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "fake"]) == 0
    out = capsys.readouterr().out
    assert "C2-fake-control" in out and "3 of 3 rows as expected; 3 figures (PNG, SVG and CSV) are in runs/fake" in out
    assert len(list(Path("runs/fake").glob("*.png"))) == 3


def test_run_stopped(fake: ModuleType, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_experiment_with_data, "run", stop)
    assert "--resume goes on" in refused("run", "fake-data", "--out", str(tmp_path), status=130)


def test_a_reader_that_goes_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "import sys; from experiments import cli; sys.exit(cli.main(['list']))"
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ((CHECK, CHECK), "id: C2-fake, more than once, was given"),
        ((replace(CHECK, figure="none"),), "figure of C2-fake: 'none' was given"),
    ],
)
def test_the_catalogue_is_consistent(
    fake: ModuleType, monkeypatch: pytest.MonkeyPatch, checks: tuple, message: str
) -> None:
    monkeypatch.setattr(fake, "CLAIMS", checks)
    with pytest.raises(ValueError, match=message):
        catalogue.load_all()


def alone(*finders: Finder) -> list[Experiment]:
    """A row of an experiment of its own for each."""
    checks = [replace(CHECK, id=f"C2-{i}", find=find, figure=None) for i, find in enumerate(finders)]
    return [Experiment(check.id, "fake_experiment", (check,), (), {}) for check in checks]


def test_experiments_are_measured_from_both_ends_at_once_and_printed_in_order(tmp_path: Path, capsys: Captured) -> None:
    """The first and the last wait for each other, and the first for the second, which follows the last."""
    both, met, rest = Barrier(2, timeout=20), Event(), Event()

    def first(settings: Settings) -> Found:
        both.wait()
        assert rest.wait(20)
        return at_least(1.0, 0.0, "")

    def second(settings: Settings) -> Found:
        assert met.wait(20)
        rest.set()
        return at_least(2.0, 0.0, "")

    def last(settings: Settings) -> Found:
        both.wait()
        met.set()
        return at_least(3.0, 0.0, "")

    rows, _ = verify.measure(alone(first, second, last), Settings(), tmp_path, Console())
    assert [row.slack for row in rows] == [1, 2, 3] == [row.slack for row in ledger.read(tmp_path / "ledger.json")]
    assert re.findall("C2-[012]", capsys.readouterr().out) == ["C2-0", "C2-1", "C2-2"]


def test_seeds_come_in_order_and_share_what_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs go when no other seed of their experiment is waiting, which two threads may both see."""
    released: Queue[None] = Queue()
    monkeypatch.setattr(verify.cost, "release", lambda: released.put(None))

    def find(settings: Settings) -> Found:
        return at_least(Estimate(float(settings.seed), 0.0, 32), -1.0, "")  # pyright: ignore[reportArgumentType]

    chosen = alone(find, find)
    rows, _ = verify.measure(chosen, Settings(), tmp_path, Console())
    released.get(timeout=20), released.get(timeout=20)
    found = verify.other_seeds(chosen, rows, Settings(), 9, Console())
    assert [[row.measured for row in of_seed] for of_seed in found] == [[seed, seed] for seed in range(9)]
    released.get(timeout=20), released.get(timeout=20)
    assert released.qsize() <= 2


def test_after_a_row_that_cannot_be_measured_no_other_begins(tmp_path: Path) -> None:
    begun = []

    def refuse(settings: Settings) -> Found:
        raise ValueError("no")

    checks = [replace(CHECK, id=f"C2-{i}", figure=None, find=refuse if i == 0 else begun.append) for i in range(3)]
    one = Experiment("fake", "fake_experiment", checks, (), {})
    with pytest.raises(ValueError, match=r"^row C2-0: no$"):
        verify.measure([one], Settings(), tmp_path, Console())
    assert not begun and not ledger.read(tmp_path / "ledger.json")


SLOW_EXPERIMENT = '''
"""Two studies, of which the second does not end before there is a file."""
import time
from pathlib import Path
from experiments.harness.claim import at_least, claim
from experiments.harness.study import study

HERE = Path(__file__).parent

@study("slow/first", n=1)
def first(key, *, n):
    with (HERE / "calls").open("a") as calls:
        calls.write("first ")
    return 1.0

@study("slow/second", n=1)
def second(key, *, n):
    if not (HERE / "go").exists():
        time.sleep(100)
    return 2.0

CLAIMS = (
    *claim("C1-first", "s", lambda settings: at_least(first(settings), 0.0, "s")),
    *claim("C1-second", "s", lambda settings: at_least(second(settings), 0.0, "s")),
)
'''


def test_after_a_kill_it_goes_on_and_says_what_it_is_doing(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal a line on stderr says what is measured; --resume computes nothing again that was finished."""
    (tmp_path / "slow_experiment.py").write_text(SLOW_EXPERIMENT)
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in a background job
        "import experiments; from experiments import cli; from experiments.harness import progress\n"
        "experiments.EXPERIMENTS = {'slow': 'slow_experiment'}; progress.SILENCE = 0.2; cli.main()"
    )
    asked = ["verify", "--out", str(tmp_path / "out"), "--resume"]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": os.environ | {"PYTHONPATH": path}}
    for how in (signal.SIGKILL, signal.SIGINT):
        with subprocess.Popen([sys.executable, "-c", code, *asked], text=True, **options) as process:
            assert any(line.startswith("C1-first") for line in process.stdout)
            assert any("row C1-second" in line and "%" in line for line in process.stderr)
            process.send_signal(how)
            _, said = process.communicate(timeout=30)
        assert process.returncode == (130 if how == signal.SIGINT else -how)
        assert [row.id for row in ledger.read(tmp_path / "out" / "ledger.json")] == ["C1-first"]
    assert "stopped; the rows printed above are kept" in said
    (tmp_path / "go").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"slow": "slow_experiment"})
    assert cli.main(asked) == 0 and "2 of 2 rows as expected" in capsys.readouterr().out
    assert (tmp_path / "calls").read_text() == "first "
    assert json.loads((tmp_path / "out" / "provenance.json").read_text())["studies read from disk"] == 1
    assert cli.main(asked[:-1]) == 0
    assert (tmp_path / "calls").read_text() == "first first "


def test_version(capsys: Captured) -> None:
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"infoloop \d+\.\d+\.\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_the_terminal(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, command: str | None, width: int
) -> None:
    """Only an example, which is there to be copied, stays in one piece."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert cli.main([command, "--claim", "--help"] if command else []) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = [line for line in lines if line.startswith("    infoloop ")]
    assert len(examples) == (command in ("check", "plan", "shortcut"))
    assert max(len(line) for line in lines if line not in examples) <= width
    assert lines[0].startswith(f"usage: infoloop {command or '[-h]'}") and len(lines) < 90
    assert not any(a == b == "" for a, b in pairwise(lines))


def test_a_terminal_without_the_letters_gets_others(
    fake: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.BytesIO()
    with io.TextIOWrapper(shown, encoding="ascii", write_through=True) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["verify", "--out", str(tmp_path), "--claim", "C2"]) == 0
        print("δ ≠ ψ, 中")
        text = shown.getvalue().decode()
    assert "+ holds holds" in text and "x fails fails" in text and "0.1000+-0.0010" in text
    assert "delta != psi, ?" in text and text.count("?") == 1


def terminal(width: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)


def printed(console: Console) -> str:
    """What was written to such a terminal."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


LONG = "C2-some-name-of-28-characters"
IDS = ["C2-fake", "C2-fake-control", "C2-fake-of-twenty-15", "C1-fake", LONG]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (200, list(verify.COLUMNS)),
        (120, list(verify.COLUMNS)),
        (80, ["predicted", "measured ± error", "slack", "outcome", "time", "unit"]),
        (60, ["measured ± error", "slack", "outcome"]),
        (40, ["measured ± error", "outcome"]),
    ],
)
def test_a_narrow_terminal_gets_the_columns_that_fit(width: int, columns: list[str]) -> None:
    """A line a row, the id of a long name above it; the outcome is there in any case, also one that is not expected."""
    console = terminal(width)
    printer = verify.Printer.on(console, IDS)
    printer.header()
    other = replace(CONTROL, id=LONG, find=lambda settings: at_least(1.0, 0.0, "holds"))
    for check in (CHECK, replace(CONTROL, id=IDS[2]), other):
        printer.row(check.row(Settings()), 1.0)
    lines = printed(console).splitlines()
    assert list(printer.columns) == columns and lines[0].split() == " ".join(["row", *columns]).split()
    assert len(lines) == {80: 5, 60: 5, 40: 6}.get(width, 4) and max(map(len, lines[:-1])) <= width
    assert "✓ holds" in lines[1] and lines[-3 if width < 120 else -2].split().count("✗") == 1
    assert re.search(r"✓ holds +≠ fails", lines[-1]) and lines[-2 if width < 120 else -1].startswith(LONG)


def test_what_is_being_done_is_one_line_of_the_terminal() -> None:
    console = terminal(40)
    with progress.steps(console, "row", 10) as step:
        with step("C2-a"), step("C2-with-a-long-name"):
            pass
        with step("thesis", 8.0, "figure"):
            console.print("printed above")
    shown = re.split(r"\x1b\[[^A-Za-z]*[A-Za-z]|[\r\n]+", printed(console))
    lines = [line.strip("━ ") for line in shown if line.strip("━ ")]
    assert {"0 %: row C2-a, C2-with-a…", "20 %: figure thesis", "100 %: figure thesis", "printed above"} <= set(lines)
    assert all(len(line) <= 40 for line in shown)


@pytest.mark.parametrize(
    ("elapsed", "done", "told"),
    [
        (3, 0.5, ""),
        (60, 0.0, ""),
        (60, 1.0, ""),
        (10, 0.9, ", about 10 s left"),
        (60, 0.5, ", about 60 s left"),
        (100, 0.25, ", about 5 min left"),
    ],
)
def test_what_is_left_is_told_as_roughly_as_it_is_known(elapsed: float, done: float, told: str) -> None:
    assert progress.left(elapsed, done) == told


def test_text_is_wrapped_on_a_terminal_only() -> None:
    text = "    " + "word " * 30 + "no-break-here\n\nend"
    narrow, pipe = terminal(40), Console(file=io.StringIO())
    session.say(narrow, text)
    session.say(pipe, text)
    lines = printed(narrow).splitlines()
    assert len(lines) > 4 and max(map(len, lines)) <= 40 and lines[-2:] == ["", "end"]
    assert all(line.startswith(" " * 8) and line[8] == "w" for line in lines[1:-3]) and "no-break-here" in lines[-3]
    assert printed(pipe).splitlines() == text.splitlines()
