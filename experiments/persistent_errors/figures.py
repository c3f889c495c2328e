"""The figure of persistent errors; its docstring is the caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import beta

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.persistent_errors import study

SHOWN = 40  # rounds
SIZE = 10  # accepted samples a round


@plots.style()
def persistent_errors_figure(settings: Settings) -> Figure:
    """What retraining reaches if errors persist: of one task, exactly, and of public unit tests.

    Left: one task, verifier (.9, .3), accuracy .3 at the start, ten accepted samples a round. With independent errors
    at each look (persistence 0) the loop ends correct; if each output is judged once (1) all rounds after the first are
    for nothing. In between rounds help up to a peak and lose again: the loop drifts to what is always accepted. Right:
    six models on two benchmarks, one program a task, judged by the benchmark's own tests and by a far larger test set
    (EvalPlus). Grey: correct, of all programs. Blue: correct, of those that pass the benchmark's tests, with its 95 %
    interval (Jeffreys): what has passed passes again, so that the mean over tasks ends here at best, as long as one
    task teaches nothing about another. Green: what ten rounds with independent errors of these rates promise.

    In practice: ask whether a wrong output that passed would pass again. If so, one round is all that these verdicts
    give, and the next gain must come from a verifier with other errors.
    """
    fig, (left, right) = plots.figure(2, width=6.4, height=5.0)
    _rounds(left)
    _unit_tests(right)
    return fig


def _rounds(ax: Axes) -> None:
    colors = {0.0: plots.GREEN, 0.05: plots.BLUE, 0.2: plots.PURPLE, 1.0: plots.VERMILLION}
    lines = {}
    for rho, color in colors.items():
        path = study.by_round(SIZE, study.VERIFIER[0], rho, SHOWN)
        name = {0.0: "0: independent", 1.0: "1: judged once"}.get(rho, f"{rho:g}")
        lines[f"persistence {name}" if rho == 0 else name] = ax.plot(path, color=color, label=f"persistence {rho:g}")[0]
    ax.set(xlabel="round", ylabel="accuracy", ylim=(0.25, 1.02), xlim=(0, SHOWN))
    ax.set_title("errors that persist stop a loop early …")
    plots.direct_labels(ax, lines)


def _unit_tests(ax: Axes) -> None:
    pairs = [*study.MBPP[::-1], *study.HUMANEVAL[::-1]]
    place = np.arange(len(pairs)) + np.repeat([0, 1], len(study.MBPP))
    now = [pair.correct / (pair.correct + pair.accepted_wrong + pair.rejected) for pair in pairs]
    accepted = np.array([pair.correct / (pair.correct + pair.accepted_wrong) for pair in pairs])
    low, high = (
        np.array([beta.ppf(q, pair.correct + 0.5, pair.accepted_wrong + 0.5) for pair in pairs]) for q in (0.025, 0.975)
    )
    ax.plot(now, place, "o", color=plots.GREY, label="of all programs")
    reach = np.array([accepted - low, high - accepted])
    ax.errorbar(accepted, place, xerr=reach, fmt="o", color=plots.BLUE, label="of those that pass")
    ax.plot(np.ones(len(pairs)), place, "|", color=plots.GREEN, markersize=11, label="if errors were independent")
    ax.set_yticks(place, [pair.model for pair in pairs], fontsize=9.5)
    for name, at in (("MBPP", 6), ("HumanEval", 13)):
        ax.annotate(name, (0.2, at - 0.05), fontsize=10.5, color=plots.INK, va="center")
    ax.set(xlabel="share that is correct", xlim=(0.19, 1.03), ylim=(-0.8, 13.6))
    ax.set_title("… unit tests at 81 to 92 %, not at 100 %")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, fontsize=9.5)


FIGURES = {"persistent-errors": persistent_errors_figure}
