"""The commands that answer a question about your own pipeline."""

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from experiments.cli.options import share, whole
from experiments.cli.session import check_writable, console, headline, provenance, say, set_up_jax, width
from experiments.validation import refuse


def _several(values: str, default: str) -> Any:
    """One value or more."""
    return arg(metavar=f"{values} ...", help_behavior_hint=f"(default: {default})")


def check(
    graph: Annotated[Positional[str], arg(metavar="GRAPH")],
    *,
    before: Annotated[str, arg(metavar="NODES")],
    after: Annotated[str, arg(metavar="NODES")],
    figure: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: none)")] = None,
) -> int:
    """Say whether a pipeline is open: whether one model can know more about the task than another.

    For instance:

        infoloop check "X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1" --before Z0 --after Z1

    Args:
        graph: what is made of what; X is the task. Chains of arrows between semicolons, commas between several parents.
        before: the model that is there, or several nodes between commas.
        after: the model that is trained next, or several nodes between commas.
        figure: a picture of the pipeline, FILE.png or FILE.svg.
    """
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise refuse("--figure", figure, "FILE.png or FILE.svg")
    from experiments.questions import pipeline

    found = pipeline.check(graph, before=before, after=after)
    if figure is not None:
        from experiments.harness import figures

        with figures.style():
            found.figure().savefig(figure)
    say(console(), "\n".join(found.lines))
    return 0


def plan(
    *,
    initial: Annotated[str | None, arg(metavar="P", help_behavior_hint="(default: that of --verdicts-file)")] = None,
    tpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(or --verdicts-file)")] = None,
    fpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(default: solve for it)")] = None,
    verdicts_file: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(instead of --tpr, --fpr)")] = None,
    goal: Annotated[str | None, arg(metavar="P", help_behavior_hint="(default: tell what is reached)")] = None,
    verdicts: Annotated[str | None, arg(metavar="N", help_behavior_hint="(default: solve for it)")] = None,
    round_size: Annotated[str | None, arg(metavar="N", help_behavior_hint="(default: recommend one)")] = None,
    protocol: Literal["until-kept", "filtering"] = "until-kept",
    candidates: Annotated[str, arg(metavar="C")] = "2",
) -> int:
    """Plan a loop of sampling, accepting by a verifier and retraining: how many verdicts, how accurate, how likely.

    For instance:

        infoloop plan --tpr .9 --fpr .2 --initial .3 --goal .99 --verdicts 300

    Args:
        initial: the accuracy at the start, as all shares: .3 or 30%.
        tpr: how often the verifier accepts a correct output.
        fpr: how often it accepts a wrong one; left out, the largest one that is good enough.
        verdicts_file: labelled outputs that measure the verifier, a table of verdict,truth (1/0, accept/reject, ...).
        goal: the wanted probability that the loop ends with correct outputs only.
        verdicts: the budget, 1000 or 1e3; rejected outputs count.
        round_size: samples accepted in each round (filtering: proposals).
        protocol: until-kept is rejection sampling until so many are accepted; filtering is of so many proposals.
        candidates: equally likely candidate answers, for the lower bound for any method.
    """
    set_up_jax()
    from experiments.questions import plan as steps

    options = {
        **_read(share, initial=initial, tpr=tpr, fpr=fpr, goal=goal),
        **_read(whole, verdicts=verdicts, round_size=round_size, candidates=candidates),
    }
    said: tuple[str, ...] = ()
    question = steps.Question(**options, until_kept=protocol == "until-kept")
    if verdicts_file is not None:
        if tpr is not None or fpr is not None:
            raise refuse("--verdicts-file", "a file beside --tpr or --fpr", "the file, or the rates")
        counts, said = steps.read_counts(verdicts_file)
        question = question._replace(counts=counts)
    steps.check(question)
    if not question.until_kept:
        print("filtering is exact but slow: up to a minute ...", file=sys.stderr, flush=True)
    print("\n".join(steps.lines(question, steps.answer(question), width(console()), said)))
    return 0


