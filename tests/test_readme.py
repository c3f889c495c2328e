"""What the README shows is what its code prints, and what it names is there."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from experiments import cli, statements, summary, verify

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)]


EXAMPLES = re.findall(r"```python\n(.*?)```\s*prints\s*```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("code", "shown"),
    [EXAMPLES[0], *(pytest.param(*example, marks=pytest.mark.slow) for example in EXAMPLES[1:])],
    ids=["closed", "open", "signal", "race"],
)
def test_the_examples_print_what_is_printed_below_them(code, shown):
    """Words to the letter; shares of models within 4 points, at least five standard errors of 2000 loops."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    words = [re.sub(r" *[\d.]+", "#", text.rstrip()) for text in (printed.getvalue(), shown)]
    assert words[0] == words[1]
    exact = [[n for n in _numbers(re.sub(r"\d+%", "", text))] for text in (printed.getvalue(), shown)]
    assert exact[0] == exact[1]
    shares = [[int(n) for n in re.findall(r"(\d+)%", text)] for text in (printed.getvalue(), shown)]
    np.testing.assert_allclose(shares[0], shares[1], atol=4)


def test_both_screens_are_those_of_the_commands(capsys):
    """What `infoloop check` and `infoloop plan` print, to the letter."""
    commands = re.findall(r"```sh\n\.venv/bin/infoloop (check|plan) (.*?)\n```.*?```text\n(.*?)```", README, re.DOTALL)
    assert [name for name, _, _ in commands] == ["check", "plan"]
    for name, arguments, shown in commands:
        assert cli.main([name, *shlex.split(arguments)]) == 0
        assert capsys.readouterr().out.rstrip() == shown.rstrip()


def test_named_files_and_tests_exist():
    for name in re.findall(r"`((?:tests|experiments|notebooks|sandbox|theory)/[\w./]+\.\w+)(?:::(\w+))?`", README):
        file, test = name
        text = (ROOT / file).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in text


def test_the_table_of_claims_is_that_of_the_catalogue():
    """As `infoloop verify` writes it to claims.md where all is as expected: verdicts, tests, figures, commands."""
    shown = re.search(r"<!-- claims: .*? -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert shown and shown[1] == summary.markdown([entry.check for entry in verify.catalogue()])


def test_the_screen_shown_is_that_of_verify():
    """The first rows are those of the ledger, the last lines those of `summary.screen`, the counts those of both."""
    entries = verify.catalogue()
    (shown,) = re.findall(r"```text\n(infoloop \d.*?)```", README, re.DOTALL)
    rows, last = shown.split("...\n")
    ids = re.findall(r"^([CFLR]\d+-[\w-]*) ", rows, re.MULTILINE)
    assert ids == [entry.check.id for entry in entries[: len(ids)]]
    assert last.strip().splitlines()[: len(statements.STATEMENTS)] == summary.screen([e.check for e in entries], 100)
    assert f"{len(entries)} of {len(entries)} rows as expected" in last
    figures = {stem for entry in entries for stem in entry.figures}
    assert f"{len(figures)} figures" in last


def test_every_figure_and_claim_has_a_statement():
    entries = verify.catalogue()
    assert {entry.check.claim for entry in entries} == {statement.id for statement in statements.STATEMENTS}
    told = {stem for statement in statements.STATEMENTS for stem in statement.figures}
    assert told == {stem for entry in entries for stem in entry.figures}
    for statement in statements.STATEMENTS:
        name, _, test = statement.test.partition("::")
        assert not test or f"def {test}(" in (ROOT / name).read_text(encoding="utf-8")
        assert (ROOT / name).is_file()
