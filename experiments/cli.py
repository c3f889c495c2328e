"""The command line, `infoloop`: checks the claims, runs the experiments, measures the speed.

JAX, matplotlib and the experiments are imported inside the commands, so that `--help` answers at once.
"""

import importlib
import io
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import tyro
from rich.console import Console
from tyro.conf import FlagCreatePairsOff, Positional, arg

import experiments
from experiments import ledger
from experiments.ledger import Profile, Settings

DESCRIPTION = """What happens when generative models are trained on generated data, settled with numbers.

Start with `infoloop verify`, and open runs/verify/report.html when it is done.
`infoloop COMMAND --help` explains a command; `infoloop --version` prints the version."""


def verify(
    *,
    profile: Profile = "quick",
    claim: Annotated[str | None, arg(metavar="CLAIM", help_behavior_hint="(default: all)")] = None,
    row: Annotated[str | None, arg(metavar="ID", help_behavior_hint="(default: all)")] = None,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/verify"),
) -> int:
    """Check every claim and write down the evidence: a ledger, figures, and a page to read.

    Prints one line a claim while it goes. A claim holds, fails, or stays open; some are wrong on purpose (false twins)
    and are expected to fail. The exit status is 0 if every verdict is the expected one, 1 if not, 2 for a mistake in
    the command.

    Args:
        profile: quick takes minutes; full has more samples, longer loops and larger chains.
        claim: check only the rows of this claim, for instance C2.
        row: check only the row with this id (the first column of the ledger), and redraw only its figure.
        seed: of all random numbers; the same seed gives the same ledger.
        out: folder for ledger.json, report.html and the figures (PNG and SVG); rows that are not checked are kept.
    """
    start = time.perf_counter()
    settings = Settings(profile, seed)
    _set_up_jax()
    from experiments import verify as steps

    entries = steps.catalogue()
    chosen = steps.select(entries, claim, row)
    _check_writable(out)
    console, provenance = _console(), _provenance(settings)
    _print(console, _headline(provenance))
    try:
        rows = steps.check(chosen, settings, out, console)
        stems = steps.draw(chosen, settings, out, console, every=len(chosen) == len(entries))
    except KeyboardInterrupt:
        kept = f"stopped; the rows printed above are kept in {out / 'ledger.json'}"
        raise KeyboardInterrupt(f"{kept}; the same command checks all again, --row ID only one") from None
    seconds = f"{time.perf_counter() - start:.1f} s"
    steps.finish(entries, len(chosen), provenance | {"wall_time": seconds}, out)
    _print(console, f"\n{ledger.summary(rows)}, in {seconds}")
    drawn = f" and {len(stems)} figure{'s'[: len(stems) != 1]} (PNG and SVG)" if stems else ""
    _print(console, f"{out / 'report.html'} is the page to read; beside it: ledger.json{drawn}")
    return 0 if all(row.as_expected for row in rows) else 1


def list_() -> int:
    """Name the experiments, and say which take your own data.

    Those marked with --data FILE repeat the experiment on your data: a CSV of numbers (one sample a row, no header) or
    a text.
    """
    for experiment in experiments.EXPERIMENTS:
        print(experiment.name + ("  [--data FILE]" if experiment.takes_data else ""))
        print(f"    {experiment.title}")
    return 0


def run(
    name: Annotated[Positional[str], arg(metavar="NAME")],
    *,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: its own data)")] = None,
    profile: Profile = "quick",
    seed: Annotated[int, arg(metavar="N")] = 0,
    resume: FlagCreatePairsOff[bool] = False,
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
        raise ValueError(f"NAME is {name!r}; accepted: {', '.join(names)}")
    experiment = experiments.EXPERIMENTS[names.index(name)]
    if data is not None and not experiment.takes_data:
        raise ValueError(f"--data is given, but {name} takes none; `infoloop list` marks the experiments that do")
    if data is not None and not data.is_file():
        raise ValueError(f"--data is {data}, which is not a file; accepted: a CSV or a text file")
    out = Path("runs", name) if out is None else out
    _check_writable(out)
    _set_up_jax()
    _print(_console(), _headline(_provenance(settings)))
    try:
        importlib.import_module(experiment.module).run(settings, data=data, out=out, resume=resume)
    except KeyboardInterrupt:
        kept = f"stopped; what was finished is kept in {out}; the same command with --resume goes on"
        raise KeyboardInterrupt(kept) from None
    return 0


