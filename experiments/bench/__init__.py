"""`infoloop bench`: our speed and that of the alternatives, side by side in one run, compile time apart.

Each benchmark of `work.table` is one piece of work done twice: by infoloop as its user calls it, on every device, and
by what people do without it (`baselines`, which the tests hold to the same result). The two take turns, so that a
machine that slows down slows both, and the ratio is the median of the ratios of the turns.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jax
from rich.console import Console
from rich.text import Text

import sandbox
from experiments.harness.ledger import MARKS, Profile, write_atomic
from experiments.validation import refuse

try:
    import sklearn
    from threadpoolctl import threadpool_limits

    from experiments.bench.work import Benchmark, table
except ImportError as missing:
    raise refuse(str(missing.name), "no package of that name", "infoloop[dev], which `make setup` installs") from None


class Timing(NamedTuple):
    """Seconds: one entry per turn, the alternative's scaled up to the whole work."""

    ours: list[float]
    alternative: list[float]
    threads: int  # of the alternative's linear algebra
    compile: float | None  # None if an earlier benchmark has compiled the same

    @property
    def ratio(self) -> float:
        """The speed-up: the median over the turns."""
        return median(b / a for a, b in zip(self.ours, self.alternative, strict=True))


class Effort(NamedTuple):
    """How long to measure: turns until the seconds are used up, `least` to `most` of them.

    Within a turn short work is repeated for `burst` seconds, so that sleeping threads and cold caches weigh little.
    """

    seconds: float
    least: int
    most: int
    burst: float = 0.0


EFFORTS: dict[Profile, Effort] = {"quick": Effort(4.0, 5, 41, 0.3), "full": Effort(30.0, 15, 401, 0.3)}
COLUMNS = {"work": 17, "against": 19, "ours": 8, "theirs": 8, "ratio": 6, "target": 7, "compile": 7}
LEADING = ("work", "against")  # printed before the measurement


def measure(work: Benchmark, effort: Effort, *, compiled: bool = False) -> Timing:
    """First calls apart, then turn by turn. `compiled`: an earlier benchmark has the same `ours`."""
    first = _time(work.ours)
    threads = _best_threads(work.alternative)
    ours, alternative = [], []
    start = time.perf_counter()
    while len(ours) < effort.least or (len(ours) < effort.most and time.perf_counter() - start < effort.seconds):
        ours.append(_time(work.ours, effort.burst))
        with threadpool_limits(threads):
            alternative.append(_time(work.alternative, effort.burst) / work.share)
    return Timing(ours, alternative, threads, None if compiled else max(0.0, first - min(ours)))


def _best_threads(alternative: Callable[[], Any]) -> int:
    """The faster number of threads: one per core, or one alone, which wins if products are small or cores are busy."""
    alternative()  # its imports are not timed

    def seconds(threads: int) -> float:
        with threadpool_limits(threads):
            return _time(alternative)

    return min({1, os.cpu_count() or 1}, key=seconds)


def _time(work: Callable[[], Any], burst: float = 0) -> float:
    """Seconds per call, over as many calls as fill the burst."""
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < burst:
        jax.block_until_ready(work())
        calls += 1
    return (time.perf_counter() - start) / calls


def machine() -> dict[str, Any]:
    """Processor and load, versions and devices, settings of the numerical libraries."""
    provenance = sandbox.store.provenance()
    provenance["versions"]["scikit-learn"] = sklearn.__version__
    tuned = ("BLIS_", "MKL_", "OMP_", "OPENBLAS_", "XLA_")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],  # runnable processes, mean of the last minute
        **provenance,
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(tuned)},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def headline(where: dict[str, Any]) -> str:
    """The machine on one line."""
    versions = ", ".join(f"{name} {where['versions'][name]}" for name in ("jax", "numpy", "scikit-learn", "python"))
    tuned = "".join(f", {name}={value}" for name, value in where["environment"].items())
    on = f"{where['backend']} × {where['num_devices']}"
    return f"{where['processor']}, {where['cores']} cores (load {where['load']:.1f}); {versions} on {on}{tuned}"


