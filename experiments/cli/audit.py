"""The command that reads a log."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from experiments.cli.options import Column, Columns, Where, persistence, read
from experiments.cli.session import check_writable, console, headline, provenance, say, width


def audit(
    file: Annotated[Positional[Path], arg(metavar="FILE")],
    *,
    verdict: Column = None,
    truth: Column = None,
    score: Column = None,
    prompt: Column = None,
    output: Column = None,
    group: Columns = (),
    feature: Columns = (),
    threshold: Annotated[float | None, arg(metavar="X", help_behavior_hint="(default: chosen, or none)")] = None,
    where: Where = (),
    errors: Annotated[str | None, arg(metavar="KIND", help_behavior_hint="(default: from the log)")] = None,
    out: Annotated[Path, arg(metavar="DIR")] = Path("runs/audit"),
) -> int:
    """Read a log of outputs and verdicts: how good the verifier is, what retraining reaches, what is learned first.

    For instance, of a table with the columns task, verdict, correct and chars:

        infoloop audit verdicts.csv --where model=ours

    Args:
        file: the log, a row an output: CSV, TSV, JSON Lines.
        verdict: column of its verdicts, 1/0, pass/fail, ...
        truth: ... of whether the output is correct; may have gaps.
        score: ... of a score, in the place of verdicts.
        prompt: ... of the prompt that the output answers.
        output: ... of the output, or its hash, by which looks at one output are known.
        group: ... of few values, such as the model.
        feature: ... of numbers, relative to ref_COL if there is one.
        threshold: accepted is a score of at least this.
        where: keep rows with this value (COL!=VALUE: without it); values of one column are alternatives.
        errors: independent (each look decides anew), persistent (as unit tests), or the share that persists.
        out: folder for audit.json, audit.html, figures and lists of rows.
    """
    told = read(persistence, errors=errors)["errors"]
    check_writable(out)
    import jax

    jax.config.update("jax_enable_x64", True)
    from experiments.questions.audit import answer, page, screen

    names = {"verdict": verdict, "truth": truth, "score": score, "prompt": prompt, "output": output}
    found = answer.audit(
        str(file),
        errors=told,
        group=group or None,
        feature=feature or None,
        threshold=threshold,
        where=where,
        **names,
    )
    terminal, computed = console(), provenance()
    say(terminal, headline(computed))
    print("\n".join(screen.lines(found, width(terminal))))
    files = page.save(found, out, computed)
    say(terminal, f"evidence: {', '.join(map(str, files))}")
    return 0
