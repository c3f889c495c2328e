"""A claim, its negative control and its figure are one file of at most 90 lines, and one line in EXPERIMENTS."""

import json
import sys
from pathlib import Path

import experiments
from experiments import cli

FILE = Path(__file__).parent / "diversity.py"


def test_a_newcomer_adds_a_claim(tmp_path, monkeypatch, capsys):
    """In a package that knows nothing of it; the row comes out, on the page, in claims.md and as a picture."""
    source = FILE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 90
    package = tmp_path / "newcomers"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "diversity.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"diversity": "newcomers.diversity"})  # the one line

    out = tmp_path / "out"
    assert cli.main(["verify", "--claim", "A1", "--out", str(out)]) == 0
    sys.modules.pop("newcomers.diversity")
    assert capsys.readouterr().out.endswith("2 of 2 rows as expected\n")
    row, control = json.loads((out / "ledger.json").read_text(encoding="utf-8"))
    assert row["verdict"] == "holds" and row["kind"] == "monte-carlo" and row["setting"].endswith("the worst of 31")
    assert control["verdict"] == "fails" and control["twin_of"] == "A1-diversity"
    assert "A1-diversity-control" in (out / "claims.md").read_text(encoding="utf-8")
    assert "A closed loop loses the share 1/n" in (out / "report.html").read_text(encoding="utf-8")
    assert (out / "diversity.png").stat().st_size > 10_000
    assert cli.main(["list"]) == 0
    assert capsys.readouterr().out == "diversity\n    How fast diversity falls in a closed loop\n"
