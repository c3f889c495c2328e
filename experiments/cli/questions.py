"""The commands that answer a question about your own pipeline."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from experiments.cli.options import share, whole
from experiments.cli.session import check_writable, console, headline, provenance, say, set_up_jax, width
from experiments.validation import refuse


def check(
    graph: Annotated[Positional[str], arg(metavar="GRAPH")],
    *,
    before: Annotated[str | None, arg(metavar="NODES", help_behavior_hint="(or in the file)")] = None,
    after: Annotated[str | None, arg(metavar="NODES", help_behavior_hint="(or in the file)")] = None,
    rounds: Annotated[str | None, arg(metavar="N", help_behavior_hint="(default: 1)")] = None,
    fixed: Annotated[str | None, arg(metavar="NODES", help_behavior_hint="(default: none)")] = None,
    fresh: Annotated[str | None, arg(metavar="NODES", help_behavior_hint="(default: none)")] = None,
    against: Annotated[str | None, arg(metavar="GRAPH", help_behavior_hint="(default: none)")] = None,
    fail_open: bool = False,
    fail_closed: bool = False,
    figure: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: none)")] = None,
) -> int:
    """Say whether a pipeline is open: whether one model can know more about the task than another.

    For instance:

        infoloop check "X -> D -> Z0 -> D0 -> Z1; X, D0 -> S0 -> Z1" --before Z0 --after Z1

    GRAPH may be a file, such as loop.toml, whose keys are the options; then nats are told too:

        graph = "X -> M0 -> Out; X -> Tests; Out, Tests -> M1"
        before = "M0"
        after = "M1"
        rounds = 3
        fixed = "Tests"
        rates.Tests = {tpr = 0.95, fpr = 0.2, verdicts = 500}

    tpr and fpr are how often correct and wrong outputs are accepted, verdicts how many there are in a round;
    nats = 2.5 in their place is told directly, of all rounds if fixed, of each if fresh. Options win over the file.

    Args:
        graph: what is made of what; X is the task. Chains of arrows between semicolons, commas between several parents.
        before: the model that is there, or several nodes between commas.
        after: the model that is trained next, or several nodes between commas.
        rounds: how often, where what is made after one round is what is there before the next.
        fixed: nodes that are drawn once for all rounds: deterministic tests, a fixed judge, an answer key.
        fresh: nodes with new noise at each use, in each round.
        against: another pipeline, GRAPH or FILE.toml, to compare with; what it leaves out is as in the first.
        fail_open: exit status 1 if the first pipeline is open.
        fail_closed: exit status 1 if it is closed.
        figure: a picture of the pipeline, of one round, FILE.png or FILE.svg.
    """
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise refuse("--figure", figure, "FILE.png or FILE.svg")
    if fail_open and fail_closed:
        raise refuse("--fail-closed", "it beside --fail-open", "one of them")
    from experiments.questions import pipeline

    marks = {"before": before, "after": after, "fixed": fixed, "fresh": fresh, "against": against}
    found = pipeline.check(graph, **marks, **_read(whole, rounds=rounds))
    if figure is not None:
        from experiments.harness import figures

        with figures.style():
            found.figure().savefig(figure)
    say(console(), "\n".join(found.lines))
    return int(fail_closed if found.closed else fail_open)


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
    intended: Annotated[str, arg(metavar="KIND")] = "parity",
    order: Annotated[str | None, arg(metavar="K", help_behavior_hint="(default: 3, or 1 where 3 is no order)")] = None,
    margin: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    scale: Annotated[float, arg(metavar="X")] = 1.0,
    spurious: Annotated[str, arg(metavar="KIND")] = "length",
    spurious_order: Annotated[str | None, arg(metavar="K", help_behavior_hint="(default: 1)")] = None,
    spurious_margin: Annotated[str | None, arg(metavar="SHARE", help_behavior_hint="(default: the kind's)")] = None,
    spurious_scale: Annotated[float, arg(metavar="X")] = 1.0,
    agreement: Annotated[str, arg(metavar="SHARE")],
    label_noise: Annotated[str, arg(metavar="SHARE")] = "0.1",
    student: Literal["MLP", "linear", "table"] = "MLP",
    optimizer: Literal["Adam", "SGD"] = "Adam",
    learning_rate: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: 0.01, SGD 0.2)")] = None,
    samples: Annotated[str, arg(metavar="N")] = "32768",
    seeds: Annotated[int, arg(metavar="N")] = 8,
    seed: Annotated[int, arg(metavar="N")] = 0,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/shortcut"),
) -> int:
    """Say which of two features of a label is learned first, when the student switches, and how to decorrelate it.

    For instance:

        infoloop shortcut --intended parity --order 3 --spurious length --agreement .85 --label-noise .1

    KIND is bit, parity, threshold, two-layer, pattern, length, style, source or position. Predicted from learners that
    see one feature each, measured on one that sees both.

    Args:
        intended: the feature that should be learned.
        order: its difficulty, how many input columns carry it together; two-layer: in each of two groups.
        margin: how clearly it is written, from 0 to 1; parities, sources and positions have no margin.
        scale: multiplies its input columns, which are of size 1.
        spurious: the feature that is learned instead of it.
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
        out: folder for the figure (shortcut.png, shortcut.svg), its numbers (shortcut.csv) and the options
            (shortcut.json).
    """
    options = {
        "intended": intended,
        "scale": scale,
        "spurious": spurious,
        "spurious_scale": spurious_scale,
        "student": student,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "seeds": seeds,
        **_read(share, margin=margin, spurious_margin=spurious_margin, agreement=agreement, label_noise=label_noise),
        **_read(whole, order=order, spurious_order=spurious_order, samples=samples),
    }
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


def _read(reader: Callable[[str, str], Any], **texts: str | None) -> dict[str, Any]:
    """What was written for some options, read by `reader(option, text)`; None stays None."""
    return {name: None if text is None else reader(f"--{name.replace('_', '-')}", text) for name, text in texts.items()}
