"""`infoloop verify`: what it leaves on disk, its exit status, and how rows are measured."""

import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from queue import Queue
from threading import Barrier, Event

import fake_experiment
import jax
import pytest
from fake_experiment import CHECK, CONTROL, OTHER
from rich.console import Console

import experiments
from experiments import cli
from experiments.harness import catalogue, ledger, verify
from experiments.harness.catalogue import Experiment
from experiments.harness.claim import at_least
from experiments.harness.ledger import Settings
from theory import Estimate

TEXTS = {"ledger.json", "scorecard.json", "report.html", "claims.md", "provenance.json"}


def find_control_by(find, monkeypatch):
    """Instead of the fake's control; without its figures, which take longest."""
    checks = (CHECK, replace(CONTROL, find=find), OTHER)
    monkeypatch.setattr(fake_experiment, "CLAIMS", tuple(replace(check, figure=None) for check in checks))
    monkeypatch.setattr(fake_experiment, "FIGURES", {})


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    """The folder that `infoloop verify` leaves, and what it prints."""
    out, printed = tmp_path_factory.mktemp("evidence"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr(experiments, "EXPERIMENTS", {"fake": fake_experiment.__name__})
        assert cli.main(["verify", "--out", str(out)]) == 0
    return out, printed.getvalue()


def test_verify_writes_the_evidence(evidence):
    folder, out = evidence
    assert re.search(rf"jax .* on cpu × {jax.device_count()};", out.splitlines()[0])
    assert "report.html" in out and "\x1b" not in out
    (control,) = (line.split() for line in out.splitlines() if line.startswith("C2-fake-control"))
    assert " ".join(control[:8]) == "C2-fake-control C2 0.0000 0.1000±0.0010 -0.09497 ✗ fails fails"
    assert control[-3:] == ["nats", "per", "generation"]
    assert re.search(r"\n✓ C1 .* 1 holds\n✓ C2 .* 1 holds, 1 control fails\n\n\d+ s, \d+ CPU seconds, \d+ comp", out)
    assert out.splitlines()[-1] == "3 of 3 rows as expected"
    rows = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == ["C2-fake", "C2-fake-control", "C1-fake"]
    figures = {f"{stem}.{kind}" for stem in fake_experiment.FIGURES for kind in ("png", "svg", "csv")}
    assert {path.name for path in folder.iterdir()} == figures | TEXTS
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert html.count("The caption, on two lines. Its second paragraph.") == 3
    assert json.loads((folder / "provenance.json").read_text())["seed"] == 0


def test_a_row_is_checked_and_drawn_alone(fake, evidence, tmp_path):
    shutil.copytree(evidence[0], tmp_path, dirs_exist_ok=True)
    old = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert cli.main(["verify", "--out", str(tmp_path), "--row", "C2-fake", "--seed", "3"]) == 0
    new = {path.name for path in tmp_path.iterdir() if path.stat().st_mtime_ns != old[path.name]}
    assert new == {"fake.png", "fake.svg", "fake.csv"} | TEXTS
    slacks = {row.id: row.slack for row in ledger.read(tmp_path / "ledger.json")}
    assert slacks["C2-fake"] == 3.25 and slacks["C1-fake"] == 0.25
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<figure ") == 3


def test_all_that_is_named_is_checked(fake):
    for claims, rows in (([], ["C1-fake", "C2-fake"]), (["C1"], ["C2-fake"])):
        (one,) = verify.select(catalogue.load_all(), claims, rows)
        assert [check.id for check in one.checks] == ["C2-fake", "C1-fake"] and set(one.figures) == {"fake", "other"}


def test_only_a_whole_run_drops_rows_that_are_no_more(fake, tmp_path, monkeypatch):
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
        (Estimate(0.0, 1.0, 99), "quick", 0, "2 of 3 rows as expected; 1 open: C2-fake-control"),
        (Estimate(0.0, 1.0, 99), "full", 1, "2 of 3 rows as expected; 1 open: C2-fake-control"),
    ],
)
def test_the_exit_status(fake, tmp_path, capsys, monkeypatch, measured, profile, status, said):
    """1 if a control holds, and in the full profile if a row is open; of what was checked."""
    find_control_by(lambda settings: at_least(measured, 0.0, "s"), monkeypatch)
    asked = ["verify", "--out", str(tmp_path), "--profile", profile]
    assert cli.main(asked) == status
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert (tmp_path / "report.html").exists()
    assert cli.main([*asked, "--row", "C2-fake"]) == 0


