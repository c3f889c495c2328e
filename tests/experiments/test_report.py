import base64
import hashlib
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest
from fake_experiment import CHECK, CONTROL, STATEMENTS
from markupsafe import escape

from experiments.harness import catalogue, report
from experiments.harness import figures as plots
from experiments.harness.claim import at_least, at_most, equal
from experiments.harness.cost import Cost
from experiments.harness.ledger import Settings
from experiments.harness.report import svg
from experiments.harness.statements import INSTRUMENT
from theory.estimators import Estimate

CHECKS = replace(CHECK, id="C2-first"), CHECK, CONTROL
ROWS = [replace(check, figure="fig").row(Settings()) for check in CHECKS]
STATEMENT = STATEMENTS[0]
CAPTION = 'a "caption" <b> of Z_t. In practice: do it.'
VOID = ("meta", "br", "wbr", "input")


@pytest.fixture(scope="module")
def figure(tmp_path_factory):
    """A figure with text, markers, a legend, a grid, coloured text and clipped lines; the data is a test of its own."""
    folder = tmp_path_factory.mktemp("figure")
    with plots.style():
        fig, ax = plots.figure()
        line = plots.band(ax, [0, 1, 2], [1.0, 0.5, 1 / 3], [0.1, 0.1, 0.1], label="simulated")
        ax.plot([0, 1, 2], [0.2, 0.4, 0.6], "o-", label="exact & <sure>")
        ax.set(xlabel="generation t", ylabel="I(X;Z_t) [nats]")
        ax.legend()
        plots.direct_labels(ax, {"label": line})
        plots.save(fig, folder, "fig")
    (folder / "fig.csv").unlink(missing_ok=True)
    return folder / "fig.svg"


@pytest.fixture
def page(tmp_path, figure):
    def page(rows=ROWS, provenance=None, figure=figure):
        pictures, file = [report.Picture("fig", CAPTION, figure)], tmp_path / "report.html"
        report.write(rows, pictures, provenance or {"seed": 0, "commit": None}, file, (STATEMENT, INSTRUMENT))
        return file.read_text(encoding="utf-8")

    return page


@pytest.fixture(scope="module")
def inline(figure):
    """The figure in the page."""
    return svg.inline(figure.read_text(encoding="utf-8"), "fig", "caption-fig")


