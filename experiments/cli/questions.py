"""The commands that answer a question about your own pipeline."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from experiments.cli.options import Column, Where, persistence, read, share, whole
from experiments.cli.session import console, say, width
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
    found = pipeline.check(graph, **marks, **read(whole, rounds=rounds))
    if figure is not None:
        from experiments.harness import figures

        with figures.style():
            found.figure().savefig(figure)
    say(console(), "\n".join(found.lines))
    return int(fail_closed if found.closed else fail_open)


def plan(
    *,
    initial: Annotated[str | None, arg(metavar="P", help_behavior_hint="(default: that of --data)")] = None,
    spread: Annotated[str | None, arg(metavar="R", help_behavior_hint="(default: that of --data, or 0)")] = None,
    tpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(or --data)")] = None,
    fpr: Annotated[str | None, arg(metavar="RATE", help_behavior_hint="(default: solve for it)")] = None,
    errors: Annotated[str | None, arg(metavar="KIND", help_behavior_hint="(default: both)")] = None,
    data: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(instead of --tpr, --fpr)")] = None,
    verdict: Column = None,
    truth: Column = None,
    score: Column = None,
    prompt: Column = None,
    output: Column = None,
    where: Where = (),
    threshold: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: chosen)")] = None,
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
        spread: how much prompts differ: the correlation of two outputs of one prompt, 0 to .98.
        tpr: how often the verifier accepts a correct output.
        fpr: how often it accepts a wrong one; left out, the largest one that is good enough.
        errors: independent (each look decides anew), persistent (as unit tests), or the share that persists, .3.
        data: labelled outputs that measure the verifier, a row each.
        verdict: column of its verdicts (1/0, accept/reject, ...).
        truth: ... of whether the output is correct.
        score: ... of a score in the place of verdicts.
        prompt: ... of the prompt that is answered.
        output: ... of the output, by which looks at one output are known.
        where: keep rows with this value; several values of a column are alternatives.
        threshold: accepted is a score of at least this; chosen for the goal on half of the prompts if left out.
        goal: the wanted accuracy at the end, as the probability to end with correct outputs only.
        verdicts: the budget a prompt, 1000 or 1e3; rejected outputs count.
        round_size: samples accepted in each round (filtering: proposals).
        protocol: until-kept is rejection sampling until so many are accepted; filtering is of so many proposals.
        candidates: equally likely candidate answers, for the lower bound for any method.
    """
    columns = {"verdict": verdict, "truth": truth, "score": score, "prompt": prompt, "output": output}
    asked = [
        name for name, value in {**columns, "where": where, "threshold": threshold}.items() if value not in (None, ())
    ]
    if data is not None and (tpr is not None or fpr is not None):
        raise refuse("--data", "a file beside --tpr or --fpr", "the file, or the rates")
    if data is None and asked:
        raise refuse(f"--{asked[0]}", "a part of a file", "--data FILE beside it")
    import jax

    jax.config.update("jax_enable_x64", True)  # one small program is compiled, for which no cache is looked after
    from experiments.questions import logs
    from experiments.questions import plan as steps

    options = {
        **read(share, initial=initial, spread=spread, tpr=tpr, fpr=fpr, goal=goal),
        **read(persistence, errors=errors),
        **read(whole, verdicts=verdicts, round_size=round_size, candidates=candidates),
    }
    question = steps.Question(**options, until_kept=protocol == "until-kept")
    if data is not None:
        log = logs.read(str(data), **columns, threshold=threshold, where=where, group=(), feature=())
        if "verdict" not in log.roles and threshold is None:
            log = steps.thresholded(log, question.goal, question.errors)
        question = question._replace(log=log)
    print("\n".join(steps.lines(question, steps.answer(question), width(console()))))
    return 0
