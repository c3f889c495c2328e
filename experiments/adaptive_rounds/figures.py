"""The figure of the three laws; its docstring is the caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.adaptive_rounds import study
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings

LOOKS = {
    "adapted": ("rounds of equal risk: about N", plots.GREEN, "o-"),
    "stopped": ("one size, runs stop: N/ln N", plots.BLUE, "^-"),
    "fixed": ("one size, fixed rounds: √N", plots.VERMILLION, "s-"),
}
SEEN = (4.0, 5.0, 6.0, 7.0, 8.0)  # exponents of the risk of the filter
CUT = 105  # verdicts, from which on the largest round that the best policy may take holds it back


@plots.style()
def adaptive_figure(settings: Settings) -> Figure:
    """What N verdicts buy, if rounds shrink as the accuracy grows; verifier (.8, .4), accuracy .3 at the start.

    −ln of the share that is wrong at the end, against the verdicts that runs spend on average: exact, rejection
    sampling, independent errors. The best fixed number of rounds of one size grows like √N, rounds of one size until
    one kind of output is left like N/ln N, and rounds of equal risk, which see the accuracy, nearly linearly. Crosses:
    the best policy of all. Diamonds: sizes chosen by a Bayesian filter that knows the start and sees pass rates alone,
    simulated, errors smaller than the marks: most of the gain is lost.

    In practice: let rounds shrink as the accuracy grows, by a fifth each if you cannot see it, since pass rates tell
    too little. What it costs to see the accuracy is not counted here.
    """
    fig, ax = plots.figure(width=7.6, height=5.0)
    lines = {}
    for kind, found in study.three_budgets().items():
        name, color, look = LOOKS[kind]
        (lines[name],) = ax.plot([x.verdicts for x in found], [-np.log(x.wrong) for x in found], look, color=color)
    best = [study.optimum(price) for price in study.PRICES]
    best = [each for each in best if each.verdicts < CUT]
    ax.plot(
        [x.verdicts for x in best],
        [-np.log(x.wrong) for x in best],
        "x",
        color=plots.INK,
        markersize=5,
        zorder=6,
        label="best policy",
    )
    runs = [study.filtered(settings, "pass rates", kappa) for kappa in SEEN]
    seen = [x.verdicts.mean() for x in runs], [-np.log(x.expected.mean()) for x in runs]
    ax.plot(*seen, "D-", color=plots.PURPLE, markersize=5, label="equal risk, pass rates alone")
    ax.set(xlim=(0, 310), ylim=(0, 36), xlabel="verdicts, N", ylabel="−ln(share of wrong outputs)")
    ax.set_title("rounds sized by accuracy: each verdict buys nearly as much as the last")
    ax.legend(loc="upper left")
    plots.direct_labels(ax, lines)
    return fig


FIGURES = {"adaptive-rounds": adaptive_figure}
