"""What the criterion says about a pipeline, in plain words: the screen of `infoloop check`."""

from collections.abc import Sequence

from theory import Closed, Open


def explain(verdict: Closed | Open, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """A verdict of the criterion in plain words."""
    known, gained = ",".join(before), ",".join(after)
    old, new = _and(before), _and(after)
    knows, does, leaves = ("knows", "does", "leaves") if len(before) == 1 else ("know", "do", "leave")
    if isinstance(verdict, Closed) and not verdict.by:
        return [f"CLOSED: {new} can know nothing about X.", f"    I(X;{gained}) = 0   (no way leads there from X)"]
    if isinstance(verdict, Closed):
        return [
            f"CLOSED: {new} cannot know more about X than {old} {does}.",
            f"Every way from X to {new} is blocked by {_and(verdict.by)}.",
            f"    I(X;{gained}|{known}) = 0, hence I(X;{gained}) <= I(X;{known})   (data processing inequality)",
            f"In practice: no training, filter or amount of samples gets past what {old} {knows} about X;",
            f"another way from X to {new} would: fresh data, a verifier, a person.",
        ]
    direct = [path for path in verdict.paths if "<-" not in path]
    lines = [f"OPEN: {new} can know more about X than {old} {does}." if before else f"OPEN: {new} can know about X."]
    lines += [f"Information enters by {path}" for path in (direct or verdict.paths)[:5]]
    if not direct:
        lines.append(f"(-> S <- : two causes of S; one tells of the other to those who know S, or {old})")
    elif len(direct) > 5:
        lines.append("and by longer paths.")
    start = (f"I(X;{known}) + ", f"what {old} {knows}, plus ") if before else ("", "")
    lines.append(f"    I(X;{gained}) <= {start[0]}{verdict.bound}")
    if not verdict.through:
        unknown = f"what {old} {leaves} unknown about X" if before else "all that there is to know about X"
        return [*lines, f"In practice: {new} can learn {unknown}; no node in between limits it further."]
    terms = [term[4:-1].partition("|") for term in verdict.bound.split(" + ")]
    told = [f"what {node} tells about X" + f" beyond {_and(rest.split(','))}" * bool(rest) for node, _, rest in terms]
    sources = _and([node for node, _, _ in terms])
    return [
        *lines,
        f"At most: {start[1]}{', plus '.join(told)}.",
        f"In practice: all gain comes by {sources}, and ends when nothing new about X is told there.",
    ]


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
