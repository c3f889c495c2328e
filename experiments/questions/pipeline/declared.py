"""What is declared of a pipeline, in a text or in a file: its graph, its models, what is drawn once, how good it is."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.questions import files
from experiments.validation import instance, number, refuse, unknown
from theory.graphs import names

MOST_ROUNDS = 100
MOST = 10**15  # nats, or verdicts
TEXT = "text, as 'X -> D -> Z0', or the name of a file that ends in .toml"
NODES = "names of nodes, as 'Z0, S', or a list of them"
NUMBERS = ("tpr", "fpr", "verdicts", "nats")


class Rates(NamedTuple):
    """How much a node carries about X: by its verdicts, by nats, or by both, of which the smaller counts."""

    tpr: float | None = None  # the rate at which it accepts correct outputs
    fpr: float | None = None  # … and wrong ones
    verdicts: float | None = None  # that it gives in a round
    nats: float | None = None  # at most: in each round if fresh, in all rounds if fixed


class Declared(NamedTuple):
    """One round of a pipeline, that makes `after` of `before`, and how often it is repeated."""

    graph: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    rounds: int
    fixed: tuple[str, ...]  # drawn once for all rounds
    fresh: tuple[str, ...]  # with noise of its own in each
    rates: dict[str, Rates]


def declare(graph: str, given: Mapping[str, Any], like: Declared | None = None) -> Declared:
    """What a text or a file declares: what is `given` counts, then what the file holds, then what it is to be `like`.

    Args:
        graph: chains of arrows, or the name of a file that ends in .toml.
        given: before, after, rounds, fixed, fresh and rates; None is not given.
        like: another pipeline, for what is left out; its marks on nodes that this one lacks do not count.
    """
    instance("graph", graph, str, TEXT)
    held = _read(graph) if graph.strip().endswith(".toml") else {"graph": graph}
    values = held | {field: value for field, value in given.items() if value is not None}
    if like is not None:
        values = _like(like, held["graph"]) | values
    for field in ("before", "after"):
        if field not in values:
            raise refuse(f"--{field}", "nothing", "a value, which the command needs; --help explains it")
    rounds: Any = values.get("rounds", 1)
    number("rounds", rounds, lambda n: 1 <= n <= MOST_ROUNDS, f"1 to {MOST_ROUNDS}", int)
    lists = {field: _names(field, values.get(field, ())) for field in ("before", "after", "fixed", "fresh")}
    if both := set(lists["fixed"]) & set(lists["fresh"]):
        raise refuse("fresh", f"{', '.join(sorted(both))}, which is fixed too,", "one mark on a node")
    rates: Any = values.get("rates", {})
    instance("rates", rates, Mapping, "a table for each node")
    return Declared(held["graph"], rounds=int(rounds), rates={n: _rates(n, of) for n, of in rates.items()}, **lists)


def _like(other: Declared, graph: str) -> dict[str, Any]:
    from theory import Pipeline

    kept = Pipeline(graph).dag.nodes
    marks = {name: [n for n in getattr(other, name) if n in kept] for name in ("fixed", "fresh")}
    rates = {n: of._asdict() for n, of in other.rates.items() if n in kept}
    return other._asdict() | marks | {"rates": rates}


def _read(name: str) -> dict[str, Any]:
    content = files.content(Path(name.strip()))
    try:
        held = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise refuse(name, f"what is no TOML ({error})", 'lines such as graph = "X -> D -> Z0"') from error
    for field in held:
        if field not in Declared._fields:
            raise unknown(name, field, Declared._fields)
    if not isinstance(held.get("graph"), str):
        raise refuse(f"{name}, graph", repr(held.get("graph")), 'the graph of one round, graph = "X -> D -> Z0"')
    return held


def _names(name: str, given: Any) -> tuple[str, ...]:
    found = names(given) if isinstance(given, str) else given
    if not isinstance(found, Sequence) or not all(isinstance(n, str) for n in found):
        raise refuse(name, repr(given), NODES)
    return tuple(found)


def _rates(node: str, given: Any) -> Rates:
    name = f"rates.{node}"
    given = given._asdict() if isinstance(given, Rates) else given
    instance(name, given, Mapping, "a table of tpr, fpr and verdicts, or of nats")
    for field in given:
        if field not in NUMBERS:
            raise unknown(name, field, NUMBERS)
    rates = Rates(**given)
    for field in ("tpr", "fpr"):
        if (rate := getattr(rates, field)) is not None:
            number(f"{name}.{field}", rate, lambda x: 0 <= x <= 1, "a rate in [0, 1]")
    if rates.verdicts is not None:
        number(
            f"{name}.verdicts", rates.verdicts, lambda n: 1 <= n <= MOST, f"a whole number from 1 to {MOST:.0e}", int
        )
    if rates.nats is not None:
        number(f"{name}.nats", rates.nats, lambda x: 0 <= x <= MOST, f"a number of nats from 0 to {MOST:.0e}")
    told = [value is not None for value in rates[:3]]
    if any(told) != all(told) or (rates.nats is None and not any(told)):
        written = ", ".join(field for field, value in given.items() if value is not None) or "nothing"
        raise refuse(name, written, "tpr, fpr and verdicts together, or nats, or all four")
    return Rates(*(None if value is None else float(value) for value in rates))
