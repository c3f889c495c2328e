"""The figures of the open loop; the docstring of each is its caption."""

import numpy as np
from matplotlib.figure import Figure

import theory
from experiments import plots
from experiments.ledger import Settings
from experiments.open_loop import chains
from experiments.open_loop.chains import NUM_GENERATIONS, RARE, SCENES


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
    for (above, below), scene in zip(axes.T, SCENES, strict=True):
        filtering, kept = chains.filtering(scene), chains.until_kept(scene)
        bound = filtering.information[:-1] + filtering.injected
        room = {"color": plots.SKY, "alpha": 0.3, "linewidth": 0, "label": "_room that the bound leaves"}
        above.fill_between(t[1:], filtering.information[1:], bound, **room)
        above.plot(t, filtering.information, "o-", color=plots.BLUE, label="I(X;Zₜ), filtering")
        plots.theory(above, t[1:], bound, label="I(X;Zₜ₋₁) + I(X;Sₜ₋₁|Zₜ₋₁,Dₜ₋₁)", dashed=True)
        above.axhline(np.log(2), color=plots.GREY, linewidth=0.8, label="_ln 2")
        above.set(title=f"{scene.title}\np = {scene.share:g}, φ = {scene.tpr:g}, ψ = {scene.fpr:g}", ylim=(0, 0.98))
        below.plot(t, filtering.right, "o-", color=plots.BLUE, label="filtering")
        below.plot(t, kept.right, "s-", color=plots.VERMILLION, label="until kept")
        below.axhline(scene.share, color=plots.GREY, linewidth=0.8, label="_real data")
        below.set(xlabel="generation t", ylim=(0, 1.03))
    axes[0, 0].set_ylabel("information  [nats]")
    axes[0, 0].annotate("ln 2", (NUM_GENERATIONS, np.log(2)), xytext=(-4, 4), textcoords="offset points", ha="right")
    axes[1, 0].set_ylabel("share of right outputs")
    axes[0, 1].legend(fontsize=10, loc="upper right")
    axes[1, 0].legend(loc="lower right")
    return fig


@plots.style()
def simulated(settings: Settings) -> Figure:
    """Two protocols, two chains: ten proposals that are filtered, or sampling until ten are kept.

    The sandbox (bands: 95 %) against the exact chain of each protocol (thin dark lines), where the right output has a
    share of .1 in real data and the verifier rates are (.9, .3). In practice: say which protocol a number is about;
    filtering a fixed number of proposals keeps few of them while the model is bad, and drift then loses what is right.
    """
    fig, axes = plots.figure(3, width=4.3, height=3.4)
    t = np.arange(NUM_GENERATIONS + 1)
    for keep, color, name in ((False, plots.BLUE, "filtering"), (True, plots.VERMILLION, "until kept")):
        loop = chains.simulated(RARE, keep, settings)
        exact = (chains.until_kept if keep else chains.filtering)(RARE)
        acceptance = RARE.tpr * exact.right + RARE.fpr * (1 - exact.right)
        panels = (
            (loop.pointwise, exact.information),
            (loop.right, exact.right),
            (loop.kept, None if keep else acceptance),
        )
        for ax, (values, law) in zip(axes, panels, strict=True):
            found = theory.estimate(values)
            plots.band(ax, t, found.mean, found.stderr, color=color, label=name)
            if law is not None:
                plots.theory(ax, t, law, label=f"_{name}, exact")
    titles = ("less is known of the task …", "… but more is right, …", "… hence kept")
    units = ("I(X;Zₜ)  [nats]", "share of right outputs", "share of proposals kept")
    for ax, title, unit in zip(axes, titles, units, strict=True):
        ax.set(title=title, xlabel="generation t", ylabel=unit, ylim=(0, None))
    axes[0].legend()
    return fig


FIGURES = {"open-loop-injection": injection, "open-loop-simulated": simulated}
