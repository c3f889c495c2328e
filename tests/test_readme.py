"""What the README shows is what its code prints, and what it names is there."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from experiments import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes longer."""


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)]


EXAMPLES = re.findall(r"```python\n(.*?)```\s*prints\s*```text\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("code", "shown"),
    [EXAMPLES[0], *(pytest.param(*example, marks=pytest.mark.slow) for example in EXAMPLES[1:])],
    ids=["closed", "open", "results", "signal", "race"],
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
