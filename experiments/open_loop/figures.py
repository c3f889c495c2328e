"""The figures of the open loop; the docstring of each is its caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.open_loop import study
from experiments.open_loop.study import NUM_GENERATIONS, SCENARIOS


@plots.style()
def injection(settings: Settings) -> Figure:
    """The information of a loop with a verifier about its task, and its accuracy.

    Above: a generation gains at most what its verdicts inject (shaded: the room that the bound leaves). Below: where
    correct outputs are rare, the information falls while the accuracy rises: I(X;Z) measures how well the task can be
    read off the model, not how good the model is. All curves are exact; ten proposals, or ten accepted samples, in each
    generation. In practice: a verifier opens the loop, but judge a pipeline by its accuracy, never by information
    alone; and count the verdicts on rejected outputs, which the bound counts too.
    """
    fig, axes = plots.figure(3, 2, width=4.3, height=3.1, sharex=True)
    t = np.arange(NUM_GENERATIONS + 1)
    filtering, rejection_sampling = study.exact(False), study.exact(True)
    for i, ((above, below), scenario) in enumerate(zip(axes.T, SCENARIOS, strict=True)):
        information = filtering.information[i]
        bound = information[:-1] + filtering.injected[i]
        room = {"color": plots.SKY, "alpha": 0.3, "linewidth": 0, "label": "_room that the bound leaves"}
        above.fill_between(t[1:], information[1:], bound, **room)
        above.plot(t, information, "o-", color=plots.BLUE, label="I(X;Zₜ), filtering")
        plots.theory(above, t[1:], bound, label="I(X;Zₜ₋₁) + I(X;Sₜ₋₁|Zₜ₋₁,Dₜ₋₁)", dashed=True)
        above.axhline(np.log(2), color=plots.GREY, linewidth=0.8, label="_ln 2")  # solid, beside a dashed bound
        above.set(title=f"{scenario.title}\n{scenario.text}", ylim=(0, 0.98))
        below.plot(t, filtering.accuracy[i], "o-", color=plots.BLUE, label="filtering")
        below.plot(t, rejection_sampling.accuracy[i], "s-", color=plots.VERMILLION, label="rejection sampling")
        plots.reference(below, scenario.accuracy, "real data")
        below.set(xlabel="generation", ylim=(0, 1.03))
    axes[0, 0].set_ylabel("information  [nats]")
    axes[0, 0].annotate("ln 2", (NUM_GENERATIONS, np.log(2)), xytext=(-4, 4), textcoords="offset points", ha="right")
    axes[1, 0].set_ylabel("accuracy")
    axes[0, 1].legend(fontsize=10, loc="upper right")
    axes[1, 0].legend(loc="lower right")
    return fig


FIGURES = {"open-loop-injection": injection}
