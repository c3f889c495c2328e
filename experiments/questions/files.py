"""What a table file holds: its text, what splits it, whether its first line is a header, and its cells as they stand.

Python's csv splits the rows, as it counts lines and is strict: pandas fills up short rows in silence
(pandas-dev/pandas#9729).
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from experiments.validation import refuse

SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas", " ": "blanks"}  # of equals, the first wins
ONE_COLUMN = "\x1f"  # a separator that no text holds
SAMPLE = 200  # rows that decide on the separator and the header
ACCEPTED = "separated values, JSON Lines or a text, in UTF-8"
MISSING = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none"))
POINT = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)\s*", re.I)
COMMA = re.compile(r"\s*[+-]?\d*,\d+(e[+-]?\d+)?\s*", re.I)
TWO_WAYS = re.compile(r"\s*[+-]?\d+(,\d+)?\s*")  # a line that is two whole numbers, or one number with a decimal comma
SYMBOLS = re.compile(r"\s*(0\d+|\d{18,})\s*")  # a string of digits that is no number
OBJECTS = re.compile(r'\s*(\[\s*)?\{\s*"')

Decimal = Literal[".", ","]
Row = tuple[int, tuple[str, ...]]  # the line where it starts, and its cells


class Cells(NamedTuple):
    """The cells of a table as they stand in a file or frame."""

    titles: list[str]
    columns: Sequence[Sequence[Any] | np.ndarray]
    header: bool
    place: str  # what complaints call a row: the line of a file, the row of a frame
    places: Sequence[int]
    notes: tuple[str, ...]  # how it was read


def is_number(cell: Any) -> bool:
    """With a decimal point or a decimal comma."""
    return bool(POINT.fullmatch(str(cell)) or COMMA.fullmatch(str(cell)))


def _mostly_numbers(cells: Sequence[str]) -> bool:
    """Of the cells that are there."""
    given = [cell for cell in cells if cell.strip().lower() not in MISSING]
    return 2 * sum(map(is_number, given)) > len(given)


def is_table(content: str, decimal: Decimal | None) -> bool:
    """Whether most rows are numbers, or all have as many cells and a column is mostly numbers; or rows are objects."""
    rows = _sample(lines := _lines(content), _separator(lines, None))
    body = rows[1:] or rows
    numeric = sum(all(map(is_number, row)) for row in body) > len(body) / 2
    even = len({len(row) for row in rows}) == 1 and any(map(_mostly_numbers, zip(*body, strict=True)))
    symbols = any(len(row) == 1 and SYMBOLS.fullmatch(row[0]) for row in body)
    return bool(OBJECTS.match(content)) or ((numeric or even) and not symbols)


def split(name: str, content: str, header: bool | None, names: Sequence[str], decimal: Decimal | None) -> Cells:
    """The cells of a text; the arguments are those of `tables.read`."""
    if OBJECTS.match(content):
        return _objects(name, content)
    separator = _separator(lines := _lines(content), decimal)
    comments: list[str] = []
    rows = list(_rows(name, lines, separator, comments))
    if not rows:
        raise refuse(name, "a file of comments alone", ACCEPTED)
    _check_widths(name, rows, separator)
    titles = _header(name, rows, header, names)
    body = rows[1:] if titles else rows
    if not body:
        raise refuse(name, "a header without rows", "a row or more under the header")
    if titles is None and not names and decimal is None and separator in (ONE_COLUMN, ","):
        _check_commas(name, [(line, lines[line - 1].strip()) for line, _ in body])
    places, columns = [line for line, _ in body], [[cells[i] for _, cells in body] for i in range(len(rows[0][1]))]
    notes = () if separator == ONE_COLUMN else (f"separated by {SEPARATORS[separator]}",)
    notes += (f"without {count(len(comments), 'comment')}",) if comments else ()
    if titles is None:
        columns = columns if names or any(columns[-1]) else columns[:-1]  # a separator at the end of each line
        titles = list(names) or [str(i) for i in range(1, len(columns) + 1)]
        return Cells(titles, columns, False, "line", places, notes)
    kept = [i for i, title in enumerate(titles) if title or not _is_idle(columns[i])]
    if len(kept) < len(titles):
        notes += ("without the unnamed column",)  # which is empty, or an index that pandas or R has written
    return Cells([titles[i] for i in kept], [columns[i] for i in kept], True, "line", places, notes)


def _is_idle(cells: list[str]) -> bool:
    """Whether a column is empty, or counts the rows from 0 or 1."""
    return not any(cells) or any(cells == [str(i + first) for i in range(len(cells))] for first in (0, 1))


def _width(rows: list[tuple[str, ...]]) -> int:
    """Cells of most rows."""
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 1


def _check_widths(name: str, rows: list[Row], separator: str) -> None:
    width = _width([cells for _, cells in rows[:SAMPLE]])
    for line, cells in rows:
        if len(cells) != width:
            accepted = f"{width} cells separated by {SEPARATORS[separator]}, as in most rows"
            raise refuse(f"{name}, line {line}", f"{shown(','.join(cells))} ({count(len(cells), 'cell')})", accepted)


def _check_commas(name: str, rows: list[tuple[int, str]]) -> None:
    """Refuses 1,5 in each line."""
    if all(TWO_WAYS.fullmatch(row) for _, row in rows):
        for line, row in rows:
            if "," in row:
                accepted = "a header above (x,y of two columns; x of one with decimal commas), or 1;5, or 1.5"
                raise refuse(f"{name}, line {line}", f"{row!r}, two whole numbers or one decimal number,", accepted)


def _header(name: str, rows: list[Row], header: bool | None, names: Sequence[str]) -> list[str] | None:
    """The titles in the first row, or None where it is data."""
    line, cells = rows[0][0], [cell.strip() for cell in rows[0][1]]
    where, given = f"{name}, line {line}", shown(",".join(cells))
    folded = {cell.lower() for cell in cells}
    if header is None:
        header = (
            folded.issuperset(map(str.lower, names)) if names else _is_header(cells, [row for _, row in rows[1:SAMPLE]])
        )
    if header is None:
        accepted = "a header of words over numbers, or data with a number; header=True or False says which it is"
        raise refuse(where, f"{given}, a header or data,", accepted)
    if header and all(map(is_number, cells)):
        raise refuse(where, given, "a header: the names of the columns")
    if not header and names and len(cells) != len(names):
        wanted = ",".join(names)
        raise refuse(where, given, f"a header with {wanted}, or without one {len(names)} columns: {wanted}")
    return cells if header else None


def _is_header(first: list[str], body: list[tuple[str, ...]]) -> bool | None:
    """Words over numbers are a header, numbers are data, and both together or neither are unclear."""
    over_numbers = [
        cell for cell, column in zip(first, zip(*body, strict=True), strict=False) if _mostly_numbers(column)
    ]
    words = any(cell and cell.lower() not in MISSING and not is_number(cell) for cell in over_numbers)
    numbers = any(map(is_number, over_numbers if words else first))
    return None if words == numbers else words


def _objects(name: str, content: str) -> Cells:
    """JSON Lines, or one array of objects; a key that an object lacks is a missing value."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise ValueError("a key that is there twice")
        return found

    one = content.lstrip().startswith("[")
    found: list[tuple[int, Any]] = []
    number = 1
    try:
        for number, text in [(1, content)] if one else enumerate(_lines(content), 1):
            if text.strip():
                value = json.loads(text, object_pairs_hook=once)
                found += enumerate(value, 1) if one else [(number, value)]
    except ValueError as error:
        line = getattr(error, "lineno", 1) if one else number
        raise refuse(f"{name}, line {line}", f"what is no JSON ({error})", "an object a line, or one array") from error
    place = "row" if one else "line"
    for number, row in found:
        if not isinstance(row, dict):
            raise refuse(f"{name}, {place} {number}", shown(repr(row)), 'a JSON object: {"x": 1}')
    titles = list(dict.fromkeys(title for _, row in found for title in row))
    columns = [[row.get(title) for _, row in found] for title in titles]
    return Cells(titles, columns, True, place, [number for number, _ in found], ("JSON" if one else "JSON Lines",))


