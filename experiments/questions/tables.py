"""Tables that people have: one reader for every data file, labelled file and data frame.

The content decides, never the name of the file: separated values (commas, semicolons, tabs, bars or blanks; decimal
points or commas; with a header or none; comments after #), JSON Lines or an array of objects; UTF-8, or UTF-16 with its
mark; gzip. What can be read in two ways is refused in a sentence that says how to decide it.

Python's csv and json split the files (files.py), pandas says which cells are numbers and is imported for that alone.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from experiments.questions import files
from experiments.questions.files import COMMA, MISSING, POINT, Cells, Decimal, count, is_number, shown
from experiments.validation import refuse

YES = frozenset(("1", "true", "t", "yes", "y", "keep", "kept", "accept", "accepted", "pass", "right", "correct"))
NO = frozenset(("0", "false", "f", "no", "n", "drop", "reject", "rejected", "fail", "wrong", "incorrect"))
THOUSANDS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*")


class Table(NamedTuple):
    """Columns by name: numbers [n], NaN where missing, or text [n], None where missing."""

    name: str  # of the file
    columns: dict[str, np.ndarray]
    header: bool
    place: str  # what complaints call a row: the line of a file, the row of a frame
    places: np.ndarray  # its number [n]
    notes: tuple[str, ...]  # how it was read

    def said(self, row: str = "row", column: str = "column") -> str:
        """What was read, as in: x.csv: 120 rows of 2 columns, header x,y, separated by commas; missing: 3 in y."""
        size = f"{count(len(self.places), row)} of {count(len(self.columns), column)}"
        header = f"header {','.join(self.columns):.100}" if self.header else "no header"
        gaps = {name: len(_missing(values)) for name, values in self.columns.items()}
        missing = ", ".join(f"{number} in {name}" for name, number in gaps.items() if number)
        return f"{self.name}: {', '.join((size, header, *self.notes))}" + (f"; missing: {missing}" if missing else "")

    def column(self, name: str) -> np.ndarray:
        """One column [n]."""
        if name not in self.columns:
            raise refuse(self.name, f"a table of the columns {shown(','.join(self.columns))}", f"one with {name}")
        return self.columns[name]

    def complete(self, name: str, missing: Sequence[int] | np.ndarray, accepted: str) -> None:
        """Refuses a column with missing values."""
        if len(missing):
            first = f"the first in {self.place} {self.places[missing[0]]}"
            given = f"{count(len(missing), 'missing value')} ({first})"
            raise refuse(f"{self.name}, column {name}", given, f"{accepted} in every row")

    def refuse(self, name: str, index: int, accepted: str) -> ValueError:
        """The complaint about one value."""
        where = f"{self.name}, {self.place} {self.places[index]}, column {name}"
        return refuse(where, shown(str(self.columns[name][index])), accepted)


class Binary(NamedTuple):
    """A column of two values, and which of them counts as 1."""

    values: Bool[np.ndarray, " n"] | Float[np.ndarray, " n"]  # with gaps
    said: str


def read(
    source: Any, *, header: bool | None = None, names: Sequence[str] = (), decimal: Decimal | None = None
) -> Table:
    """A table from a file (its path), a pandas or polars frame, or a mapping from names to arrays [n].

    Args:
        source: the file or frame.
        header: whether the first line names the columns; None: it does if it is words over numbers.
        names: columns that are needed, in any order and upper or lower case, under a header that has them all; or,
            unless a header is asked for, the only columns, in this order, without a header.
        decimal: decides on a file whose commas may be decimal commas or something else.
    """
    if isinstance(source, str | os.PathLike):
        return _parsed(str(source), files.content(Path(source)), header, names, decimal)
    return _table("data", _framed(source, names), names)


def read_or_text(file: str | os.PathLike[str], *, decimal: Decimal | None = None) -> Table | str:
    """A table if most rows are numbers, or all have as many cells and a column is mostly numbers; else the text."""
    content = files.content(Path(file))
    return _parsed(str(file), content, decimal=decimal) if files.is_table(content, decimal) else content


def numbers(table: Table, names: Iterable[str] | None = None) -> Float[np.ndarray, "n dim"]:
    """Columns, without `names` all of them, as finite numbers; a missing value or a word is refused."""
    found = []
    for name in table.columns if names is None else names:
        values = table.column(name)
        if values.dtype.kind not in "biuf":
            raise table.refuse(name, min(range(len(values)), key=lambda i: _order(values[i])), "a number")
        table.complete(name, _missing(values), "a number")
        if not np.isfinite(values).all():
            raise table.refuse(name, int(np.argmin(np.isfinite(values))), "a finite number")
        found.append(values.astype(float))
    return np.stack(found, -1)


def binary(table: Table, name: str, *, gaps: bool = False) -> Binary:
    """A column of 1 and 0, or of words for them: true and false, yes and no, accept and reject, pass and fail.

    With `gaps` a value may be missing; then they are numbers, NaN in a gap.
    """
    import pandas

    codes, cells = pandas.factorize(table.column(name), use_na_sentinel=False)
    words = [str(int(v)) if v in (0, 1) else str(v).strip().lower() for v in cells.tolist()]
    unknown = [word in MISSING for word in words]
    if not gaps:
        table.complete(name, np.flatnonzero(np.array(unknown)[codes]), "1 or 0")
    for i, word in enumerate(words):
        if word not in YES | NO | MISSING:
            accepted = f"1 or 0, or one of {', '.join(sorted((YES | NO) - {'0', '1'}))}"
            raise table.refuse(name, int(np.argmax(codes == i)), accepted)
    counts = Counter()
    for word, times in zip(words, np.bincount(codes, minlength=len(words)).tolist(), strict=True):
        counts[word] += times
    sides = (" or ".join(f"{word} ({counts[word]})" for word in sorted(counts.keys() & side)) for side in (YES, NO))
    said = ", ".join(f"{digit} is {side}" for digit, side in zip("10", sides, strict=True) if side)
    values = np.array([word in YES for word in words])
    if gaps:
        values = np.where(unknown, np.nan, values)
    return Binary(values[codes], f"{name}: {said}")


def where(table: Table, conditions: Mapping[str, Any] | Sequence[str]) -> tuple[Table, list[str]]:
    """The rows that are kept, and what is said of them."""
    keep = np.ones(len(table.places), bool)
    texts = []
    for (name, without), values in _conditions(conditions).items():
        if name not in table.columns:
            raise refuse("--where", name, f"a column: {shown(','.join(table.columns))}")
        codes, found = factorized(table.columns[name])
        for value in values:
            if value not in found:
                raise refuse("--where", f"{name}={value}", f"a value of {name}: {shown(', '.join(found[:20]))}")
        keep &= np.isin(codes, [found.index(value) for value in values]) != without
        texts.append(f"{name} {'other than' if without else '='} {' or '.join(values)}")
    if not texts:
        return table, []
    if not keep.any():
        raise refuse("--where", " and ".join(texts), "conditions that some row meets")
    columns = {name: values[keep] for name, values in table.columns.items()}
    kept = [f"kept: {count(int(keep.sum()), 'row')} with {' and '.join(texts)}"]
    return table._replace(columns=columns, places=table.places[keep]), kept


def _conditions(where: Mapping[str, Any] | Sequence[str]) -> dict[tuple[str, bool], list[str]]:
    """Columns, whether their values are left out, and the values."""
    if isinstance(where, Mapping):
        return {
            (name, False): [values] if isinstance(values, str) else list(map(str, values))
            for name, values in where.items()
        }
    wanted: dict[tuple[str, bool], list[str]] = {}
    for text in where:
        name, equals, value = str(text).partition("=")
        if not equals:
            raise refuse("--where", repr(text), "COLUMN=VALUE, or COLUMN!=VALUE")
        wanted.setdefault((name.removesuffix("!").strip(), name.endswith("!")), []).append(value.strip())
    return wanted


def factorized(values: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Codes, −1 where missing, and the values as text in their order."""
    import pandas

    codes, found = pandas.factorize(values, sort=values.dtype.kind in "biuf")
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in found.tolist()]
    return codes, texts