def check(
    graph: Annotated[Positional[str], arg(metavar="GRAPH")],
    *,
    before: Annotated[str, arg(metavar="NODES")],
    after: Annotated[str, arg(metavar="NODES")],
    figure: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: none)")] = None,
) -> int:
    """Say whether a pipeline is open: whether one model can know more about the task than another.

    For instance: infoloop check "X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1" --before Z0 --after Z1

    Args:
        graph: what is made of what; X is the task. Chains of arrows between semicolons, commas between several parents.
        before: the model that is there, or several nodes between commas.
        after: the model that is trained next, or several nodes between commas.
        figure: a picture of the pipeline, FILE.png or FILE.svg.
    """
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise ValueError(f"--figure is {figure}; accepted: FILE.png or FILE.svg")
    from experiments.explain import explain
    from theory import Pipeline

    pipeline = Pipeline(graph)
    verdict = pipeline.criterion(before, after)
    nodes = [names.replace(",", " ").split() for names in (before, after)]
    if figure is not None:
        from experiments import diagrams, plots

        with plots.style():
            diagrams.pipeline_figure(pipeline, verdict, *nodes).savefig(figure)
    _print(_console(), "\n".join(explain(verdict, *nodes)))
    return 0


def bench(*, profile: Profile = "quick", out: Annotated[Path, arg(metavar="DIR")] = Path("runs/bench")) -> int:
    """Measure the speed, side by side with the alternatives, in one run.

    Args:
        profile: quick takes minutes; full repeats more often.
        out: folder for the table.
    """
    _check_writable(out)
    _set_up_jax()
    importlib.import_module("experiments.bench").main(profile, out)
    return 0


def plan(
    *,
    initial: Annotated[str, arg(metavar="P")],
    tpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(or --verdicts-file)")] = None,
    fpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(default: solve for it)")] = None,
    verdicts_file: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(instead of --tpr, --fpr)")] = None,
    goal: Annotated[str | None, arg(metavar="P", help_behavior_hint="(default: tell what is reached)")] = None,
    verdicts: Annotated[str | None, arg(metavar="N", help_behavior_hint="(default: solve for it)")] = None,
    round_size: Annotated[str | None, arg(metavar="N", help_behavior_hint="(default: recommend one)")] = None,
    protocol: Literal["until-kept", "filtering"] = "until-kept",
    blocks: Annotated[str, arg(metavar="C")] = "2",
) -> int:
    """Plan a loop of sample, keep what the verifier keeps, retrain: how many verdicts, how accurate, how likely.

    For instance: infoloop plan --tpr .9 --fpr .2 --initial .3 --goal .99 --verdicts 300

    Args:
        initial: the share of right outputs at the start, as all shares: .3 or 30%.
        tpr: how often the verifier keeps a right output.
        fpr: how often it keeps a wrong one; left out, the largest one that is good enough.
        verdicts_file: labelled outputs that measure the verifier, a CSV of verdict,truth (1/0, keep/reject, ...).
        goal: the wanted probability that the loop ends with right outputs only.
        verdicts: the budget, 1000 or 1e3; rejected outputs count.
        round_size: samples kept in each round (filtering: proposals).
        protocol: until-kept samples until so many are kept; filtering samples so many and keeps some of them.
        blocks: equally likely candidate answers, for the bound that holds for every learner.
    """
    _set_up_jax()
    from experiments import plan as steps

    until_kept = protocol == "until-kept"
    if not until_kept:
        print("filtering is exact but slow: up to a minute ...", file=sys.stderr, flush=True)
    shares: dict[str, str | None] = {"initial": initial, "tpr": tpr, "fpr": fpr, "goal": goal}
    wholes: dict[str, str | None] = {"verdicts": verdicts, "round_size": round_size, "blocks": blocks}
    options: dict[str, Any] = {
        name: None if text is None else read(name.replace("_", "-"), text)
        for read, texts in ((steps.share, shares), (steps.whole, wholes))
        for name, text in texts.items()
    }
    print("\n".join(steps.lines(**options, until_kept=until_kept, labels=verdicts_file)))
    return 0


