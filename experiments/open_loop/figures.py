"""The figures of the open loop; the docstring of each is its caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.open_loop import study
from experiments.open_loop.study import NUM_GENERATIONS, SCENES


@plots.style()
def injection(settings: Settings) -> Figure:
    """What a loop with a verifier knows about its task, beside how often it is right.

    Above: a generation can gain at most what its verdicts inject (shaded: the room that the bound leaves). Below: where
    what is right is rare, the information falls while the share of right outputs rises: I(X;Z) says how well the task
    can be read off the model, not how good the model is. All curves are exact; ten proposals, or ten kept, in each
    generation. In practice: a verifier opens the loop, but judge a pipeline by the share of right outputs, never by
    information alone; and count the verdicts on what was rejected, for the bound is paid by them too.
    """
    fig, axes = plots.figure(3, 2, width=4.3, height=3.1, sharex=True)
    t = np.arange(NUM_GENERATIONS + 1)
    filtering, accepted = study.exact(False), study.exact(True)
    for i, ((above, below), scene) in enumerate(zip(axes.T, SCENES, strict=True)):
        information = filtering.information[i]
        bound = information[:-1] + filtering.injected[i]
        room = {"color": plots.SKY, "alpha": 0.3, "linewidth": 0, "label": "_room that the bound leaves"}
        above.fill_between(t[1:], information[1:], bound, **room)
        above.plot(t, information, "o-", color=plots.BLUE, label="I(X;Zₜ), filtering")
        plots.theory(above, t[1:], bound, label="I(X;Zₜ₋₁) + I(X;Sₜ₋₁|Zₜ₋₁,Dₜ₋₁)", dashed=True)
        above.axhline(np.log(2), color=plots.GREY, linewidth=0.8, label="_ln 2")  # solid, beside a dashed bound
        above.set(title=f"{scene.title}\np = {scene.share:g}, φ = {scene.tpr:g}, ψ = {scene.fpr:g}", ylim=(0, 0.98))
        below.plot(t, filtering.correct[i], "o-", color=plots.BLUE, label="filtering")
        below.plot(t, accepted.correct[i], "s-", color=plots.VERMILLION, label="until kept")
        plots.reference(below, scene.share, "real data")
        below.set(xlabel="generation t", ylim=(0, 1.03))
    axes[0, 0].set_ylabel("information  [nats]")
    axes[0, 0].annotate("ln 2", (NUM_GENERATIONS, np.log(2)), xytext=(-4, 4), textcoords="offset points", ha="right")
    axes[1, 0].set_ylabel("share of right outputs")
    axes[0, 1].legend(fontsize=10, loc="upper right")
    axes[1, 0].legend(loc="lower right")
    return fig


FIGURES = {"open-loop-injection": injection}
