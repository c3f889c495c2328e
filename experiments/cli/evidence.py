"""The commands that measure: all claims, one experiment, the speed."""

import importlib
import json
from pathlib import Path
from typing import Annotated

from tyro.conf import FlagCreatePairsOff, Positional, UseAppendAction, arg

import experiments
from experiments.cli.session import check_writable, console, headline, provenance, say, set_up_jax, width
from experiments.harness import ledger
from experiments.harness.ledger import Profile, Settings
from experiments.validation import refuse

Names = UseAppendAction[tuple[str, ...]]
Resume = Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")]


def verify(
    *,
    profile: Profile = "quick",
    claim: Annotated[Names, arg(metavar="CLAIM", help_behavior_hint="(default: all)")] = (),
    row: Annotated[Names, arg(metavar="ID", help_behavior_hint="(default: all)")] = (),
    seed: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: 0)")] = None,
    seeds: Annotated[int | None, arg(metavar="N", help_behavior_hint="(default: one)")] = None,
    resume: Resume = False,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/verify"),
) -> int:
    """Check every claim and write down the evidence: a ledger, figures, and a page to read.

    Prints a line for each row of the ledger while it goes, and a line for each claim at the end. A row holds, fails, or
    stays open, where the profile has too few samples; negative controls lack a hypothesis of their row and must not
    hold. The exit status is 1 if a row is refuted or a control holds, in the full profile also if a row is open, 2 for
    a mistake in the command, else 0.

    Args:
        profile: quick takes minutes; full has more samples, longer loops and larger chains.
        claim: check only the rows of this claim, for instance C2; with more of --claim and --row, all that they name.
        row: check only the row with this id (the first column of the ledger), and redraw only its figure.
        seed: of all random numbers; the same seed gives the same ledger.
        seeds: check at seeds 0 to N - 1 and write the outcomes to seeds.json; the rest is that of seed 0.
        resume: go on with the run that was stopped in the same --out: what it has computed is read, not computed again.
        out: folder for ledger.json, report.html and the figures (PNG, SVG, data as CSV); rows that are not
            checked are kept.
    """
    if seeds is not None and (seed is not None or seeds < 1):
        given = f"{seeds}" + (" beside --seed" if seed is not None else "")
        raise refuse("--seeds", given, "a whole number from 1 on, without --seed")
    settings = Settings(profile, seed or 0, out / "studies", resume)
    set_up_jax()
    from experiments.harness import catalogue, cost, statements, summary  # takes seconds
    from experiments.harness import verify as steps

    cost.count_compilations()
    start = cost.Cost.now()
    terminal, computed = console(), provenance(profile=profile, seed=settings.seed)
    say(terminal, headline(computed))
    loaded = catalogue.load_all()
    in_words = statements.in_order(loaded)
    chosen = steps.select(loaded, claim, row)
    check_writable(out)
    try:
        rows, stems = steps.measure(chosen, settings, out, terminal)
        by_seed = [rows] if seeds is None else steps.other_seeds(chosen, rows, settings, seeds, terminal)
    except KeyboardInterrupt:
        done = f"stopped; the rows printed above are kept in {out / 'ledger.json'}"
        raise KeyboardInterrupt(f"{done}; the same command with --resume goes on") from None
    spent = cost.Cost.now().since(start)
    computed |= spent.fields() | ({"studies read from disk": len(settings.read)} if resume else {})
    outcomes = None if seeds is None else steps.outcomes(by_seed)
    steps.finish(loaded, in_words, rows, computed, out, outcomes)
    say(terminal, "\n".join(["", *summary.screen(rows, in_words, width(terminal))]))
    if outcomes is not None:
        ledger.write_atomic(out / "seeds.json", json.dumps(outcomes, indent=1) + "\n")
        say(terminal, "\n".join(["", *_changing(outcomes)]))
    say(terminal, f"\n{spent}")
    drawn = f" and {len(stems)} figure{'s'[: len(stems) != 1]} (PNG, SVG, data as CSV)" if stems else ""
    say(terminal, f"{out / 'report.html'} is the page to read; beside it: ledger.json{drawn}")
    say(terminal, ledger.summary(rows))
    return max(ledger.status(seed_rows, profile) for seed_rows in by_seed)


def _changing(outcomes: dict[str, list[ledger.Outcome]]) -> list[str]:
    """The rows whose outcome is not the same at every seed."""
    changing = {id: found for id, found in outcomes.items() if len(set(found)) > 1}
    num_seeds = max(map(len, outcomes.values()))
    lines = [f"{id}: {' '.join(found)}" for id, found in changing.items()]
    return [f"over {num_seeds} seeds {len(changing)} of {len(outcomes)} rows change their outcome", *lines]


def list_() -> int:
    """Name the experiments, and say which take your own data.

    Those marked with --data FILE repeat the experiment on your data: a table of numbers, one sample a row, or a text.
    """
    from experiments.harness import catalogue

    terminal = console()
    for name in experiments.EXPERIMENTS:
        title, takes_data = catalogue.about(name)
        say(terminal, name + ("  [--data FILE]" if takes_data else ""))
        say(terminal, f"    {title}")
    return 0


def run(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    *,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: its own data)")] = None,
    profile: Profile = "quick",
    seed: Annotated[int, arg(metavar="N")] = 0,
    resume: Resume = False,
    out: Annotated[Path | None, arg(metavar="DIR", help_behavior_hint="(default: runs/NAME)")] = None,
) -> int:
    """Run one experiment, on its own data or on yours.

    Args:
        name: of the experiment, as `infoloop list` prints it.
        data: your own data, for experiments that take it: a table of numbers, one sample a row, or a text.
        profile: quick takes minutes; full has more replicas and longer loops.
        seed: of all random numbers; the same seed gives the same result.
        resume: go on with the run that was stopped in the same --out.
        out: folder for figures and results.
    """
    from experiments.harness import catalogue

    module, (_, takes_data) = catalogue.module_of(name), catalogue.about(name)
    if data is not None and not takes_data:
        raise refuse("--data", data, f"none with {name}; `infoloop list` marks the experiments that take data")
    out = Path("runs", name) if out is None else out
    settings = Settings(profile, seed, out / "studies", resume)
    check_writable(out)
    set_up_jax()
    say(console(), headline(provenance(profile=profile, seed=seed)))
    try:
        if takes_data:
            importlib.import_module(module).run(settings, data=data, out=out, resume=resume)
        else:
            from experiments.harness import verify as steps

            rows, stems = steps.measure([catalogue.load(name)], settings, out, console())
            say(console(), f"{ledger.summary(rows)}; {len(stems)} figures (PNG, SVG and CSV) are in {out}")
    except KeyboardInterrupt:
        done = f"stopped; what was finished is kept in {out}; the same command with --resume goes on"
        raise KeyboardInterrupt(done) from None
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
