"""Every way of writing a table is read as what it is, said in a line, or refused in one that names the place."""

import gzip
import itertools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from experiments.questions import tables

NAN, LABELS = float("nan"), ("verdict", "truth")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A file without an ending, as the content decides."""
    monkeypatch.chdir(tmp_path)

    def write(content):
        Path("x").write_bytes(content if isinstance(content, bytes) else content.encode())
        return Path("x")

    return write


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        ("x,y\n1,2\n3,4\n", {"x": [1, 3], "y": [2, 4]}, "header x,y, separated by commas"),
        ("1\t2\n3\t4", {"1": [1, 3], "2": [2, 4]}, "no header, separated by tabs"),
        ("x;y\n1,5;2\n", {"x": [1.5], "y": [2]}, "header x,y, separated by semicolons, decimal commas"),
        ("sep=;\nx;y\n1;2\n", {"x": [1], "y": [2]}, "header x,y, separated by semicolons"),
        ("1|2\n3|4\n", {"1": [1, 3], "2": [2, 4]}, "no header, separated by bars"),
        ("  1   2 \n 3\t4\n", {"1": [1, 3], "2": [2, 4]}, "no header, separated by blanks"),
        ("1,5 2\n2,5 3\n", {"1": [1.5, 2.5], "2": [2, 3]}, "no header, separated by blanks, decimal commas"),
        ('"1,5","2"\n', {"1": [1.5], "2": [2]}, "no header, separated by commas, decimal commas"),
        ("x\n1,5\n2,5\n", {"x": [1.5, 2.5]}, "header x, decimal commas"),
        ("x,y\n1,5\n", {"x": [1], "y": [5]}, "header x,y, separated by commas"),
        ("1, 5\n2, 5\n", {"1": [1, 2], "2": [5, 5]}, "no header, separated by commas"),
        ("5\n\n6\n", {"1": [5, 6]}, "no header"),
        ("2019,2020\n1.5,2\n", {"1": [2019, 1.5], "2": [2020, 2]}, "no header, separated by commas"),
        ("# of May\nx y\n#1 2\n3 4\n", {"x": [3], "y": [4]}, "header x,y, separated by blanks, without 2 comments"),
        ("\ufeffx,y\r\n1,2\r\n\r\n", {"x": [1], "y": [2]}, "header x,y, separated by commas"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0), {"x": [1], "y": [2]}, "header x,y, separated by commas"),
        ("x,y\n1,NA\n,2\n", {"x": [1, NAN], "y": [NAN, 2]}, "header x,y, separated by commas; missing: 1 in x, 1 in y"),
        ("1.5,2,\n3,4,\n", {"1": [1.5, 3], "2": [2, 4]}, "no header, separated by commas"),
        (",x\n0,7\n1,8\n", {"x": [7, 8]}, "header x, separated by commas, without the unnamed column"),
        (
            'x,y\n1,"a\n\n# ""b"", c"\n2,\n',
            {"x": [1, 2], "y": ['a\n\n# "b", c', None]},
            "header x,y, separated by commas; missing: 1 in y",
        ),
        (
            '{"x": 1, "y": "a"}\n\n{"x": 2.5}\n',
            {"x": [1, 2.5], "y": ["a", None]},
            "header x,y, JSON Lines; missing: 1 in y",
        ),
        ('[{"x": 1},\n {"x": null}]', {"x": [1, NAN]}, "header x, JSON; missing: 1 in x"),
        (
            "id;note\n9007199254740993;1 of 2\n",
            {"id": [2**53 + 1], "note": ["1 of 2"]},
            "header id,note, separated by semicolons",
        ),
    ],
)
def test_what_is_read_and_what_is_said(written, content, columns, said):
    table = tables.read(written(content))
    assert re.sub(r"^x: \d rows? of \d columns?, ", "", table.said()) == said
    assert list(table.columns) == list(columns)
    for name, values in columns.items():
        np.testing.assert_array_equal(table.columns[name], np.array(values, table.columns[name].dtype))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "x: a file that is empty was given"),
        ("\n# a\n", "x: a file of comments alone was given"),
        (b"\x89PNG\r\n\xff", "x, line 1: what is no text in UTF-8 was given"),
        ("x,y\n1,é\n".encode("latin-1"), "x, line 2: what is no text in UTF-8 was given"),
        (b"1\n2\n\0", "x, line 3: what is no text in UTF-8 was given"),
        (gzip.compress(b"1,2\n" * 99, mtime=0)[:-9], "x: what cannot be read (Compressed file ended"),
        ("x,y\n", "x, line 1: 'x,y', a header or data, was given; accepted: a header of words over numbers"),
        ("a,b\nc,d\n", "x, line 1: 'a,b', a header or data, was given"),
        ("x,1\n1,2\n2,3\n", "x, line 1: 'x,1', a header or data, was given"),
        ("x,x\n1,2\n", "x: 2 columns of the name x was given"),
        ("x,,y\n1,5,2\n3,5,4\n", "x: a column without a name was given"),
        ("1,5\n2,5\n", "x, line 1: '1,5', two whole numbers or one decimal number, was given; accepted: a header"),
        ("3\n-1,5\n", "x, line 2: '-1,5', two whole numbers or one decimal number, was given"),
        ("x;y\n1,000;2\n", "x, line 2, column x: '1,000' was given; accepted: 1234 or 1.234"),
        ("x;y\n1,5;2.5\n", "x, line 2, column y: '2.5' beside '1,5' was given; accepted: decimal points or"),
        ("# a\n1.5,2\n3,4,5\n1,2\n", "x, line 3: '3,4,5' (3 cells) was given; accepted: 2 cells separated by commas"),
        ("1.5,2\n\n3\n1,2\n", "x, line 3: '3' (1 cell) was given; accepted: 2 cells"),
        ("x y\n1,5\n2,3\n", "x, line 1: 'x y' (1 cell) was given; accepted: 2 cells"),
        ('1,"2\n3,4\n', "x, line 1: a row that cannot be split (unexpected end of data) was given"),
        ('1.5,2\n1,"2"x\n', "x, line 2: a row that cannot be split"),
        ('{"x": 1}\n{"x": 1\n', "x, line 2: what is no JSON"),
        ('[{"x": 1},\n{"x": 1]', "x, line 2: what is no JSON"),
        ('{"x": 1}\n[1]\n', "x, line 2: '[1]' was given; accepted: a JSON object"),
        ('{"x": 1, "x": 2}\n', "x, line 1: what is no JSON (a key that is there twice)"),
    ],
)
def test_what_is_refused(written, content, message):
    with pytest.raises(ValueError) as error:
        tables.read(written(content))
    assert str(error.value).startswith(message) and "accepted: " in str(error.value)


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_what_is_no_file_is_refused(written, path):
    with pytest.raises(ValueError, match="what cannot be read"):
        tables.read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1.5,2\n3,4\na,b\n", "x, line 3, column 1: 'a' was given; accepted: a number"),
        ("x;y\n1,5;2\n2,5;b\n", "x, line 3, column y: 'b' was given"),
        ("x\n1,5\n\n2\nNA\nabc\n", "x, line 6, column x: 'abc' was given"),
        ("x,y\n1,2\n3,NA\n,null\n", "x, column x: 1 missing value (the first in line 4) was given; accepted: a number"),
        ("x,y\n1,2\n3,inf\n", "x, line 3, column y: 'inf' was given; accepted: a finite number"),
    ],
)
def test_numbers_refuse_words_gaps_and_infinities(written, content, message):
    with pytest.raises(ValueError) as error:
        tables.numbers(tables.read(written(content)))
    assert str(error.value).startswith(message)


def test_a_decimal_sign_that_is_told_decides(written):
    for text, sign, values in (("1,5\n", ",", [[1.5]]), ("1,5\n", ".", [[1, 5]]), ("1,234;7\n", ",", [[1.234, 7]])):
        assert tables.numbers(tables.read(written(text), decimal=sign)).tolist() == values
    assert tables.numbers(tables.read_or_text(written("1,5\n2,5\n"), decimal=",")).tolist() == [[1.5], [2.5]]
    with pytest.raises(ValueError, match=r"'2\.5' was given; accepted: decimal commas"):
        tables.read(written("1;2.5\n"), decimal=",")


@pytest.mark.parametrize(
    "content",
    [
        "1,1\n1,0\n0,0\n",
        "\ufeffTruth, Verdict\r\nright,keep\r\nwrong,keep\r\n\r\nwrong,reject\r\n",
        "id\tverdict\ttruth\n7\tyes\ttrue\n8\tTRUE\tno\n9\tfail\tF\n",
        "accept,Correct\nACCEPT,incorrect\ndrop,incorrect\n",
        '{"verdict": true, "truth": 1}\n{"verdict": true, "truth": 0}\n{"verdict": false, "truth": 0}\n',
    ],
)
def test_labels_by_name_or_in_order(written, content):
    table = tables.read(written(content), names=LABELS)
    assert [tables.binary(table, name).values.tolist() for name in LABELS] == [[1, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("content", "header", "message"),
    [
        ("1,1\n0,perhaps\n", None, "x, line 2, column truth: 'perhaps' was given; accepted: 1 or 0, or one of accept"),
        ("good,bad\n1,0\n", None, "x, line 1, column verdict: 'good' was given"),
        ("verdict,truth\n1,2\n", None, "x, line 2, column truth: '2' was given"),
        ("verdict,truth\n1,0\n1,\n", None, "x, column truth: 1 missing value (the first in line 3) was given"),
        ("verdict,truth\n", None, "x: a header without rows was given"),
        ("1,1,1\n", None, "x, line 1: '1,1,1' was given; accepted: a header with verdict,truth, or without"),
        ("1,1\n", True, "x, line 1: '1,1' was given; accepted: a header: the names of the columns"),
        ("verdict,x\n1,1\n", True, "x: a table of the columns 'verdict,x' was given; accepted: one with verdict,truth"),
        ('{"verdict": 1}', None, "x: a table of the columns 'verdict' was given"),
    ],
)
def test_labels_that_are_refused(written, content, header, message):
    with pytest.raises(ValueError) as error:
        table = tables.read(written(content), header=header, names=LABELS)
        _ = [tables.binary(table, name) for name in LABELS]
    assert str(error.value).startswith(message)


def test_what_counts_as_1_is_said(written):
    table = tables.read(written("verdict\nkeep\nKEEP\nreject\n"), header=True)
    assert tables.binary(table, "verdict").said == "verdict: 1 is keep (2), 0 is reject (1)"
    with pytest.raises(ValueError, match="x: a table of the columns 'verdict' was given; accepted: one with score"):
        tables.binary(table, "score")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("In the beginning,\nthe heaven and the earth\n", str),
        ("1 In the beginning\n2 And the earth was without form\n", str),
        ('"Hello," she said.\nHe did not,\n', str),
        ("# A title\n\nand words\n", str),
        ("0110\n1010\n0011\n", str),
        ("name,x\na,1\nb,2\n", tables.Table),
        ("1 2\n3 4\nsix 7\n", tables.Table),
        ("x\ty\n1\t2\n", tables.Table),
        ('{"prompt": "a"}\n', tables.Table),
    ],
)
def test_a_text_or_a_table(written, content, kind):
    assert isinstance(found := tables.read_or_text(written(content)), kind)
    assert kind is tables.Table or found == content


class FakePolars(dict):
    """The part of a polars frame that is used."""

    columns = property(lambda self: list(self.keys()))

    def __getitem__(self, name):
        return pd.Series(super().__getitem__(name))


@pytest.mark.parametrize("frame", [dict, pd.DataFrame, FakePolars])
def test_frames_are_read_by_their_columns(frame):
    columns = {"x": [1, 2], "y": [0.5, None], "s": ["a", None], "b": [True, False]}
    table = tables.read(frame(columns), names=("X",))
    assert table.said() == "data: 2 rows of 4 columns, header X,y,s,b; missing: 1 in y, 1 in s"
    assert table.columns["s"].tolist() == ["a", None]
    np.testing.assert_array_equal(tables.numbers(table, ("X", "b")), [[1, 1], [2, 0]])
    with pytest.raises(ValueError, match=r"data, column y: 1 missing value \(the first in row 2\) was given"):
        tables.numbers(table)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        ([1, 2], "data: list was given; accepted: a file, a pandas or polars frame"),
        ({}, "data: a table without rows"),
        ({"x": []}, "data: a table without rows"),
        ({"x": [1, 2], "y": [1]}, r"data, column y: shape \(1,\) beside \(2,\) was given"),
        ({"x": [[1, 2]]}, r"data, column x: shape \(1, 2\)"),
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), "data: the columns 'x,x' was given"),
        ({"x": np.array(["2020-01-01"], "M8[D]")}, "data, row 1, column x: '2020-01-01' was given; accepted: a number"),
    ],
)
def test_frames_that_are_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        tables.numbers(tables.read(frame))


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(
    rows=st.integers(1, 3).flatmap(lambda d: st.lists(st.lists(FLOATS, min_size=d, max_size=d), min_size=1)),
    separator=st.sampled_from("\t;|, "),
    decimal=st.sampled_from(".,"),
    header=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, separator, decimal, header, end, encoding):
    rows = [[0.5] * len(rows[0]), *rows]  # a decimal that cannot be one of thousands
    assume((separator, decimal) != (",", ",") and (len(rows[0]) > 1 or header or decimal == "."))
    lines = [["x", "y", "z"][: len(rows[0])]] * header + [[str(x).replace(".", decimal) for x in row] for row in rows]
    file = tmp_path_factory.getbasetemp() / "round-trip"
    file.write_bytes("".join(separator.join(line) + end for line in lines).encode(encoding))
    table = tables.read(file)
    assert table.header == header and table.places.tolist() == list(range(1 + header, len(rows) + 1 + header))
    np.testing.assert_array_equal(tables.numbers(table), rows)


@given(st.binary() | st.text('15,;\t "#\n\rxé.-{}[]:').map(str.encode))
def test_whatever_stands_in_a_file_is_read_or_refused(tmp_path_factory, content):
    (file := tmp_path_factory.getbasetemp() / "whatever").write_bytes(content)
    for options in ({}, {"names": ("x", "y")}, {"header": True}, {"header": False, "decimal": ","}):
        try:
            tables.numbers(tables.read(file, **options))
            tables.read_or_text(file)
        except ValueError as error:
            assert re.match(rf"{re.escape(str(file))}(, .*)?: .* was given; accepted: ", str(error), re.S)


def test_pandas_is_imported_only_to_read():
    code = "import sys, experiments.questions.tables; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0


def test_many_rows_are_read_in_a_moment(tmp_path):
    """A hundred thousand, of which the last is cut short."""
    lines = [f"{i / 7},{i}\n" for i in range(100_000)]
    (file := tmp_path / "x").write_text("".join(itertools.chain(lines, "1\n")))
    with pytest.raises(ValueError, match="line 100001: '1'"):
        tables.read(file)
