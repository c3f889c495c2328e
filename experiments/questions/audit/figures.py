"""The figures of an audit."""

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.questions.audit.answer import Audit
from experiments.questions.audit.rates import Verifier
from experiments.questions.intervals import Interval

MOST_GROUPS = 12
MOST_FEATURES = 6
LONGEST = 30  # label


@plots.style()
def rounds(audit: Audit) -> Figure | None:
    """The accuracy of what is accepted, by rounds of retraining; bands are 95 % intervals over prompts.

    Errors that persist leave it where the first round ends. In practice: more rounds pay only for a verifier whose
    errors are new at each look.
    """
    path, now = audit.reached.path, audit.reached.accuracy.now
    if path is None or now is None:
        return None
    fig, ax = plots.figure(width=7.2)
    kinds = [
        ("independent errors", path.independent, plots.BLUE),
        ("persistent errors", path.persistent, plots.VERMILLION),
    ]
    if path.estimated is not None:
        kinds.append(("as far as the log shows", path.estimated, plots.PURPLE))
    x = [0, *path.rounds]
    found = {}
    for name, values, color in kinds:
        low, middle, high = np.array([now, *values]).T
        found[name] = plots.band(ax, np.arange(len(x)), middle, low, high, color=color)
    ax.set(xlabel="rounds of retraining on what is accepted", ylabel="accuracy", ylim=(0, 1.02))
    ax.set_xticks(np.arange(len(x)), [str(t) for t in x])
    ax.set_title("What retraining on this log reaches")
    plots.direct_labels(ax, found)
    return fig


@plots.style()
def verifier(audit: Audit) -> Figure | None:
    """The verifier's rates, as a whole and for each group, or the curve of its score; bars are 95 % intervals.

    In practice: rates hold for outputs like those that were labelled; measure them again on a stronger model.
    """
    rows: dict[str, Verifier] = {"all": audit.verifier}
    ranked = sorted(audit.by_group.items(), key=lambda one: -one[1].fpr.middle if one[1].fpr else 0.0)
    rows |= dict(ranked[:MOST_GROUPS])
    kinds = [("tpr", plots.BLUE), ("fpr", plots.VERMILLION)]
    known = {name: one for name, one in rows.items() if one.tpr is not None and one.fpr is not None}
    if not known:
        return None
    fig, axes = plots.figure(2 if audit.roc is not None else 1, width=7.2, height=max(2.4, 0.42 * len(known) + 1.6))
    ax = axes[0] if audit.roc is not None else axes
    y = np.arange(len(known))[::-1]
    for kind, color in kinds:
        low, middle, high = np.array([getattr(one, kind) for one in known.values()]).T
        ax.errorbar(middle, y, xerr=[middle - low, high - middle], fmt="o", color=color, label=f"accepts {_of(kind)}")
    ax.set_yticks(y, [(name.partition("=")[2] or name)[:LONGEST] for name in known])
    ax.set(xlim=(-0.02, 1.02), xlabel="share accepted")
    ax.set_title("How often the verifier accepts")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)
    if audit.roc is not None:
        _curve(axes[1], audit)
    return fig


def _of(kind: str) -> str:
    return "correct outputs" if kind == "tpr" else "wrong outputs"


def _curve(ax, audit: Audit) -> None:
    roc = audit.roc
    assert roc is not None
    shown = np.unique(np.linspace(0, len(roc.curve) - 1, 400).astype(int))
    ax.plot(*np.vstack([[0, 0], roc.curve[shown]]).T, color=plots.BLUE, label="score")
    ax.plot(
        [roc.fpr], [roc.tpr], "o", color=plots.VERMILLION, label=f"threshold {roc.threshold:.3g}, which carries most"
    )
    ax.plot([0, 1], [0, 1], color=plots.GREY, linestyle=plots.DASHED, label="_no information")
    ax.set(xlabel="fpr", ylabel="tpr", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_title(f"The score: AUC {roc.auc.middle:.3f}")
    ax.legend(loc="lower right")


@plots.style()
def learned(audit: Audit) -> Figure | None:
    """Code length that a learner of one column alone saves of the verdicts, by rows seen: what is learned, and when.

    Rows in random orders of prompts, the mean over them. In practice: a model trained on these verdicts learns the
    columns that rise first before those below.
    """
    features = audit.teaches.answer.learned[:MOST_FEATURES]
    if not features:
        return None
    fig, ax = plots.figure(width=7.2)
    found = {}
    for one, color in zip(features, plots.COLORS, strict=False):
        known = np.isfinite(one.curve)
        x = audit.teaches.answer.samples[known]
        found[_label(audit, one.name)] = ax.plot(x, one.curve[known], color=color, linewidth=2)[0]
    ax.set(xscale="log", xlabel="rows seen", ylabel="code length saved [nats]")
    ax.set_yscale("symlog", linthresh=10)
    ax.set_title("What the verdicts teach first")
    plots.direct_labels(ax, found)
    return fig


def _label(audit: Audit, name: str) -> str:
    reference = audit.teaches.relative_to.get(name)
    text = name if reference is None else f"{name} / {reference}"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def interval(found: Interval | None) -> str:
    """For a table."""
    return "—" if found is None else f"{found.middle:.3g} [{found.low:.3g}, {found.high:.3g}]"


FIGURES = {"rounds": rounds, "verifier": verifier, "learned": learned}
