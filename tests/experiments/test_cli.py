import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event
from types import ModuleType

import fake_experiment
import pytest
from fake_experiment import CHECK, OTHER, TWIN
from rich.console import Console

from experiments import cli, ledger, verify
from experiments.ledger import Outcome, Settings, inequality

Captured = pytest.CaptureFixture[str]


def measure_twin_by(measure: Callable[[Settings], Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_experiment, "CHECKS", (CHECK, replace(TWIN, measure=measure), OTHER))


def one_line(capsys: Captured) -> str:
    """What was said on stderr: one line."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("infoloop: ")
    return line


@pytest.mark.parametrize("arguments", [["--help"], [], ["verify", "--help"], ["list"], ["--version"]])
def test_nothing_heavy_is_imported_before_a_command_runs(arguments: list[str]) -> None:
    code = (
        "import sys; from experiments import cli\n"
        f"try: cli.main({arguments})\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'jax', 'matplotlib', 'xarray', 'scipy', 'numpy', 'sandbox', 'theory'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_verify_writes_the_evidence(fake: ModuleType, tmp_path: Path, capsys: Captured) -> None:
    assert cli.main(["verify", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "jax" in out.splitlines()[0] and " on cpu × 2" in out.splitlines()[0]
    assert "3 of 3 rows as expected" in out and "report.html" in out and "\x1b" not in out
    rows = json.loads((tmp_path / "ledger.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == ["C2-fake", "C2-fake-twin", "C1-fake"]
    figures = {f"{stem}.{kind}" for stem in ("fake", "other", "third") for kind in ("png", "svg")}
    texts = {"ledger.json", "report.html", "provenance.json"}
    assert {path.name for path in tmp_path.iterdir()} == figures | texts
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.count("<figcaption>The caption, on two lines. Its second paragraph.</figcaption>") == 3
    assert json.loads((tmp_path / "provenance.json").read_text())["seed"] == 0


def test_a_row_is_checked_and_drawn_alone(fake: ModuleType, tmp_path: Path) -> None:
    assert cli.main(["verify", "--out", str(tmp_path)]) == 0
    old = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert cli.main(["verify", "--out", str(tmp_path), "--row", "C2-fake", "--seed", "3"]) == 0
    new = {path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns != old[path.name]}
    assert new == {"fake.png", "fake.svg", "ledger.json", "report.html", "provenance.json"}
    slacks = {row.id: row.slack for row in ledger.read(tmp_path / "ledger.json")}
    assert slacks["C2-fake"] == 3.25 and slacks["C1-fake"] == 0.25
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<figure ") == 3


def test_a_claim_is_checked_alone(fake: ModuleType, tmp_path: Path) -> None:
    assert cli.main(["verify", "--out", str(tmp_path), "--claim", "C2"]) == 0
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C2-fake", "C2-fake-twin"]
    assert not (tmp_path / "other.png").exists()


def test_only_a_whole_run_drops_rows_that_are_no_more(fake: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    gone = ledger.Row.of(replace(CHECK, id="gone"), CHECK.measure(Settings()))
    ledger.update(path, gone)
    assert cli.main(["verify", "--out", str(tmp_path), "--claim", "C1"]) == 0
    assert [row.id for row in ledger.read(path)] == ["C1-fake", "gone"]
    assert cli.main(["verify", "--out", str(tmp_path)]) == 0
    assert [row.id for row in ledger.read(path)] == ["C2-fake", "C2-fake-twin", "C1-fake"]


def test_an_unexpected_verdict_is_exit_1(
    fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_twin_by(lambda settings: inequality(1.0, setting="a twin that holds"), monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path)]) == 1
    assert "1 not: C2-fake-twin (holds, not fails)" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()
    assert cli.main(["verify", "--out", str(tmp_path), "--row", "C2-fake"]) == 0  # only what was checked counts


def test_a_mistyped_row_is_told_the_nearest(capsys: Captured) -> None:
    """Of the more than hundred rows the one that was meant comes first, in a line that fits a screen."""
    assert cli.main(["verify", "--row", "C2-mixtur"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("infoloop: --row is 'C2-mixtur'; accepted: C2-mixture, ")
    assert message.endswith(" others, in the ledger\n") and len(message) < 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--row", "C3-x"], "--row is 'C3-x'; accepted: C2-fake, C2-fake-twin, C1-fake"),
        (["verify", "--claim", "C9"], "--claim is 'C9'; accepted: C2, C1"),
        (["verify", "--claim", "C1", "--row", "C2-fake"], "--row is 'C2-fake'; accepted: C1-fake"),
        (["verify", "--seed", "-1"], "seed is -1; accepted"),
        (["run", "nothing"], "NAME is 'nothing'; accepted: fake, fake-data"),
        (["run", "fake", "--data", "x.csv"], "--data is given, but fake takes none"),
        (["run", "fake-data", "--data", "no/such.csv"], "--data is no/such.csv, which is not a file"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    fake: ModuleType, capsys: Captured, arguments: list[str], message: str
) -> None:
    assert cli.main(arguments) == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize("arguments", [["verify"], ["run", "fake"], ["bench"]])
def test_a_folder_that_cannot_be_written(
    fake: ModuleType, tmp_path: Path, capsys: Captured, arguments: list[str]
) -> None:
    (tmp_path / "file").touch()
    assert cli.main([*arguments, "--out", str(tmp_path / "file" / "out")]) == 2
    assert "not a directory" in one_line(capsys)


def test_a_wrong_option_is_exit_2(fake: ModuleType) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["verify", "--profile", "slow"])
    assert end.value.code == 2


def test_an_error_in_a_row_names_it(
    fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure_twin_by(lambda settings: inequality(float("nan"), setting="n\n= 0"), monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path)]) == 2
    assert "row C2-fake-twin: slack is nan" in one_line(capsys)
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C2-fake"]


def test_ctrl_c_keeps_what_was_done(
    fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(settings: Settings) -> Outcome:
        raise KeyboardInterrupt

    measure_twin_by(stop, monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path)]) == 130
    assert "are kept in" in one_line(capsys)
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C2-fake"]


def test_list_marks_what_takes_data(fake: ModuleType, capsys: Captured) -> None:
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().out == "fake\n    a fake\nfake-data  [--data FILE]\n    takes data\n"


def test_run_passes_its_options_on(fake: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("1,2\n")
    assert cli.main(["run", "fake-data", "--data", "x.csv", "--seed", "4", "--profile", "full", "--resume"]) == 0
    assert cli.main(["run", "fake"]) == 0
    first, second = fake.CALLS
    out = Path("runs/fake-data")
    assert first == {"settings": Settings("full", 4), "data": Path("x.csv"), "resume": True, "out": out}
    assert second == {"settings": Settings(), "data": None, "resume": False, "out": Path("runs/fake")}
    assert out.is_dir()


def test_run_stopped(fake: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fake, "run", stop)
    assert cli.main(["run", "fake", "--out", str(tmp_path)]) == 130
    assert "--resume goes on" in one_line(capsys)


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
        ((CHECK, CHECK), "id C2-fake is used more than once"),
        ((TWIN,), "twin_of of C2-fake-twin"),
        ((replace(CHECK, figure="none"),), "figure of C2-fake is 'none'"),
        ((CHECK, TWIN, replace(TWIN, id="twin-of-twin", twin_of="C2-fake-twin"), OTHER), "twin_of of twin-of-twin"),
    ],
)
def test_the_catalogue_is_consistent(
    fake: ModuleType, monkeypatch: pytest.MonkeyPatch, checks: tuple, message: str
) -> None:
    monkeypatch.setattr(fake, "CHECKS", checks)
    with pytest.raises(ValueError, match=message):
        verify.catalogue()


def entries(*measures: Callable[[Settings], Outcome]) -> list[verify.Entry]:
    """A row of an experiment of its own for each."""
    checks = (replace(CHECK, id=f"C2-{i}", measure=measure, figure=None) for i, measure in enumerate(measures))
    return [verify.Entry(check, {}) for check in checks]


def test_two_experiments_are_measured_at_once_and_printed_in_order(tmp_path: Path, capsys: Captured) -> None:
    """Each waits for the other, and the first one is then the slower."""
    both, first_may = Barrier(2, timeout=20), Event()

    def first(settings: Settings) -> Outcome:
        both.wait()
        assert first_may.wait(20)
        return inequality(1.0, setting="first")

    def second(settings: Settings) -> Outcome:
        both.wait()
        first_may.set()
        return inequality(2.0, setting="second")

    rows = verify.check(entries(first, second), Settings(), tmp_path, Console())
    assert [row.slack for row in rows] == [1.0, 2.0] == [row.slack for row in ledger.read(tmp_path / "ledger.json")]
    shown = capsys.readouterr().out
    assert shown.index("C2-0") < shown.index("C2-1")


def test_after_a_row_that_cannot_be_measured_no_other_begins(tmp_path: Path) -> None:
    begun = []

    def refuse(settings: Settings) -> Outcome:
        raise ValueError("no")

    figures: dict = {}
    checks = [replace(CHECK, id=f"C2-{i}", figure=None, measure=refuse if i == 0 else begun.append) for i in range(3)]
    with pytest.raises(ValueError, match=r"^row C2-0: no$"):
        verify.check([verify.Entry(check, figures) for check in checks], Settings(), tmp_path, Console())
    assert not begun and not ledger.read(tmp_path / "ledger.json")
