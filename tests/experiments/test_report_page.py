"""The page in a real browser: a small one, or the one that INFOLOOP_REPORT names, as `.ci/run` does after verify."""

import os
import re
import shlex
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import fake_experiment
import pytest
from axe_playwright_python.sync_playwright import Axe
from fake_experiment import CHECK, CONTROL, STATEMENTS
from playwright.sync_api import expect, sync_playwright

from experiments import cli
from experiments.harness import figures, ledger, report
from experiments.harness.claim import at_least
from experiments.harness.ledger import Settings
from experiments.harness.statements import INSTRUMENT
from theory.estimators import Estimate

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REAL = os.environ.get("INFOLOOP_REPORT")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
MOST_BYTES = 3_000_000
NARROW, WIDE = 360, 1280
SCREENS = pytest.mark.parametrize(("width", "scheme"), [(NARROW, "light"), (WIDE, "dark")])

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium or chromium-browser on this machine")

OPEN = Estimate(0.1, 0.1, 20)


def rows_of_several_claims():
    checks = [
        CHECK,
        CONTROL,
        replace(CHECK, id="C2-estimate", find=CONTROL.find),  # fails: refuted
        first := replace(CHECK, id="C1-fake", statement="A seed tells nothing of I(X;Z_0)"),
        replace(first, id="C1-fake-control", expected="fails", original=first),  # holds: refuted
        replace(CHECK, id="R1-fake", kind="proof", statement="a law"),
        replace(CHECK, id="instrument-fake", find=lambda settings: at_least(OPEN, 0.0, "20 replicas")),
    ]
    return [check.row(Settings()) for check in checks]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    if REAL:
        return Path(REAL).resolve()
    folder = tmp_path_factory.mktemp("report")
    pictures, rows = [], rows_of_several_claims()
    for stem in ("fake", "other"):
        _, picture, _ = figures.save(fake_experiment.draw(Settings()), folder, stem)
        pictures.append(report.Picture(stem, f"The {stem}. In practice: look.", picture))
    ledger.write(folder / "ledger.json", rows)
    report.write(rows, pictures, {"versions": {"jax": "0"}}, folder / "report.html", (*STATEMENTS, INSTRUMENT))
    return folder / "report.html"


@pytest.fixture(scope="module")
def lines(file):
    return report.lines(ledger.read(file.with_name("ledger.json")))


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def load(browser, file):
    """Opens the page in a context of its own; at the end no script has complained, and nothing else was asked for."""
    contexts, said, asked = [], [], []

    def load(hash="", *, width=WIDE, before="", **options):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        if before:
            page.add_init_script(before)
        page.goto(file.as_uri() + hash)
        return page

    yield load
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", file.as_uri()))] == []


def shown(page):
    """The ids of the rows, which the page has in the order of the claims."""
    found = page.eval_on_selector_all("tr.line", "rows => rows.filter(r => r.offsetParent).map(r => r.id)")
    return Counter(found)


def ids(lines):
    return Counter(line.row.id for line in lines)