class Balanced(HTMLParser):
    """Every tag that opens closes, and no two elements have one id."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_row_is_there_with_its_outcome_in_words(page):
    html = page()
    for row in ROWS:
        assert f"<code>{row.command}</code>" in html and f'data-copy=".venv/bin/{row.command}"' in html
    outcomes = re.findall(r'aria-hidden="true">(.)</span> (\w+)</span>', html)
    assert outcomes == [("✓", "holds"), ("✓", "holds"), ("✗", "fails")]
    assert "nats per generation" in html and html.count("2 hold, 1 control fails") == 3  # above, overview, claim
    assert "1 claim in 3 rows: 2 hold, 1 control fails." in html and "as expected" not in html


def test_what_is_refuted_says_so_and_what_is_open_is_no_failure(page):
    html = page([ROWS[0], replace(ROWS[1], outcome="open"), replace(ROWS[2], outcome="holds")])
    assert re.findall('<strong class="alarm">(.*?)</strong>', html) == ["must not hold"]
    assert html.count("1 holds, 1 open, 1 refuted") == 3 and 'data-outcomes="open refuted"' in html
    html = page([replace(ROWS[0], outcome="fails"), ROWS[1], replace(ROWS[2], outcome="open")])
    assert re.findall('<strong class="alarm">(.*?)</strong>', html) == ["refuted"]
    assert 'data-outcomes="fails refuted"' in html and 'data-outcomes="holds open"' in html


def test_numbers_have_errors_and_brackets(page):
    html = page([replace(ROWS[0], measured=0.1, stderr=1e-3, lower=-0.5)])
    assert "0.1000<wbr>±0.0010<br><small>ends -0.5 and —</small>" in html


def test_everything_is_escaped_and_links_lead_somewhere(page):
    html = page(provenance={"device": "<cpu>"})
    assert html.count("<script") == 1 and "&lt;script&gt;" in html
    for text in ('a "caption" <b>', "n = 10 & all t", "A <loop> forgets", "A & B (2026)"):
        assert escape(text) in html
    parser = Balanced()
    parser.feed(html)
    assert not parser.open and len(parser.ids) == len(set(parser.ids))
    assert set(re.findall(r'href="#([^"]*)"', html)) <= {*parser.ids}
    assert 'href="#ledger?claim=C2"' in html


def test_nothing_is_fetched(page):
    html = page()
    assert {found[:1] for found in re.findall(r'(?:src|href|action)="([^"]*)"', html)} == {"#"}
    assert all(found.startswith("#") for found in re.findall(r"url\(([^)]*)\)", html)) and "@import" not in html
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in policy or "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy


def test_a_control_stands_beside_its_row():
    lonely = replace(ROWS[0], id="lonely", control_of="gone")
    mixed = [ROWS[2], ROWS[0], lonely, ROWS[1]]
    found = [(line.row.id, [control.id for control in line.controls]) for line in report.lines(mixed)]
    assert found == [("C2-first", []), ("lonely", []), ("C2-fake", ["C2-fake-control"])]


def test_claims_stand_in_the_order_of_the_statements(tmp_path):
    pictures = [report.Picture(stem, "", tmp_path) for stem in ("lost", "fig", "unknown")]
    rows = [replace(ROWS[0], id="L1-a", claim="L1", figure="lost"), *ROWS]
    found = report.claims(rows, pictures, (STATEMENT._replace(id="C1"), STATEMENT, STATEMENT._replace(id="C3")))
    assert [(claim.id, len(claim.lines), [p.stem for p in claim.pictures], claim.elsewhere) for claim in found] == [
        ("C1", 0, [], []),
        ("C2", 2, ["fig"], []),
        ("C3", 0, [], []),
        ("L1", 1, [], ["lost"]),  # no section is about it, so that its figure stands with the others
    ]
    later = [replace(ROWS[0], id="C1-a", claim="C1", figure="fig"), *ROWS]
    first, second, _ = report.claims(later, pictures, (STATEMENT, STATEMENT._replace(id="C1"), INSTRUMENT))
    assert [p.stem for p in first.pictures] == ["fig"] == second.elsewhere  # a figure stands in the page once


def test_the_instrument_opens_the_appendix_and_does_not_count(page):
    html = page([*ROWS, replace(ROWS[0], id="instrument-a", claim="instrument", figure=None)])
    assert "1 claim in 3 rows" in html and html.count('<tr id="instrument-a"') == 1
    overview, after = html.split('<section id="claims">')
    assert '<section id="instrument"' not in overview and INSTRUMENT.title not in overview.split('id="ledger"')[0]
    claims, appendix = after.split('<section id="appendix">')
    assert re.match(r'\s*<h2>[^<]*</h2>\s*<section id="instrument"', appendix) and 'id="C2"' in claims


def test_the_words_of_the_statement_and_of_the_caption(page):
    html = page()
    assert "I(X;Z<sub>t+1</sub>) &amp; more" in html and "Do &amp; don&#39;t." in html and "The &lt;rate&gt;." in html
    assert "<b>In practice</b> <span>do it.</span>" in html
    assert "of Z<sub>t</sub>.</p>" in html and "tests/test_a.py::test_b" in html
    assert "infoloop verify --claim C2" in html


@pytest.mark.parametrize(
    ("text", "typeset"),
    [
        ("I(X;Z_{t+1}|Z_0)", "I(X;Z<sub>t+1</sub>|Z<sub>0</sub>)"),
        ("π_0 e^{tr}/Z_∞, σ_x²", "π<sub>0</sub> e<sup>tr</sup>/Z<sub>∞</sub>, σ<sub>x</sub>²"),
        ("prior × e^saving < 1", "prior × e<sup>saving</sup> &lt; 1"),
        ("test_claims.py and num_steps", "test_claims.py and num_steps"),
        ("see `infoloop check`, <b>", "see <code>infoloop check</code>, &lt;b&gt;"),
    ],
)
def test_plain_text_is_typeset(text, typeset):
    assert report.typeset(text) == typeset


def test_formulas_are_mathml():
    assert '<mi>ln</mi><mspace width="0.167em"/><mi>c</mi>' in report.formula(STATEMENT.formula)
    for statement in (s for one in catalogue.load_all() for s in one.statements if s.formula):
        math_ml = report.formula(statement.formula)
        ElementTree.fromstring(math_ml)
        assert "\\" not in math_ml and "merror" not in math_ml, statement.id


def test_bars_reach_as_far_as_the_order_of_magnitude():
    assert report.reach(0.0) == 0 and report.reach(-1e-30) == 0 and report.reach(-1e9) == 1
    assert math.isclose(report.reach(1e3), 1) and math.isclose(report.reach(-(10**-6.5)), 0.5)


def test_commands_say_what_was_run(page):
    assert report.options({"profile": "quick", "seed": 0}) == report.options({}) == ""
    assert "--row C2-first --profile full --seed 3</code>" in page(provenance={"profile": "full", "seed": 3})


def test_data_of_a_figure_is_in_the_page_where_there_is_a_file(page, figure, tmp_path):
    assert "data:" not in page().replace("img-src data:", "")
    picture = report.Picture("fig", CAPTION, Path(shutil.copy(figure, tmp_path)))
    assert picture.data() is None
    (tmp_path / "fig.csv").write_text('t,"I, <nats>"\n0,1.5\n', encoding="utf-8")
    data = str(picture.data())
    assert unquote(data.partition(",")[2]) == 't,"I, <nats>"\n0,1.5\n' and not re.search(r'["<>\s]', data)
    assert f'<a download="fig.csv" href="{data}">' in page(figure=picture.svg)


def test_provenance_is_flat(page):
    html = page(provenance={"versions": {"jax": "0.10.2"}, "commit": None, "num_devices": 2})
    assert "<dt>versions jax</dt><dd>0.10.2</dd>" in html
    assert "<dt>commit</dt><dd>unknown</dd>" in html and "<dt>num devices</dt><dd>2</dd>" in html
    html = page(provenance=Cost(1.0, 2.0, 3, 4, 5.0).fields())
    for name, value in (("cpu time", "2.0 s"), ("compilations", "3, and 4 read"), ("peak memory", "5.00 GB")):
        assert f"<dt>{name}</dt><dd>{value}" in html


def test_a_page_without_rows_or_figures(tmp_path):
    report.write([], [], {}, tmp_path / "report.html", STATEMENTS)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "no claim was checked" in html and html.count("not in this ledger") == len(STATEMENTS)


class TestFigure:
    """What `svg.inline` makes of a figure."""

    def test_text_stays_text_and_has_a_name(self, inline):
        root = ElementTree.fromstring(inline)
        texts = ["".join(text.itertext()) for text in root.iter("text")]
        assert {"generation t", "I(X;Z_t) [nats]", "simulated", "exact & <sure>", "label"} <= set(texts)
        assert root.get("role") == "img" and root.get("aria-labelledby") == "caption-fig"
        assert not {"metadata", "width"} & {*root.attrib, *(child.tag for child in root)}
        assert [element.tag for element in root.iter()].count("style") == 1  # not matplotlib's, for the whole page
        assert root.get("viewBox", "").startswith("0 0 374.4 280.8") and "--width:499px" in root.get("style", "")

    def test_references_are_kept_and_named_by_the_stem(self, inline):
        ids = set(re.findall(r' id="([^"]*)"', inline))
        used = set(re.findall(r'(?:href="|url\()#([^")]*)', inline))
        assert used and used | {"fig-svg"} == ids and all(id.startswith("fig-") for id in ids)

    def test_colours_are_the_themes(self, inline):
        used = set(re.findall(r"var\(--(\w+)\)", inline))
        assert used == {"ink", "grey", "grid", "paper", "blue", "vermillion"}
        assert not re.search("#[0-9a-f]{6}", inline)
        style = (Path(report.__file__).parent / "page.css").read_text(encoding="utf-8")
        for color, name in svg.COLORS.items():
            assert f"--{name}: light-dark({color.lower()}, #" in style, name

    def test_what_stands_on_a_map_of_colours_follows_no_theme(self, tmp_path):
        with plots.style():
            fig, ax = plots.figure()
            ax.imshow(np.arange(4.0).reshape(2, 2))
            ax.text(0, 0, "on dark", color=plots.LIGHT)
            ax.text(1, 1, "on light", color=plots.DARK)
            plots.save(fig, tmp_path, "map")
        inline = svg.inline((tmp_path / "map.svg").read_text(encoding="utf-8"), "map", "caption")
        assert f"fill:{plots.LIGHT.lower()}" in inline and f"fill:{plots.DARK}" in inline
        assert 'href="data:image/png;base64,iVBOR' in inline and "scale(1 -1)" in inline

    def test_numbers_are_rounded_but_scales_are_not(self):
        text = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10.123456 20"><g id="axes_1"><g>'
            '<path d="M 0.123456 -0.001 \nL 10.5 -3.14159 \n" transform="scale(0.015625)" style="stroke-width: 0.8"/>'
            '</g><text transform="rotate(-0 1 2)" x="1.01">a</text><text transform="rotate(-90 1 2)">b</text></g></svg>'
        )
        inline = svg.inline(text, "s", "caption")
        assert 'd="M.12 0L10.5 -3.14"' in inline and "scale(0.015625)" in inline and "stroke-width:.8" in inline
        assert "rotate(-0" not in inline and "rotate(-90 1 2)" in inline and "<g" not in inline

    @pytest.mark.parametrize("text", ["no svg", "<svg/>", '<svg viewBox="0 0 1"/>'])
    def test_what_is_no_figure_is_refused(self, text):
        with pytest.raises(ValueError, match=r"svg of fig: .* was given; accepted: what figures\.save writes"):
            svg.inline(text, "fig", "caption")


def test_a_bound_is_told_from_a_prediction():
    estimate = Estimate(1.2, 0.2, 20)
    found = at_least(1.5, 1.0, ""), at_most(1.5, 1.0, ""), equal(estimate, 1.0, ""), at_least(estimate, 1.0, "")
    rows = [replace(CHECK, find=lambda settings, one=one: one).row(Settings()) for one in found]
    assert [report.relation(row) for row in rows] == ["≥", "≤", "=", "≥"]
    assert report.relation(replace(rows[0], predicted=None)) == "="