def _separator(lines: list[str], decimal: Decimal | None) -> str:
    """What splits all rows into equally many cells, or else most of them into numbers."""
    best, rank = ONE_COLUMN, (False, -1.0)
    for separator in SEPARATORS:
        rows = _sample(lines, separator)
        widths = {len(cells) for cells in rows}
        if _width(rows) == 1 or (separator, decimal) == (",", ","):
            continue
        cells = [cell for row in rows[1:] or rows for cell in row]
        found = len(widths) == 1, sum(map(is_number, cells)) / max(len(cells), 1)
        best, rank = (separator, found) if found > rank else (best, rank)
    whole = [cells[0] for cells in _sample(lines, ONE_COLUMN)]
    if rank[0] or decimal == "." or not whole or not _mostly_numbers(whole[1:] or whole):
        return best
    # the title x above 1,5 is that of one column; what holds a separator is not the title of one
    return best if re.search(r"[\s;|,]", whole[0].strip()) and not is_number(whole[0]) else ONE_COLUMN


def content(file: Path) -> str:
    """The text of a file, unpacked and decoded, without a byte order mark."""
    try:
        raw = file.read_bytes()
        raw = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = (getattr(error, "strerror", None) or str(error)).removesuffix(".")
        raise refuse(str(file), f"what cannot be read ({reason})", "a file") from error
    try:
        content = raw.decode("utf-16" if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
        line = content[: content.find("\0")].count("\n") + 1 if "\0" in content else None
    except UnicodeDecodeError as error:
        content, line = "", raw[: error.start].count(b"\n") + 1
    if line is not None:
        raise refuse(f"{file}, line {line}", "what is no text in UTF-8", ACCEPTED)
    if not content.strip():
        raise refuse(str(file), "a file that is empty", ACCEPTED)
    return content


def _lines(content: str) -> list[str]:
    """As csv counts lines: str.splitlines also breaks them at rare characters inside a cell."""
    first, *rest = io.StringIO(content, newline="")
    return ["\n" if re.fullmatch(r"sep=.\s*", first) else first, *rest]  # Excel writes sep=; above the header


def _rows(name: str, lines: Iterable[str], separator: str, comments: list[str], strict: bool = True) -> Iterator[Row]:
    """The rows that are not blank and no comment, each with the line where it starts."""
    start = 0

    def feed() -> Iterator[str]:
        """Leaves out lines between rows only: inside a quoted cell a blank line and a # are text."""
        nonlocal start
        for number, line in enumerate(lines, 1):
            if not start:
                if line[0] in "# \t\r\n" and (not (text := line.strip()) or text[0] == "#"):
                    comments.extend([text] if text else [])
                    continue
                start = number
            yield line.expandtabs(1).strip() + "\n" if separator == " " else line

    try:
        for cells in csv.reader(feed(), delimiter=separator, skipinitialspace=True, strict=strict):
            if len(cells) == 1 or any(cells):
                yield start, tuple(cells)  # which the garbage collector of Python leaves alone, unlike a million lists
            start = 0
    except csv.Error as error:
        accepted = 'cells that hold a separator or a quote in quotes, "so ""to"" speak"'
        raise refuse(f"{name}, line {start}", f"a row that cannot be split ({error})", accepted) from error


def _sample(lines: list[str], separator: str) -> list[tuple[str, ...]]:
    """The first rows, also where a quote is missing or one too many."""
    found = []
    with suppress(ValueError):  # a cell of more than 100,000 characters
        for _, cells in islice(_rows("", lines, separator, [], strict=False), SAMPLE):
            found.append(cells)
    return found


def count(number: int, noun: str) -> str:
    """1 row, 2 rows."""
    return f"{number:,} {noun}{'s'[: number != 1]}"


def shown(text: str) -> str:
    """A cell or line in a complaint, cut where it is long."""
    return repr(text) if len(text) <= 60 else repr(text[:60]) + "…"
