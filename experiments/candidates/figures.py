"""The figure of the candidate answers; its docstring is its caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.candidates import study
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import budget

LEARNERS = {
    "ignoring": ("Bayes, ignores rejections", plots.ORANGE),
    "uniform": ("Bayes, uniform queries", plots.BLUE),
    "own": ("Bayes, samples its posterior", plots.GREEN),
    "probable": ("Bayes, queries the likeliest", plots.PURPLE),
    "sets": ("Bayes, queries sets", plots.SKY),
}


@plots.style()
def candidates_figure(settings: Settings) -> Figure:
    """What it costs to find the correct one of c candidate answers with error .05; verifier (.9, .3).

    Loops by rejection sampling, exact, in the cheapest size that is correct often enough: until one candidate is left,
    with its law for large c (thin), and after T rounds, for the candidate with a majority of the last. Bayesian
    learners stop at a posterior of .95; simulated, errors smaller than the dots. Dashed: lower bounds, for any method
    whose verdicts concern one candidate each, and for any method at all, by Fano and the capacity.

    In practice: retraining asks too often of the same candidates, and most of all where it waits until one is left. A
    posterior over the candidates that counts all verdicts, rejections too, and queries the likeliest saves 90 % of the
    verdicts at 64 candidates. Verdicts on sets of candidates save three quarters of what is left.
    """
    fig, ax = plots.figure(width=7.6, height=5.2)
    loops = study.loops(settings)
    c, grid = loops.candidates, np.geomspace(4, loops.candidates[-1], 60)
    lines = {
        "loop until one is left": ax.plot(c, loops.one_left, "o-", color=plots.VERMILLION)[0],
        "loop of T rounds": ax.plot(c[1:], loops.rounds[1:], "s-", color=plots.VERMILLION)[0],
    }
    for kind, (label, color) in LEARNERS.items():
        lines[label] = ax.plot(study.SEARCHED, study.learner(settings, kind).mean, "o-", color=color)[0]
    law = [study.one_left_law(each) for each in grid.tolist()]
    plots.theory(ax, grid, law, label="_law, one left")
    one_each = [float(budget.candidate_verdicts(n, study.CANDIDATES, study.ERROR)) for n in c.tolist()]
    any_method = [study.fano(n, study.ERROR) / float(budget.verifier_capacity(study.CANDIDATES)) for n in c.tolist()]
    lines["bound, one candidate each"] = plots.theory(ax, c[1:], one_each[1:], dashed=True)
    lines["bound, any method"] = plots.theory(ax, c, any_method, dashed=True)
    ax.set(yscale="log", xlabel="candidate answers, c", ylabel="expected verdicts")
    ax.set_title("a posterior over the candidates needs far fewer verdicts than a loop")
    plots.log_ticks(ax.xaxis, c)
    ax.minorticks_off()
    plots.direct_labels(ax, lines)
    return fig


FIGURES = {"budget-blocks": candidates_figure}
