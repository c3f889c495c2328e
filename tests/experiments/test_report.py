import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from fake_experiment import CHECK, TWIN

from experiments import report
from experiments.ledger import Row, Settings

ROWS = [Row.of(check, check.measure(Settings())) for check in (replace(CHECK, id="first"), CHECK, TWIN)]
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text>axis</text></svg>'


def page(tmp_path: Path, rows: list[Row] = ROWS, provenance: dict | None = None) -> str:
    (tmp_path / "fig.svg").write_text(SVG)
    picture = report.Picture("fig", 'a "caption" <b>', tmp_path / "fig.svg")
    report.write(rows, [picture], provenance or {"seed": 3, "commit": None}, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Balanced(HTMLParser):
    """Every tag that opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_row_is_there_with_its_verdict_in_words(tmp_path: Path) -> None:
    html = page(tmp_path)
    for row in ROWS:
        assert f"<code>{row.command}</code>" in html
    assert html.count("✓ holds") == 2 and html.count("✗ fails") == 1
    assert "3 of 3 rows as expected" in html and "nats per generation" in html and "0.1000±0.0010" in html


def test_everything_is_escaped(tmp_path: Path) -> None:
    html = page(tmp_path)
    assert "<script" not in html and "&lt;script&gt;" in html
    assert 'alt="a &quot;caption&quot; &lt;b&gt;"' in html and "n = 10 &amp; all t" in html
    parser = Balanced()
    parser.feed(html)
    assert not parser.open


def test_nothing_is_fetched(tmp_path: Path) -> None:
    html = page(tmp_path)
    sources = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', html)
    ((data, _),) = sources
    assert base64.b64decode(data.removeprefix("data:image/svg+xml;base64,")).decode() == SVG


def test_a_twin_stands_beside_its_row() -> None:
    lonely = replace(ROWS[0], id="lonely", twin_of="gone")
    mixed = [ROWS[2], ROWS[0], lonely, ROWS[1]]
    assert [row.id for row in report.order(mixed)] == ["first", "lonely", "C2-fake", "C2-fake-twin"]


def test_provenance_is_flat(tmp_path: Path) -> None:
    html = page(tmp_path, provenance={"versions": {"jax": "0.10.2"}, "commit": None, "num_devices": 2})
    assert "<dt>versions jax</dt><dd>0.10.2</dd>" in html
    assert "<dt>commit</dt><dd>unknown</dd>" in html and "<dt>num devices</dt><dd>2</dd>" in html


def test_a_page_without_rows_or_figures(tmp_path: Path) -> None:
    report.write([], [], {}, tmp_path / "report.html")
    assert "0 of 0 rows" in (tmp_path / "report.html").read_text(encoding="utf-8")