def _parsed(
    name: str,
    content: str,
    header: bool | None = None,
    names: Sequence[str] = (),
    decimal: Decimal | None = None,
) -> Table:
    return _table(name, files.split(name, content, header, names, decimal), names, decimal)


def _table(name: str, cells: Cells, names: Sequence[str], decimal: Decimal | None = None) -> Table:
    """Names and types of the columns."""
    wanted = {title.lower(): title for title in names}
    titles = [wanted.get(title.strip().lower(), title.strip()) for title in cells.titles]
    if not set(names) <= set(titles):
        raise refuse(name, f"a table of the columns {shown(','.join(titles))}", f"one with {','.join(names)}")
    for title, times in Counter(titles).items():
        if times > 1 or not title:
            given = f"{times} columns of the name {title}" if title else "a column without a name"
            raise refuse(name, given, "a header with one name for each column")
    if not titles or not len(cells.places):
        raise refuse(name, "a table without rows", "one row or more")
    places = np.asarray(cells.places)
    named = dict(zip(titles, cells.columns, strict=True))
    columns, notes = _columns(name, cells.place, places, named, decimal)
    return Table(name, columns, cells.header, cells.place, places, cells.notes + notes)


def _framed(source: Any, names: Sequence[str]) -> Cells:
    """The columns of a frame, which are named unless their names are numbers."""
    if not (isinstance(source, Mapping) or (hasattr(source, "columns") and hasattr(source, "__getitem__"))):
        accepted = "a file, a pandas or polars frame, or a mapping from names to arrays"
        raise refuse("data", type(source).__name__, accepted)
    keys = list(source if isinstance(source, Mapping) else source.columns)
    named = any(isinstance(key, str) for key in keys)
    if len(set(map(str, keys))) < len(keys):
        raise refuse("data", f"the columns {shown(','.join(map(str, keys)))}", "columns of different names")
    arrays = [np.asarray(column.to_numpy() if hasattr(column := source[key], "to_numpy") else column) for key in keys]
    for key, array in zip(keys, arrays, strict=True):
        if array.shape != arrays[0].shape or array.ndim != 1:
            given = f"shape {array.shape} beside {arrays[0].shape}"
            raise refuse(f"data, column {key}", given, "columns of one axis, all of one length")
    titles = list(names) if not named and len(names) == len(keys) else list(map(str, keys))
    return Cells(titles, arrays, named, "row", range(1, len(arrays[0]) + 1) if arrays else (), ())


