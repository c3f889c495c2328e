"""The figure of the end of model collapse; its docstring is the caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.end_of_collapse import study
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import gaussian

SHOWN = {  # tasks and n: how they are drawn
    ("19 tasks", 20): plots.SKY,
    ("19 tasks", 100): plots.BLUE,
    ("3 unequal tasks", 50): plots.GREEN,
    ("3 tasks, one certain", 20): plots.ORANGE,
    ("3 symbols, 4 tasks", 20): plots.PURPLE,
}
LAST, MARKED = 10, 6  # half-lives: the last, and the one at which a halving is drawn
UNENDED = 50  # samples of the Gaussian loop


@plots.style()
def end_of_collapse(settings: Settings) -> Figure:
    """What a model that is trained on its own samples still carries about its task beyond one draw of the truth, exact.

    Left: late, all categorical loops lose it at one rate, whatever the tasks: half every n ln 2 generations. Where
    nothing is absorbed there is no rate: of an unknown Gaussian mean the loop carries ever less, but like 1/t. Right:
    the same over its law, the chance that two symbols are left times what a second draw of the true model adds. After
    three half-lives, 2n generations, the law is 5 to 10 % too low, and in the end exact.

    In practice: without fresh or kept data, or a verifier, only more samples a generation keep it longer. A model of
    1000 samples a generation has half of it left after 700 generations more, and a thousandth after 7000.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.6)
    for (tasks, n), color in SHOWN.items():
        loop, look = study.closed(settings, tasks, n), {"color": color, "label": f"{tasks}, n = {n}"}
        age = _half_lives(n, len(loop.law))
        left.plot(age, loop.excess, **look)
        right.plot(age, loop.excess / loop.law, **look)
    age = _half_lives(UNENDED, 8 * UNENDED)
    left.plot(age, gaussian.mean_information(UNENDED, len(age) - 1), color=plots.GREY, label="_Gaussian mean, n = 50")
    left.annotate("a Gaussian mean: no end, no rate", (LAST, 0.18), color=plots.GREY, fontsize=12, ha="right")
    loop = study.closed(settings, *next(iter(SHOWN)))
    height = np.interp(MARKED, _half_lives(next(iter(SHOWN))[1], len(loop.law)), loop.excess)
    corners = [MARKED, MARKED, MARKED + 1], [height, height / 2, height / 2]
    left.plot(*corners, color=plots.INK, linewidth=1.2, label="_half every n ln 2")
    left.annotate("half", (MARKED - 0.12, height / 1.6), fontsize=12, ha="right")
    left.annotate("n ln 2 generations", (MARKED + 1, height / 3), fontsize=12, ha="right", va="center")
    plots.reference(right, 1.0, "the law", color=plots.INK)
    for ax in (left, right):
        ax.set(xlabel="half-lives of about n ln 2 generations", xlim=(0, LAST))
    left.set(title="the last of it: half every n ln 2 generations", yscale="log", ylim=(2e-4, 3))
    left.set_ylabel("nats beyond one draw, I(X;Zₜ) − I(X;Y)")
    right.set(title="and how much it is", ylabel="nats beyond one draw, law = 1", ylim=(0.9, 2))
    right.legend(loc="upper right")
    return fig


def _half_lives(n: int, num_generations: int) -> np.ndarray:
    """The age of each generation in half-lives of n samples, −ln 2/ln(1−1/n), nearly n ln 2."""
    return -np.arange(1, num_generations + 1) * np.log1p(-1 / n) / np.log(2)


FIGURES = {"end-of-collapse": end_of_collapse}