def as_json(work: Benchmark, timing: Timing) -> dict[str, Any]:
    """A row of bench.json; times in seconds."""

    def summary(times: list[float]) -> dict[str, Any]:
        return {"min": min(times), "median": median(times), "times": times}

    return {
        "name": work.name,
        "setting": work.setting,
        "against": work.against,
        "ours": summary(timing.ours),
        "alternative": summary(timing.alternative),
        "threads": timing.threads,
        "share": work.share,
        "ratio": timing.ratio,
        "target": work.target,
        "met": None if work.target is None else timing.ratio >= work.target,
        "compile": timing.compile,
    }


def as_markdown(rows: list[dict[str, Any]], where: dict[str, Any]) -> str:
    """The rows of bench.json as a page: a table, and how it was measured."""
    lines = [
        "| work | setting | against | ours: median (least) | theirs: median (least) | ratio | target | compile |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ours, theirs = (f"{duration(row[k]['median'])} ({duration(row[k]['min'])})" for k in ("ours", "alternative"))
        cells = (row["name"], described(row), row["against"], ours, theirs, *outcome(row))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    note = (
        "Ours and theirs take turns in one run; the ratio is the median over the turns. Both end with the models of "
        "every generation in the memory of the host, and compute in float64 (our Gaussian noise is drawn in float32, "
        "then widened). The alternative's linear algebra has one thread per core or one alone, whichever is faster. "
        "Compile: what the first call takes beyond a later one."
    )
    return "\n".join([*lines, "", note, "", f"Measured on {headline(where)}.", ""])


def described(row: dict[str, Any]) -> str:
    """The setting, and the part of it that the alternative was timed on."""
    part = "" if row["share"] == 1 else f"; theirs timed on {row['share']:.0%}, scaled up"
    return row["setting"] + part


def outcome(row: dict[str, Any]) -> tuple[str, str, str]:
    """The ratio, the target and whether it is met, and the time to compile."""
    target = "" if row["target"] is None else f"≥ {row['target']:g} {MARKS['holds' if row['met'] else 'fails']}"
    return f"{_three_digits(row['ratio'])}×", target, "" if row["compile"] is None else f"{row['compile']:.1f} s"


def duration(seconds: float) -> str:
    """A time in ms or s, to three digits."""
    return f"{_three_digits(seconds)} s" if seconds >= 1 else f"{_three_digits(1e3 * seconds)} ms"


def _three_digits(value: float) -> str:
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def main(profile: Profile, out: Path) -> None:
    """Measures all benchmarks, prints each as it is done, and writes bench.json and bench.md into `out`.

    The quick profile takes about two minutes; full has more turns.
    """
    console, where = Console(markup=False), machine()
    console.print(headline(where), soft_wrap=True, highlight=False)
    _print(console, list(COLUMNS), list(COLUMNS))
    rows: list[dict[str, Any]] = []
    seen: set[Callable[[], Any]] = set()
    for work in table():
        _print(console, LEADING, [work.name, work.against], end="")
        measured = as_json(work, measure(work, EFFORTS[profile], compiled=work.ours in seen))
        seen.add(work.ours)
        rows.append(measured)
        times = [duration(measured[who]["median"]) for who in ("ours", "alternative")]
        style = {None: "", True: "cyan", False: "bold red"}[measured["met"]]
        _print(console, [name for name in COLUMNS if name not in LEADING], [*times, *outcome(measured)], style)
        console.print(Text(f"  {described(measured)}", "dim"), soft_wrap=True)
        document = {"machine": where, "profile": profile, "rows": rows}
        write_atomic(out / "bench.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        write_atomic(out / "bench.md", as_markdown(rows, where))
    console.print(f"{out / 'bench.md'} has the table, bench.json beside it every turn", soft_wrap=True, highlight=False)


def _print(console: Console, names: Sequence[str], cells: Sequence[str], style: str = "", end: str = "\n") -> None:
    line = Text()
    for name, cell in zip(names, cells, strict=True):
        text = Text(cell, style if name in ("ratio", "target") else "")
        text.align("left" if name in LEADING else "right", max(COLUMNS[name], len(cell)))
        line.append_text(text).append(" ")
    if end == "\n":
        line.rstrip()
    console.print(line, soft_wrap=True, highlight=False, end=end)