def _order(cell: Any) -> int:
    """Which cell of a column that is not of numbers is to blame: the least."""
    if str(cell).strip().lower() in MISSING:
        return 2
    return 3 if POINT.fullmatch(str(cell)) else int(is_number(cell))


def _missing(values: np.ndarray) -> np.ndarray:
    gone = np.isnan(values) if values.dtype.kind == "f" else [value is None for value in values]
    return np.flatnonzero(np.asarray(gone, bool))


def _typed(cells: Sequence[Any] | np.ndarray) -> tuple[np.ndarray, list[int]]:
    """A column of numbers; or of text, and the indices of what is no number."""
    import pandas

    if isinstance(cells, np.ndarray) and cells.dtype.kind in "biuf":
        return cells, []
    is_time = isinstance(cells, np.ndarray) and cells.dtype.kind in "mM"  # which pandas would count in nanoseconds
    raw = np.fromiter(map(str, cells) if is_time else cells, object, len(cells))
    if set(map(type, cells)) != {str}:
        return _read_cells(raw)
    codes, different = pandas.factorize(raw)  # most columns of words, and of 0 and 1, have few different cells
    found, words = _read_cells(np.asarray(different))
    where = np.flatnonzero(np.isin(codes, words)).tolist() if words else []
    return found[codes], where


def _read_cells(raw: np.ndarray) -> tuple[np.ndarray, list[int]]:
    import pandas

    found = np.asarray(pandas.to_numeric(raw, errors="coerce"))
    rest = np.flatnonzero(pandas.isna(found))
    words = [i for i in rest.tolist() if str(raw[i]).strip().lower() not in MISSING]
    if not words and found.dtype.kind in "biuf":
        return found, []
    gone = pandas.isna(raw[rest]) | np.array([str(raw[i]).strip() == "" for i in rest], bool)
    raw[rest[gone]] = None
    return raw, words


def _columns(
    name: str, place: str, places: np.ndarray, cells: dict[str, Sequence[Any] | np.ndarray], decimal: Decimal | None
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The columns, each of numbers or text: with decimal points, or with decimal commas, in the whole table."""
    typed = {title: _typed(column) for title, column in cells.items()}
    found = {title: values for title, (values, _) in typed.items()}
    commas = [
        (title, i, str(cells[title][i]))
        for title, (values, words) in typed.items()
        if decimal != "." and all(COMMA.fullmatch(str(values[i])) for i in words)
        for i in words
    ]
    if not commas and decimal != ",":
        return found, ()
    swapped = {title for title, _, _ in commas}
    points = (
        (title, i, cell)
        for title, (values, words) in typed.items()
        if title in swapped or (values.dtype.kind == "f" and not words)
        for i, cell in enumerate(cells[title])
        if isinstance(cell, str) and "." in cell
    )
    for title, i, cell in points:
        given = " beside ".join(map(repr, (cell, *(comma for _, _, comma in commas[:1]))))
        accepted = "decimal commas" if decimal else "decimal points or decimal commas, one of them in the whole table"
        raise refuse(f"{name}, {place} {places[i]}, column {title}", given, accepted)
    if decimal is None and all(THOUSANDS.fullmatch(cell) for _, _, cell in commas):
        title, i, cell = commas[0]
        accepted = "1234 or 1.234, as a comma before three digits may be of thousands or of decimals"
        raise refuse(f"{name}, {place} {places[i]}, column {title}", repr(cell), accepted)
    for title in swapped:
        found[title], _ = _typed([str(cell).replace(",", ".") for cell in cells[title]])
    return found, ("decimal commas",) if swapped else ()