def test_over_seeds(fake, tmp_path, capsys, monkeypatch):
    """Simulated rows at each seed, exact ones once; a control that holds at another seed counts."""
    seen = []

    def find(settings):
        seen.append(settings.seed)
        return at_least(Estimate(1.0 if settings.seed == 2 else -1.0, 0.1, 99), 0.0, f"seed {settings.seed}")

    find_control_by(find, monkeypatch)
    assert cli.main(["verify", "--out", str(tmp_path), "--seeds", "3"]) == 1
    outcomes = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))
    assert outcomes == {"C2-fake": ["holds"], "C2-fake-control": ["fails", "fails", "holds"], "C1-fake": ["holds"]}
    assert seen == [0, 1, 2]
    assert ledger.read(tmp_path / "ledger.json")[1].setting == "seed 0"
    assert "1 of 3 rows change their outcome\nC2-fake-control: fails fails holds" in capsys.readouterr().out
    assert "| ✗✗✓ |" in (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert cli.main(["verify", "--out", str(tmp_path), "--seeds", "2", "--claim", "C2"]) == 0


@pytest.mark.parametrize("name", [None, "ledger.json"])
def test_a_full_disk(fake, tmp_path, refused, monkeypatch, name):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr(ledger, "write_atomic", full)
    said = refused("verify", "--out", str(tmp_path))
    assert said == "infoloop: " + f"{name}: " * bool(name) + "no space left on device"


def test_an_error_in_a_figure_names_it(fake, tmp_path, refused, monkeypatch):
    def refuse(settings):
        raise ValueError("nothing to draw")

    monkeypatch.setattr(fake, "FIGURES", {"fake": refuse, "other": refuse})
    said = refused("verify", "--out", str(tmp_path), "--row", "C1-fake")
    assert said == "infoloop: figure other: nothing to draw"
    assert [row.id for row in ledger.read(tmp_path / "ledger.json")] == ["C1-fake"]


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ((CHECK, CHECK), "id: C2-fake, more than once, was given"),
        ((replace(CHECK, figure="none"),), "figure of C2-fake: 'none' was given"),
    ],
)
def test_the_catalogue_is_consistent(fake, monkeypatch, checks, message):
    monkeypatch.setattr(fake, "CLAIMS", checks)
    with pytest.raises(ValueError, match=message):
        catalogue.load_all()


def alone(*finders):
    """A row of an experiment of its own for each."""
    checks = [replace(CHECK, id=f"C2-{i}", find=find, figure=None) for i, find in enumerate(finders)]
    return [Experiment(check.id, "fake_experiment", (check,), (), {}) for check in checks]


def test_experiments_are_measured_from_both_ends_at_once_and_printed_in_order(tmp_path, capsys):
    """The first and the last wait for each other, and the first for the second, which follows the last."""
    both, met, rest = Barrier(2, timeout=20), Event(), Event()

    def first(settings):
        both.wait()
        assert rest.wait(20)
        return at_least(1.0, 0.0, "")

    def second(settings):
        assert met.wait(20)
        rest.set()
        return at_least(2.0, 0.0, "")

    def last(settings):
        both.wait()
        met.set()
        return at_least(3.0, 0.0, "")

    rows, _ = verify.measure(alone(first, second, last), Settings(), tmp_path, Console())
    assert [row.slack for row in rows] == [1, 2, 3] == [row.slack for row in ledger.read(tmp_path / "ledger.json")]
    assert re.findall("C2-[012]", capsys.readouterr().out) == ["C2-0", "C2-1", "C2-2"]


def test_seeds_come_in_order_and_share_what_is_compiled(tmp_path, monkeypatch):
    """Programs go when no other seed of their experiment is waiting, which two threads may both see."""
    released: Queue[None] = Queue()
    monkeypatch.setattr(verify.cost, "release", lambda: released.put(None))

    def find(settings):
        return at_least(Estimate(float(settings.seed), 0.0, 32), -1.0, "")

    chosen = alone(find, find)
    rows, _ = verify.measure(chosen, Settings(), tmp_path, Console())
    released.get(timeout=20), released.get(timeout=20)
    found = verify.other_seeds(chosen, rows, Settings(), 9, Console())
    assert [[row.measured for row in of_seed] for of_seed in found] == [[seed, seed] for seed in range(9)]
    released.get(timeout=20), released.get(timeout=20)
    assert released.qsize() <= 2


def test_after_a_row_that_cannot_be_measured_no_other_begins(tmp_path):
    begun, nan = [], lambda settings: at_least(float("nan"), 0.0, "s")
    checks = [replace(CHECK, id=f"C2-{i}", figure=None, find=begun.append if i else nan) for i in range(3)]
    one = Experiment("fake", "fake_experiment", checks, (), {})
    with pytest.raises(ValueError, match=r"^row C2-0: a side: nan was given"):
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


def test_after_a_kill_it_goes_on_and_says_what_it_is_doing(tmp_path, capsys, monkeypatch):
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
