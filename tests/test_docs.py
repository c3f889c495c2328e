"""What the page on logs shows is what its commands print."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from experiments import cli

PAGE = (Path(__file__).parents[1] / "docs/your-own-logs.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_page_on_logs_prints_what_it_shows(tmp_path, monkeypatch):
    """Each text stands, to the letter, in what the command above it prints."""
    monkeypatch.chdir(tmp_path)
    printed, texts = "", 0
    for language, code in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL):
        if language == "python":
            exec(compile(code, "your-own-logs.md", "exec"), {})
        elif language == "sh":
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                assert cli.main(shlex.split(code)[1:]) == 0
            printed = shown.getvalue()
        else:
            assert code.strip("\n") in printed
            texts += 1
    assert texts == 5
    for number in (".44 of cases", ".18 of all"):
        assert number in " ".join(PAGE.split())
