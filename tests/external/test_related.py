"""The page of related work names tests that are there, and every test stands on it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "related.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*_papers.py"))


def test_tests_and_page_name_each_other():
    assert set(re.findall(r"`(test_\w+)`", PAGE)) == set(re.findall(r"^def (test_\w+)\(", TESTS, re.MULTILINE))


def test_every_source_of_a_test_stands_on_the_page():
    number = r"\d{4}\.\d{5}"
    assert not set(re.findall(f"arXiv:({number})", TESTS)) - set(re.findall(number, PAGE))
