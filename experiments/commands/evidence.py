"""The commands that measure: all claims, one experiment, the speed."""

import importlib
import time
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

import experiments
from experiments import ledger
from experiments.commands.session import check_writable, console, headline, provenance, say, set_up_jax, width
from experiments.ledger import Profile, Settings
from experiments.names import unknown

Names = UseAppendAction[tuple[str, ...]]


def verify(
    *,
    profile: Profile = "quick",
    claim: Annotated[Names, arg(metavar="CLAIM", help_behavior_hint="(default: all)")] = (),
    row: Annotated[Names, arg(metavar="ID", help_behavior_hint="(default: all)")] = (),
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/verify"),
) -> int:
    """Check every claim and write down the evidence: a ledger, figures, and a page to read.

    Prints a line for each row of the ledger while it goes, and a line for each claim at the end. A row holds, fails, or
    stays open; some are wrong on purpose (false twins) and are expected to fail. The exit status is 0 if every verdict
    is the expected one, 1 if not, 2 for a mistake in the command.

    Args:
        profile: quick takes minutes; full has more samples, longer loops and larger chains.
        claim: check only the rows of this claim, for instance C2; with more of --claim and --row, all that they name.
        row: check only the row with this id (the first column of the ledger), and redraw only its figure.
        seed: of all random numbers; the same seed gives the same ledger.
        out: folder for ledger.json, report.html and the figures (PNG, SVG, data as CSV); rows that are not
            checked are kept.
    """
    start = time.perf_counter()
    settings = Settings(profile, seed)
    set_up_jax()
    terminal, computed = console(), provenance(profile=profile, seed=seed)
    say(terminal, headline(computed))
    from experiments import summary
    from experiments import verify as steps  # takes seconds

    entries = steps.catalogue()
    chosen = steps.select(entries, claim, row)
    check_writable(out)
    try:
        rows, stems = steps.measure(chosen, settings, out, terminal, every=len(chosen) == len(entries))
    except KeyboardInterrupt:
        kept = f"stopped; the rows printed above are kept in {out / 'ledger.json'}"
        raise KeyboardInterrupt(f"{kept}; the same command checks all again, --row ID only one") from None
    seconds = f"{time.perf_counter() - start:.1f} s"
    steps.finish(entries, len(chosen), computed | {"wall_time": seconds}, out)
    say(terminal, "\n".join(["", *summary.screen(rows, width(terminal))]))
    say(terminal, f"\n{ledger.summary(rows)}, in {seconds}")
    drawn = f" and {len(stems)} figure{'s'[: len(stems) != 1]} (PNG, SVG, data as CSV)" if stems else ""
    say(terminal, f"{out / 'report.html'} is the page to read; beside it: ledger.json{drawn}")
    return 0 if all(row.as_expected for row in rows) else 1


def list_() -> int:
    """Name the experiments, and say which take your own data.

    Those marked with --data FILE repeat the experiment on your data: a CSV of numbers (one sample a row, no header) or
    a text.
    """
    terminal = console()
    for experiment in experiments.EXPERIMENTS:
        say(terminal, experiment.name + ("  [--data FILE]" if experiment.takes_data else ""))
        say(terminal, f"    {experiment.title}")
    return 0


def run(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    *,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: its own data)")] = None,
    profile: Profile = "quick",
    seed: Annotated[int, arg(metavar="N")] = 0,
    resume: Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")] = False,
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: runs/NAME)")] = None,
) -> int:
    """Run one experiment, on its own data or on yours.

    Args:
        name: of the experiment, as `infoloop list` prints it.
        data: your own data, for experiments that take it: a CSV of numbers (one sample a row, no header) or a text.
        profile: quick takes minutes; full has more replicas and longer loops.
        seed: of all random numbers; the same seed gives the same result.
        resume: go on with the run that was stopped in the same --out.
        out: folder for figures and results.
    """
    settings = Settings(profile, seed)
    names = [experiment.name for experiment in experiments.EXPERIMENTS]
    if name not in names:
        raise unknown("NAME", name, names)
    experiment = experiments.EXPERIMENTS[names.index(name)]
    if data is not None and not experiment.takes_data:
        raise ValueError(f"--data is given, but {name} takes none; `infoloop list` marks the experiments that do")
    if data is not None and not data.is_file():
        raise ValueError(f"--data is {data}, which is not a file; accepted: a CSV or a text file")
    out = Path("runs", name) if out is None else out
    check_writable(out)
    set_up_jax()
    say(console(), headline(provenance(profile=profile, seed=seed)))
    try:
        importlib.import_module(experiment.module).run(settings, data=data, out=out, resume=resume)
    except KeyboardInterrupt:
        kept = f"stopped; what was finished is kept in {out}; the same command with --resume goes on"
        raise KeyboardInterrupt(kept) from None
    return 0


def bench(*, profile: Profile = "quick", out: Annotated[Path, arg(metavar="DIR")] = Path("runs/bench")) -> int:
    """Measure the speed, side by side with the alternatives, in one run.

    Args:
        profile: quick takes minutes; full repeats more often.
        out: folder for the table.
    """
    check_writable(out)
    set_up_jax()
    importlib.import_module("experiments.bench").main(profile, out)
    return 0