def shortcut(
    *,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: a synthetic signal)")] = None,
    intended: Annotated[list[str] | None, _several("KIND|COL", "parity; of --data, the truth")] = None,
    order: Annotated[str | None, arg(metavar="K", help_behavior_hint="(default: 3, or 1 where 3 is no order)")] = None,
    margin: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    scale: Annotated[float, arg(metavar="X")] = 1.0,
    spurious: Annotated[list[str] | None, _several("KIND|COL", "length; of --data, needed")] = None,
    spurious_order: Annotated[str | None, arg(metavar="K", help_behavior_hint="(default: 1)")] = None,
    spurious_margin: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    spurious_scale: Annotated[float, arg(metavar="X")] = 1.0,
    agreement: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(needed without --data)")] = None,
    label_noise: Annotated[str, arg(metavar="SHARE")] = "0.1",
    student: Literal["MLP", "linear", "table"] = "MLP",
    optimizer: Literal["Adam", "SGD"] = "Adam",
    learning_rate: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: 0.01, SGD 0.2)")] = None,
    samples: Annotated[str, arg(metavar="N")] = "32768",
    seeds: Annotated[int, arg(metavar="N")] = 8,
    seed: Annotated[int, arg(metavar="N")] = 0,
    label: Annotated[str | None, arg(metavar="COL", help_behavior_hint="(default: the verdict or score)")] = None,
    prompt: Annotated[str | None, arg(metavar="COL", help_behavior_hint="(default: by its name)")] = None,
    threshold: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: none)")] = None,
    group: Annotated[str | None, arg(metavar="COL", help_behavior_hint="(default: none)")] = None,
    where: Annotated[list[str] | None, _several("COL=VALUE", "all rows")] = None,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/shortcut"),
) -> int:
    """Say which feature of a label is learned first, and when a learner switches: on your rows, or synthetic.

    For instance:

        infoloop shortcut --data judge.csv --intended model --spurious chars words
        infoloop shortcut --intended parity --order 3 --spurious length --agreement .85 --label-noise .1

    With --data, single-feature learners are trained on the rows of a log, a row an output. Without, two features of a
    KIND, order and noise that you assume: bit, parity, threshold, two-layer, pattern, length, style, source or
    position; predicted from learners that see one feature each, measured on one that sees both.

    Args:
        data: a log, of CSV, TSV or JSON Lines.
        intended: the feature that should be learned; of a log, columns or COL=VALUE.
        order: its difficulty, how many input columns carry it together; two-layer: in each of two groups.
        margin: how clearly it is written, from 0 to 1; parities, sources and positions have no margin.
        scale: multiplies its input columns, which are of size 1.
        spurious: the feature that is learned instead; of a log, columns or COL=VALUE.
        spurious_order: how many input columns, copies or pairs of sources carry it.
        spurious_margin: how clearly it is written.
        spurious_scale: multiplies its input columns.
        agreement: how often the spurious feature agrees with the label, a share from .5 to 1: .85 or 85%.
        label_noise: how often the intended feature disagrees with the label.
        student: a network with 64 hidden units, a linear one, or a table of signs.
        optimizer: how it is trained, in batches of 32.
        learning_rate: of the optimiser.
        samples: how many are seen, each once: 32768 or 1e5.
        seeds: independent runs, which give the errors.
        seed: of all random numbers.
        label: of --data, the column that is learned.
        prompt: of --data, the column of the prompts.
        threshold: of --data, a score that is accepted.
        group: of --data, measures each value of a column.
        where: of --data, the rows that are kept.
        out: folder for the figure (shortcut.png, shortcut.svg), its numbers (shortcut.csv) and the options
            (shortcut.json); with --data columns and pairs, too.
    """
    synthetic = {
        "order": order,
        "margin": margin,
        "scale": scale,
        "spurious_order": spurious_order,
        "spurious_margin": spurious_margin,
        "spurious_scale": spurious_scale,
        "agreement": agreement,
        "label_noise": label_noise,
        "student": student,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "samples": samples,
        "seeds": seeds,
        "seed": seed,
    }
    measured = {"label": label, "prompt": prompt, "threshold": threshold, "group": group, "where": where}
    _one_form(shortcut, synthetic if data is not None else measured, "with" if data is not None else "without")
    if data is not None:
        return _measured(data, intended, spurious, measured, out)
    if agreement is None:
        raise refuse("--agreement", "nothing", "a value, or --data FILE; --help explains both")
    kinds = {"intended": _kind("intended", intended, "parity"), "spurious": _kind("spurious", spurious, "length")}
    shares = _read(share, margin=margin, spurious_margin=spurious_margin, agreement=agreement, label_noise=label_noise)
    options = {**synthetic, **kinds, **shares}
    options |= _read(whole, order=order, spurious_order=spurious_order, samples=samples)
    options.pop("seed")
    set_up_jax()
    from experiments.questions import shortcut as steps

    question = steps.question(**options)
    check_writable(out)
    terminal, computed = console(), provenance(seed=seed)
    say(terminal, headline(computed))
    found = steps.answer(question, seed, terminal)
    for line in steps.lines(question, found):
        say(terminal, line)
    files = steps.save(question, found, out, options | {"provenance": computed})
    say(terminal, f"evidence: {', '.join(map(str, files))}")
    return 0


def _one_form(command: Callable[..., int], of_other: Mapping[str, Any], how: str) -> None:
    """Refuses an option of the other form."""
    defaults = inspect.signature(command).parameters
    for name, value in of_other.items():
        if value != defaults[name].default:
            raise refuse(
                f"--{name.replace('_', '-')}", f"{value} {how} --data", "it in the other form; --help explains both"
            )


def _kind(option: str, given: list[str] | None, default: str) -> str:
    if given is not None and len(given) != 1:
        raise refuse(f"--{option}", " ".join(given), "one KIND; columns are those of --data FILE")
    return default if given is None else given[0]


def _measured(
    data: Path, intended: list[str] | None, spurious: list[str] | None, options: Mapping[str, Any], out: Path
) -> int:
    """`shortcut` on the rows of a log."""
    from experiments.questions.shortcut import rows, told

    log = rows.read(data, **{name: value for name, value in options.items() if name != "group"})
    found = rows.measure(log, *rows.sides(log, intended, spurious), options["group"])
    check_writable(out)
    terminal, computed = console(), provenance()
    say(terminal, headline(computed))
    for line in told.lines(found):
        say(terminal, line)
    asked = {"data": data, "intended": found.sides[0].names, "spurious": found.sides[1].names, **options}
    files = told.save(found, out, asked | {"provenance": computed})
    say(terminal, f"evidence: {', '.join(map(str, files))}")
    return 0


def _read(reader: Callable[[str, str], Any], **texts: str | None) -> dict[str, Any]:
    """What was written for some options, read by `reader(option, text)`; None stays None."""
    return {name: None if text is None else reader(f"--{name.replace('_', '-')}", text) for name, text in texts.items()}
