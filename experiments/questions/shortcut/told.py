"""The answer of `infoloop shortcut --data` in words, a figure and files."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import write_atomic
from experiments.questions import learned
from experiments.questions.intervals import Interval
from experiments.questions.learned import Learned
from experiments.questions.shortcut.rows import SIDES, Measured, Side, measure

STEM = "shortcut"
SHOWN = 4  # numbers of rows, a factor 4 apart
MOST = 10  # columns that are listed
LEARNED = "has saved ln 20 nats of code length (odds of 20 to 1)"


def lines(found: Measured) -> Iterator[str]:
    """The answer in words."""
    yield from found.log.said
    yield from (text for text in found.columns.said)
    for option, side in zip(SIDES, found.sides, strict=True):
        more = f", a mixture of {len(side.names)} columns" if len(side.names) > 1 else ""
        names = ", ".join(_relative(found, name) for name in side.names)
        yield f"{option}: {names}{more}; {_nats(side)}"
    yield f"learned first: {_first(found)}"
    yield "code length saved by each side alone, nats, in random orders of whole prompts:"
    for at in _shown(found.numbers.size):
        saved = ", ".join(f"{option} {_ends(side, at)}" for option, side in zip(SIDES, found.sides, strict=True))
        yield f"  {found.numbers[at]:>9,} rows: {saved}"
    yield f"crossover: {_crossover(found)}"
    yield f"each column alone, by the rows after which it {LEARNED}:"
    for one in found.columns.learned[:MOST]:
        yield f"  {_column(one)}"
    if (rest := len(found.columns.learned) - MOST) > 0:
        yield f"  and {rest} more, in {STEM}-columns.csv"
    for name, one in found.groups:
        yield f"{name}: {one if isinstance(one, str) else _first(one)}"
    yield from _constants(found)
    yield from _pairs(found)
    yield (
        "conditions: learners of one column each, which read it as it stands; a network reads text, and may find it "
        "easier or harder. A column may stand for another that goes with it; rows of one prompt count as dependent"
    )


def _nats(side: Side) -> str:
    one = side.best.found
    which = f"{one.name}, which saves most, " if len(side.names) > 1 else ""
    given = "" if one.nats_given_truth is None else f", {_ranged(one.nats_given_truth, '.3g')} given the truth"
    ends = f"; accepted: {one.accepted[0]:.1%} in its lowest cell, {one.accepted[-1]:.1%} in its highest"
    tail = ends if one.kind == "feature" else ""
    return f"{which}carries {_ranged(one.nats, '.3g')} nats a row about the label{given}{tail}"


def _relative(found: Measured, name: str) -> str:
    """A column, and what it is relative to."""
    other = found.log.features[name].relative_to if name in found.log.features else None
    return name + (f" (relative to {other})" if other else "")


def _ranged(interval: Interval, form: str) -> str:
    low, middle, high = (format(x, form) if np.isfinite(x) else "more" for x in interval)
    return f"{middle} [95 %: {low} to {high}]"


def _rows(interval: Interval | None) -> str:
    return "never by the last row" if interval is None else f"after {_ranged(interval, ',.0f')} rows"


def _first(found: Measured) -> str:
    size = found.log.verdict.size
    if found.first is None:
        return f"neither side, in {size:,} rows"
    names = [f"the {option} side" for option in SIDES]
    after = [_rows(side.learned_after) for side in found.sides]
    other = 1 - found.first
    doubt = "" if found.clear else "; which is first is not clear from so many rows"
    return f"{names[found.first]}, {after[found.first]} of {size:,}; {names[other]} {after[other]}{doubt}"


def _shown(size: int) -> list[int]:
    """Which points of a curve are told."""
    return sorted({round((size - 1) * (i + 1) / SHOWN) for i in range(SHOWN)})


def _ends(side: Side, at: int) -> str:
    low, middle, high = side.saved[:, at]
    return _ranged(Interval(low, middle, high), ",.1f")


def _crossover(found: Measured) -> str:
    if found.first is None:
        return "none, as neither is learned"
    second = SIDES[1 - found.first]
    if found.crossover is None:
        return f"none: the {second} side has not saved more code length by the last row"
    return f"the {second} side has saved more code length {_rows(found.crossover)}"


def _column(one: Learned) -> str:
    kind = {"value": "against the rest", "group": "all its values", "feature": "", "truth": "the truth"}[one.kind]
    carries = f"{_ranged(one.nats, '.3g')} nats a row; {_ranged(one.saved_nats, ',.0f')} nats saved of code length"
    return f"{one.name}{f' ({kind})' if kind else ''}: {_rows(one.learned_after)}; {carries}"


def _constants(found: Measured) -> Iterator[str]:
    """What is constant, and what is learned first without it."""
    for one in found.constants:
        yield f"CAREFUL: {one}"
        group, _, value = one.name.partition("=")
        codes, values = found.log.groups[group]
        rest = found.log.pick(codes != values.index(value))
        try:
            without = measure(rest, found.sides[0].names, found.sides[1].names, part=True)
            first = without.columns.first
            yield f"  without {one.name}: {_first(without)}" + (f"; of all columns {first.name}" if first else "")
        except ValueError as error:
            yield f"  without {one.name}: {error}"


def _pairs(found: Measured) -> Iterator[str]:
    pairs, name = found.pairs, found.sides[1].best.learner.name
    if pairs is None or pairs.drop is None:
        return
    yield (
        f"to decorrelate the label from {name}: of {pairs.side.size:,} pairs of an accepted and a rejected output of "
        f"one prompt, {name} agrees with {pairs.wins:,} and disagrees with {pairs.losses:,}; leave out "
        f"{100 * pairs.drop:.0f} % of those that agree ({STEM}-pairs.csv)"
    )
    rows = learned.held_out(found.log, name)
    if rows is not None:
        yield f"held-out set: {rows.size:,} labelled rows on which {name} and the truth disagree"


@plots.style()
def figure(found: Measured) -> Figure:
    """Code length saved by each side alone, and by each column alone."""
    fig, (sides, columns) = plots.figure(2)
    colors = (plots.BLUE, plots.VERMILLION)
    for option, side, color in zip(SIDES, found.sides, colors, strict=True):
        low, mean, high = side.saved
        plots.band(sides, side.numbers, mean, low, high, label=f"{option}: {', '.join(side.names)}", color=color)
    plots.reference(sides, learned.LEARNED, "learned: ln 20 nats")
    sides.set_title("the side that saves more code length")
    for one in found.columns.learned[:6]:
        columns.plot(found.columns.samples, one.curve, label=one.name)
    plots.reference(columns, learned.LEARNED, "learned: ln 20 nats")
    columns.set_title("each column alone, first learned first")
    for ax in (sides, columns):
        ax.set(xscale="log", xlabel="rows", ylabel="code length saved [nats]")
        ax.set_yscale("symlog", linthresh=10)
        ax.legend()
    return fig


def save(found: Measured, out: Path, provenance: Mapping[str, Any]) -> list[Path]:
    """Writes the figure, its numbers, those of each column, the pairs, and the options with the answer."""
    answer = _sides(found)
    answer["groups"] = {name: one if isinstance(one, str) else _sides(one) for name, one in found.groups}
    text = json.dumps({**provenance, "answer": answer}, indent=1, default=str)
    write_atomic(out / f"{STEM}.json", text + "\n")
    files = [out / f"{STEM}.json", out / f"{STEM}-columns.csv"]
    write_atomic(files[1], _columns_csv(found.columns.learned))
    if found.pairs is not None:
        files.append(out / f"{STEM}-pairs.csv")
        pairs = found.pairs
        rows = zip(*(found.log.places[i] for i in pairs[:2]), pairs.side, pairs.keep.astype(int), strict=True)
        write_atomic(files[2], _csv(["accepted_row", "rejected_row", "agrees", "keep"], rows))
    return [*plots.save(figure(found), out, STEM), *files]


def _sides(found: Measured) -> dict[str, Any]:
    """Which side is learned first, whether that is clear, the crossover, and the rows after which each is learned."""
    first = None if found.first is None else SIDES[found.first]
    after = {f"{option}_after": _triple(side.learned_after) for option, side in zip(SIDES, found.sides, strict=True)}
    return {"first": first, "clear": found.clear, "crossover": _triple(found.crossover), **after}


def _triple(interval: Interval | None) -> list[float | None] | None:
    """Low, middle, high; null for an end that is no bound."""
    return None if interval is None else [x if np.isfinite(x) else None for x in interval]


def _columns_csv(found: tuple[Learned, ...]) -> str:
    names = ["nats", "nats_given_truth", "saved_nats", "learned_after", "crossover"]
    header = ["name", "kind", "rows", *(f"{name}_{end}" for name in names for end in Interval._fields)]
    cells = ([getattr(one, name) or ("", "", "") for name in names] for one in found)
    rows = (
        [one.name, one.kind, one.rows, *(x for ends in each for x in ends)]
        for one, each in zip(found, cells, strict=True)
    )
    return _csv(header, rows)


def _csv(header: list[str], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
