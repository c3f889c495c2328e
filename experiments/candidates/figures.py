"""The figures of the candidate answers and of what verdicts buy; their docstrings are the captions."""

import numpy as np
from matplotlib.figure import Figure

from experiments.candidates import capacity, study
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import budget

FLOOR = 1e-3  # nats, at which loops that gain less are drawn
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


@plots.style()
def capacity_figure(settings: Settings) -> Figure:
    """What verdicts could carry at most, and what a loop keeps: most was never carried.

    A dot is a loop by rejection sampling: across, the nats that its verdicts can carry, their expected number times the
    capacity of the verifier; up, the information about the task that it has gained in the end. None is above the line,
    a theorem for verdicts with independent errors. The lowest are loops that end with less than they began with. Far
    below the line verdicts are asked where little is open, or drift loses what they have brought. All exact, of the
    settings of L1, R1 and R3; other settings would be elsewhere below the line.

    In practice: a better verifier raises the ceiling only; rounds that overcome drift, and queries that are not asked
    twice, decide what is kept.
    """
    fig, ax = plots.figure(width=7.2, height=5.0)
    searches = [study.search_of(settings, kind) for kind in ("sets",)]
    carried = float(budget.verifier_capacity(study.SYMMETRIC))
    asked = capacity.Loops(
        *(
            np.array([x.mean() for x in each])
            for each in ([found.verdicts * carried for found in searches], [found.information for found in searches])
        )
    )
    kinds = (
        ("two symbols, even start", capacity.even_start(), plots.BLUE, "o"),
        ("fitted to real data, 60 % correct", capacity.fitted_start(), plots.VERMILLION, "^"),
        ("one of c candidates", capacity.candidates(settings), plots.GREEN, "s"),
        ("no loop: asks about sets", asked, plots.PURPLE, "D"),
    )
    for name, loops, color, marker in kinds:
        gains = loops.kept > FLOOR
        ax.plot(loops.bought[gains], loops.kept[gains], marker, color=color, markersize=5, alpha=0.6, label=name)
        lost = np.full((~gains).sum(), FLOOR)
        ax.plot(
            loops.bought[~gains], lost, marker, color=color, markersize=5, fillstyle="none", label=f"_{name}, loses"
        )
    plots.theory(ax, [FLOOR, 1e3], [FLOOR, 1e3], dashed=True, label="_kept = bought")
    ax.annotate("kept = bought", (0.0013, 0.016), color=plots.INK, fontsize=11)
    ax.annotate("below: loops that lose, or gain less", (2, FLOOR * 1.15), color=plots.GREY, fontsize=10)
    ax.set(xscale="log", yscale="log", xlim=(1e-3, 1e3), ylim=(FLOOR * 0.8, 8))
    ax.set(xlabel="nats bought: verdicts × capacity", ylabel="nats kept")
    ax.set_title("three loops in four keep less than half of what their verdicts can carry")
    ax.legend(loc="upper left")
    return fig


FIGURES = {"budget-blocks": candidates_figure, "budget-capacity": capacity_figure}