@SCREENS
def test_it_fits_the_screen(width, scheme, load):
    page = load(width=width, color_scheme=scheme)
    page.eval_on_selector_all("details", "all => all.forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    edges = page.eval_on_selector("tr.line", "row => [...row.cells].filter(c => c.offsetParent).map(c => c.offsetLeft)")
    assert (len(set(edges)) == 1) == (width == NARROW)  # a row is a card, its cells below each other
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(248, 247, 244)"
    assert light == (scheme == "light")


@SCREENS
def test_axe_finds_nothing(width, scheme, load):
    found = Axe().run(load(width=width, color_scheme=scheme), options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_figures_are_drawn_with_text_and_names(load):
    page = load()
    name = "document.getElementById(s.getAttribute('aria-labelledby')).textContent"
    script = f"all => all.map(s => [s.clientWidth, s.querySelector('text') != null, {name}])"
    found = page.eval_on_selector_all(".drawing svg", script)
    assert found and all(width > 200 and text and name for width, text, name in found)
    label = page.locator(".drawing svg text").filter(has_text=re.compile("[a-z]{4}")).first
    label.dblclick()
    assert page.evaluate("getSelection().toString().trim()") in label.text_content()


def test_figures_follow_the_theme(load):
    ink = "getComputedStyle(document.querySelector('.drawing svg text')).fill"
    page = load(color_scheme="dark")
    assert page.evaluate(ink) == "rgb(232, 230, 225)"
    page.select_option("#theme", "light")
    assert page.evaluate(ink) == "rgb(26, 26, 26)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(248, 247, 244)"
    page.reload()
    assert page.input_value("#theme") == "light"


def test_formulas_are_drawn(load):
    boxes = load().eval_on_selector_all("math", "all => all.map(m => [m.clientWidth, m.querySelectorAll('mi').length])")
    assert boxes and all(width > 20 and letters for width, letters in boxes)


def test_each_filter_shows_the_rows_that_it_says(load, lines):
    page = load()
    assert shown(page) == ids(lines)
    for name, value, wanted in (
        ("claim", "C2", lambda line: line.row.claim == "C2"),
        ("kind", "monte-carlo", lambda line: line.row.kind == "monte-carlo"),
        ("outcome", "holds", lambda line: line.row.outcome == "holds"),
        ("outcome", "fails", lambda line: line.row.outcome == "fails"),
        ("outcome", "open", lambda line: any(r.outcome == "open" != r.expected for r in (line.row, *line.controls))),
        ("outcome", "refuted", lambda line: any(row.refuted for row in (line.row, *line.controls))),
    ):
        page.select_option(f"#filters [name={name}]", value)
        expected = [line for line in lines if wanted(line)]
        assert shown(page) == ids(expected)
        controls = f"{sum(len(line.controls) for line in expected)} negative controls"
        assert page.text_content("#shown") == f"{len(expected)} of {len(lines)} rows shown, with {controls}"
        page.click("#filters [type=reset]")
        expect(page.locator("tr.line:visible")).to_have_count(len(lines))


def test_filters_are_put_together_with_words_from_anywhere_in_a_row(load, lines):
    page = load()
    row = lines[0].row
    page.fill("#filters [name=text]", f"{row.setting.split()[0].upper()} {row.id}")
    assert row.id in shown(page) and len(shown(page)) < len(lines)
    page.select_option("#filters [name=claim]", next(line.row.claim for line in lines if line.row.claim != row.claim))
    assert row.id not in shown(page)
    page.fill("#filters [name=text]", "I(X;Z_{t+1})")  # as it is written in the ledger, but not on the page
    page.select_option("#filters [name=claim]", "")
    assert shown(page) >= ids(line for line in lines if "I(X;Z_{t+1})" in line.row.statement)
    assert shown(page) and len(shown(page)) < len(lines)


def test_the_address_holds_the_filters(load, lines):
    page = load("#ledger?claim=C2&kind=monte-carlo")
    some = [line for line in lines if line.row.claim == "C2" and line.row.kind == "monte-carlo"]
    assert shown(page) == ids(some)
    page.fill("#filters [name=text]", "a b")
    address = parse_qs(page.evaluate("location.hash").removeprefix("#ledger?"))
    assert address == {"claim": ["C2"], "kind": ["monte-carlo"], "text": ["a b"]}
    page.click('.facts a[href="#ledger?claim=C1"]')
    others = [line for line in lines if line.row.claim == "C1"]
    expect(page.locator("tr.line:visible")).to_have_count(len(others))
    assert shown(page) == ids(others)
    page.evaluate(f"location.hash = {some[0].row.id!r}")  # a row that the filters hide
    expect(page.locator("tr.line:visible")).to_have_count(len(lines))


@pytest.mark.parametrize("clipboard", ["", "delete Navigator.prototype.clipboard"], ids=["clipboard", "none"])
def test_the_copied_command_runs(clipboard, load, lines, tmp_path, request):
    page = load(before=clipboard)
    field = page.locator("#filters [name=text]")
    field.fill("what was copied before")
    for keys in ("Control+A", "Control+C", "Backspace"):
        field.press(keys)
    page.click(".copy >> nth=0")
    page.wait_for_selector(".copy:text('copied')")
    assert "copied" in page.text_content("#said")
    field.press("Control+V")
    program, *arguments = shlex.split(field.input_value())
    assert program == ".venv/bin/infoloop"
    if not REAL:
        request.getfixturevalue("fake")
    assert cli.main([*arguments, "--out", str(tmp_path)]) == 0
    (row,) = ledger.read(tmp_path / "ledger.json")
    assert row.id == page.evaluate("document.querySelector('tr.line').id")


def test_paper_has_all_rows_and_no_controls(load, lines):
    page = load("#ledger?claim=C2", color_scheme="dark")
    page.emulate_media(media="print")
    assert shown(page) == ids(lines)
    assert not page.locator(".control:visible, nav:visible, summary:visible").count()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(26, 26, 26)"
    assert page.locator("details p:visible").count() == sum(len(line.controls) for line in lines)


def test_without_scripts_all_is_there(load, lines):
    page = load(java_script_enabled=False)
    assert page.locator("tr.line:visible").count() == len(lines) and page.locator("figure svg:visible").count()
    assert not page.locator(".control:visible").count()


def test_a_reader_sees_where_she_is(load):
    page = load()
    page.evaluate("location.hash = 'C2'")
    page.wait_for_selector('nav a[href="#C2"][aria-current]')
    assert page.locator("nav [aria-current]").count() == 1


def test_it_is_small(file):
    assert file.stat().st_size < MOST_BYTES