def race(
    *,
    intended: Annotated[str, arg(metavar="KIND")] = "parity",
    order: Annotated[int | None, arg(metavar="K", help_behavior_hint="(default: 3, or 1 where 3 is no order)")] = None,
    margin: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    scale: Annotated[float, arg(metavar="X")] = 1.0,
    spurious: Annotated[str, arg(metavar="KIND")] = "length",
    spurious_order: Annotated[int | None, arg(metavar="K", help_behavior_hint="(default: 1)")] = None,
    spurious_margin: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    spurious_scale: Annotated[float, arg(metavar="X")] = 1.0,
    agreement: Annotated[str, arg(metavar="SHARE")],
    label_noise: Annotated[str, arg(metavar="SHARE")] = "0.1",
    student: Literal["MLP", "linear", "table"] = "MLP",
    optimizer: Literal["Adam", "SGD"] = "Adam",
    learning_rate: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: 0.01, SGD 0.2)")] = None,
    samples: Annotated[str, arg(metavar="N")] = "32768",
    seeds: Annotated[int, arg(metavar="N")] = 8,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/race"),
) -> int:
    """Say which of two features of a label is learned first, when that turns, and what decorrelation it takes.

    For instance: infoloop race --intended parity --order 3 --spurious length --agreement .85 --label-noise .1

    KIND is bit, parity, threshold, two-layer, pattern, length, style, source or position. Predicted from learners that
    see one feature each, measured on one that sees both.

    Args:
        intended: the feature that should be learned.
        order: its difficulty, how many input columns carry it together; two-layer: in each of two groups.
        margin: how clearly it is written, from 0 to 1; parities, sources and positions have no margin.
        scale: multiplies its input columns, which are of size 1.
        spurious: the feature that goes along with the label.
        spurious_order: how many input columns, copies or pairs of sources carry it.
        spurious_margin: how clearly it is written.
        spurious_scale: multiplies its input columns.
        agreement: how often it does, a share from .5 to 1: .85 or 85%.
        label_noise: how often the label is not what the intended feature says.
        student: what learns: a network with 64 hidden units, none, or a table of signs.
        optimizer: how it is trained, in batches of 32.
        learning_rate: of the optimiser.
        samples: how many are seen, each once: 32768 or 1e5.
        seeds: independent runs, which give the errors.
        seed: of all random numbers.
        out: folder for the figure (race.png, race.svg), its numbers (race.csv) and what was asked (race.json).
    """
    from experiments.plan.screen import share, whole

    options = {
        "intended": intended,
        "order": order,
        "margin": margin,
        "scale": scale,
        "spurious": spurious,
        "spurious_order": spurious_order,
        "spurious_margin": spurious_margin,
        "spurious_scale": spurious_scale,
        "agreement": share("agreement", agreement),
        "label_noise": share("label-noise", label_noise),
        "student": student,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "samples": whole("samples", samples),
        "seeds": seeds,
    }
    settings = Settings(seed=seed)
    _set_up_jax()
    from experiments.thesis import race as steps

    asked = steps.case(**options)
    _check_writable(out)
    console, provenance = _console(), _provenance(settings)
    _print(console, _headline(provenance))
    found = steps.run(settings, asked, console)
    for line in steps.lines(asked, found):
        _print(console, line)
    files = steps.save(asked, found, out, options | {"provenance": provenance})
    _print(console, f"evidence: {', '.join(map(str, files))}")
    return 0


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _console() -> Console:
    return _Console(markup=False)


def _print(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)


def _set_up_jax() -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(RuntimeError):  # JAX runs already, called from Python
        jax.config.update("jax_num_cpu_devices", cores)  # loops are spread over devices, and a CPU counts as one


def _provenance(settings: Settings) -> dict[str, Any]:
    from sandbox import store

    return store.provenance() | {"profile": settings.profile, "seed": settings.seed}


def _headline(provenance: Mapping[str, Any]) -> str:
    """What computes, on one line."""
    versions = {name: provenance["versions"][name] for name in ("infoloop", "jax", "numpy", "python")}
    shown = ", ".join(f"{name} {number}" for name, number in versions.items())
    on = f"{provenance['backend']} × {provenance['num_devices']}"
    commit = (provenance["commit"] or "unknown")[:10]
    return f"{shown} on {on}; commit {commit}, profile {provenance['profile']}, seed {provenance['seed']}"


def _check_writable(out: Path) -> None:
    """Finds out before the work, not after it."""
    out.mkdir(parents=True, exist_ok=True)
    probe = out / f".{os.getpid()}.part"
    probe.touch()
    probe.unlink()


def _parse_and_run(arguments: Sequence[str]) -> int:
    if list(arguments) == ["--version"]:
        from importlib.metadata import version

        print(f"infoloop {version('infoloop')}")
        return 0
    commands = {"verify": verify, "list": list_, "run": run, "check": check, "plan": plan, "race": race, "bench": bench}
    return tyro.extras.subcommand_cli_from_dict(
        commands, prog="infoloop", description=DESCRIPTION, args=arguments or ["--help"]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: those of the command line by default.

    Returns:
        The exit status: 0, 1 (a verdict is not the expected one), 2 (a mistake of the user), 130 (stopped).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks ✓ gets a question mark, not an error
    try:
        status = _parse_and_run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader has gone, for instance `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt as stop:
        message, status = str(stop) or "stopped", 130
    except (ValueError, OSError) as error:
        message, status = _explain(error), 2
    print(f"infoloop: {' '.join(message.split())}", file=sys.stderr, flush=True)
    if arguments is None:  # at once, from a shell: a thread that still measures or compiles would be waited for
        sys.stdout.flush()
        os._exit(status)
    return status


def _explain(error: ValueError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error)
