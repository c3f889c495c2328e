"""The figures of coverage; the docstring of each is its caption."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.coverage import study
from experiments.coverage.study import BUDGET, DISTINCT, ITEMS, NOISY, SHOWN, SURE
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings

QUERIED = (16, 64, 256)  # different prompts
REPEATED = (1, 4, 16, 256)


@plots.style()
def nats(settings: Settings) -> Figure:
    """64 queries, spent on m prompts of two equally likely classes, 64/m queries each; exact.

    Left: the information in all verdicts, for verifiers (tpr, fpr) with independent errors. Right: the share of 64
    prompts whose class is then known at 95 % confidence, for the verifier (.8, .2).

    In practice: for information, query a new prompt rather than the same one again. For certainty, repeat the queries
    of fewer prompts.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.2)
    lines = {}
    for verifier, color in zip(study.VERIFIERS, plots.COLORS, strict=False):
        nats = [study.total_information(verifier, m) for m in DISTINCT]
        name = f"({verifier[0]:g}, {verifier[1]:g})".replace("0.", ".")
        lines[name] = left.plot(DISTINCT, nats, "o-", color=color)[0]
    left.set(yscale="log", ylabel="I(X; all verdicts)  [nats]", title="new prompts carry more information …")
    left.text(0.02, 0.95, "verifier (tpr, fpr)", transform=left.transAxes, color=plots.GREY)
    left.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    left.set_yticks([], minor=True)
    shares = [study.known_share(m) for m in DISTINCT]
    right.plot(DISTINCT, shares, "o-", color=plots.COLORS[study.VERIFIERS.index(NOISY)], label="_(.8, .2)")
    right.set(
        ylabel=f"share known at {100 * SURE:g} % confidence", title="… repeated ones more certainty, verifier (.8, .2)"
    )
    for ax in (left, right):
        plots.log_ticks(ax.xaxis, DISTINCT)
        ax.set_xlabel(f"prompts queried, m ({BUDGET}/m queries each)")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, lines)
    return fig


@plots.style()
def learned(settings: Settings) -> Figure:
    """Networks after 4096 prompts, 4 verdicts (SFT: one reference) on each; means over seeds with 95 % bands.

    Left, RLVR: the prompts are m different ones about 4 or 16 items, repeated in turn. Solid: accuracy on new items;
    dashed: on the items of training; both in new wordings. Right: the accuracy on new items if each prompt is about an
    item of its own and comes 4096/m times.

    In practice: at an equal budget, new items teach more about new items, new wordings of an item more about that item.
    A few repeats are nearly as good as new prompts, for verdicts and for references; many are not.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.4)
    lines = {}
    for items, color in zip(ITEMS, (plots.ORANGE, plots.GREEN), strict=True):
        runs = [study.network_learned(settings, "RLVR", m, items) for m in QUERIED]
        for name, values, dashes in (
            (f"{items} items: new ones", [run.new for run in runs], "-"),
            (f"{items} items: themselves", [run.trained for run in runs], "--"),
        ):
            lines[name] = _band(left, QUERIED, values, color)
            lines[name].set_linestyle(dashes)
    left.set(xlabel="different prompts, m", ylabel="accuracy", title="items and wordings count apart")
    taught = {}
    for method, color in (("RLVR", plots.BLUE), ("SFT", plots.VERMILLION)):
        values = [study.network_learned(settings, method, SHOWN // k, SHOWN // k).new for k in REPEATED]
        taught[method] = _band(right, REPEATED, values, color)
    right.set(xlabel="repeats of each prompt", ylabel="accuracy on new items", title="a few repeats cost little")
    for ax, ticks in ((left, QUERIED), (right, REPEATED)):
        plots.log_ticks(ax.xaxis, ticks)
        ax.set_ylim(0.25, 1.02)
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, lines)
    plots.direct_labels(right, taught)
    return fig


def _band(ax: Axes, x: Sequence[int], values: list[np.ndarray], color: str) -> Line2D:
    """The means over seeds of values [x][seed], with their 95 % bands."""
    found = np.array(values)
    line = plots.band(ax, x, found.mean(1), found.std(1, ddof=1) / found.shape[1] ** 0.5, color=color)
    line.set_marker("o")
    return line


FIGURES = {"coverage-nats": nats, "coverage-trained": learned}
