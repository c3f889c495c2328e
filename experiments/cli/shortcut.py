"""The command that says what is learned first: of a synthetic label, or of the rows of a log."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import UseAppendAction, arg

from experiments.cli.options import Column, Where, read, share, whole
from experiments.cli.session import check_writable, console, headline, provenance, say, set_up_jax
from experiments.validation import refuse

Several = UseAppendAction[tuple[str, ...]]


def _several(values: str, default: str) -> Any:
    """One value or more."""
    return arg(metavar=f"{values} ...", help_behavior_hint=f"(default: {default})")


def shortcut(
    *,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: a synthetic signal)")] = None,
    intended: Annotated[Several, _several("KIND|COL", "parity; of --data, the truth")] = (),
    order: Annotated[str | None, arg(metavar="K", help_behavior_hint="(default: 3, or 1 where 3 is no order)")] = None,
    margin: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    scale: Annotated[float, arg(metavar="X")] = 1.0,
    spurious: Annotated[Several, _several("KIND|COL", "length; of --data, needed")] = (),
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
    prompt: Column = None,
    threshold: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: none)")] = None,
    group: Annotated[str | None, arg(metavar="COL", help_behavior_hint="(default: none)")] = None,
    where: Where = (),
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
    shares = read(share, margin=margin, spurious_margin=spurious_margin, agreement=agreement, label_noise=label_noise)
    options = {**synthetic, **kinds, **shares}
    options |= read(whole, order=order, spurious_order=spurious_order, samples=samples)
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


def _kind(option: str, given: tuple[str, ...], default: str) -> str:
    if len(given) > 1:
        raise refuse(f"--{option}", " ".join(given), "one KIND; columns are those of --data FILE")
    return given[0] if given else default


def _measured(
    data: Path, intended: tuple[str, ...], spurious: tuple[str, ...], options: Mapping[str, Any], out: Path
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
