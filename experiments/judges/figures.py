"""The figures of the judges; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.judges import study
from experiments.judges.study import LEARNED, NUM_GENERATIONS, VERIFIER, WEAK

COLORS = (
    plots.CLOSED,
    plots.SELF_JUDGE,
    plots.FROZEN,
    plots.VERIFIER,
)  # of no judge, the student, a trained one, a verifier
TITLES = {"categorical": "two symbols", "mixture": "mixture of two normal laws", "chain": "Markov chain"}


@plots.style()
def information(settings: Settings) -> Figure:
    """Who judges decides what a loop can come to know, and how often it is right; all lines are exact.

    Two symbols, the right one with share .6 in real data; n = 50, until kept. The student itself, Z_0 as an earlier
    student, and a verifier that errs anew judge weakly, with rates (.9, .8); the frozen judge is one verdict on each
    symbol, drawn once with rates (.9, .2). Dashed: caps. The self-judge makes more right while it loses information;
    the earlier student brings some back, never above I(X;Z_0); the frozen judge stays below I(X;Z_0) + I(X;J|Z_0); the
    fresh verifier passes both.

    In practice: a model that judges itself sharpens what it half knows, up to the best guess from its real data, and
    no further. For more, ask something that looks at the world and errs anew: even if hardly better than chance, it
    overtakes an accurate judge that never looks again.
    """
    fig, (left, correct) = plots.figure(2, width=6.4, height=4.4)
    fig.set_layout_engine("constrained", wspace=0.06)
    paths = {
        "no judge": (study.no_judge(), plots.CLOSED),
        f"self-judge {_rates(WEAK)}": (study.self_consistency(WEAK), plots.SELF_JUDGE),
        f"earlier student {_rates(WEAK)}": (study.earlier_student(WEAK), plots.SKY),
        f"frozen judge {_rates(VERIFIER)}": (study.fixed_reward_model(), plots.FROZEN),
        f"fresh verifier {_rates(WEAK)}": (study.fresh_verifier(WEAK), plots.VERIFIER),
    }
    t = plots.spaced(NUM_GENERATIONS + 1)
    for ax, name in ((left, "information"), (correct, "right")):
        lines = {
            judge: ax.plot(t + 1, np.asarray(getattr(path, name))[t], color=color, label=f"_{judge}")[0]
            for judge, (path, color) in paths.items()
        }
        _fits(ax, (1, 10, 100), NUM_GENERATIONS)
        if ax is correct:
            ax.set_ylim(0.58, 1.02)
            fig.draw_without_rendering()  # direct labels need the final limits
            plots.direct_labels(ax, lines)
    first = paths["no judge"][0].information[0]
    _limit(left, np.log(2), "H(X)")
    _limit(left, first + study.cap(), "frozen judge: ≤ I(X;Z₀) + I(X;J|Z₀)", end=True)
    _limit(left, first, "earlier student: ≤ I(X;Z₀)", end=True)
    _limit(correct, study.best_guess(), "best guess from Z₀")
    left.set(title="what the model tells about the task", ylabel="I(X;Zₜ)  [nats]", ylim=(0, 0.75))
    correct.set(title="how many of its samples are right", ylabel="expected share")
    return fig


@plots.style()
def worth(settings: Settings) -> Figure:
    """What a judge that was made once is worth.

    Left: how much better than chance, tpr/fpr − 1, a verifier with fresh errors must be to end right as often as a
    frozen judge, one verdict on each symbol; dots exact, lines the asymptotic law c/n. Right, exact, n = 50: a judge
    that prefers what m real samples of its own prefer raises the cap by less than those samples would raise I(X;Z_0)
    in the student's training set, and the loop reaches less still, as it forgets Z_0 in one generation. Until kept;
    share .6 of real samples is right, and Z_0 is fitted to n of them.

    In practice: give real samples to the student before you spend them on a judge; the loop tells more than its start
    only under a judge that has seen more real data than the student. And the larger the generations, the less a
    verifier must be better than chance, as long as it errs anew.
    """
    fig, (left, correct) = plots.figure(2, width=6.0, height=4.4)
    for rates, color in ((VERIFIER, plots.FROZEN), ((0.99, 0.01), plots.GREEN)):
        goal = study.frozen_right(rates)
        sizes, ratio = study.equal_ratio(settings, goal)
        left.plot(sizes, ratio - 1, "o", color=color, label=f"frozen {_rates(rates)}: ends right with {goal:.3f}")
        plots.theory(left, sizes, study.equal_law(goal) / sizes, label=f"_{_rates(rates)}, c/n")
    left.set(xlabel="n, samples a generation", ylabel="tpr/fpr − 1 of the fresh verifier")
    plots.log_ticks(left.xaxis, sizes)
    left.set(yscale="log", title="the fresh verifier that ends right as often")
    left.set_yticks([0.01, 0.03, 0.1, 0.3], ["1 %", "3 %", "10 %", "30 %"])
    left.set_yticks([], minor=True)
    left.legend()
    paths, stores = zip(*(study.learned_judge(m) for m in LEARNED), strict=True)
    first = paths[0].information[0]
    plots.theory(correct, LEARNED, study.samples(), label="n + m samples for the student")
    cap = first + np.array(stores)
    correct.plot(LEARNED, cap, "--", color=plots.FROZEN, label="I(X;Z₀) + I(X;J|Z₀), the cap")
    best = [path.information[1:].max() for path in paths]
    correct.plot(LEARNED, best, "o-", color=plots.FROZEN, label="the loop at its best, t ≥ 1")
    correct.set(xlabel="m, real samples that the judge learned from", ylabel="nats", ylim=(0, 0.75))
    plots.log_ticks(correct.xaxis, LEARNED)
    _limit(correct, first, "I(X;Z₀)", end=True)
    correct.set(title="a learned judge: cap, and what the loop gets")
    correct.legend(loc="center left", bbox_to_anchor=(0, 0.5))
    return fig


@plots.style()
def models(settings: Settings) -> Figure:
    """Four judges on three models: the share of right samples.

    Until kept, n = 50. Two symbols exactly; the other models are simulated, means over replicas with 95 % bands. Right
    is one symbol; the component of the mixture with weight .6; in the chain, on a ring of four, a step to the right, of
    probability .6. Self-judge and verifier have rates (.9, .2); the trained judge is fitted once to 50 other real
    samples and keeps what is at least as likely as their median.

    In practice: likely is not right. A self-judge finds the right answer where it is the likeliest; in the mixture it
    goes for whatever is dense, and what it gained in five fits is mostly gone after ten more, so stop early, by a
    measure from outside. Only the verifier, which knows what is right, gets there in every model.
    """
    fig, axes = plots.figure(3, width=4.8, height=4.2, sharey=True)
    fits = 1 + np.arange(study.NUM_MODELS + 1)
    for path, name, color in zip(study.JUDGES.values(), study.JUDGES, COLORS, strict=True):
        axes[0].plot(fits, path().correct[: fits.size], color=color, label=name)
    for ax, model in zip(axes[1:], ("mixture", "chain"), strict=True):
        for share, name, color in zip(study.accuracy(settings, model), study.JUDGES, COLORS, strict=True):
            plots.band(ax, fits, share.mean(0), share.std(0, ddof=1) / len(share) ** 0.5, label=name, color=color)
    for ax, title in zip(axes, ("two symbols", "mixture of two normal laws", "Markov chain"), strict=True):
        _fits(ax, (1, 2, 4, 8, 16), study.NUM_MODELS)
        ax.set(title=title, ylim=(0.5, 1.02))
    axes[0].set_ylabel("share of right samples")
    axes[2].legend(loc="center right", bbox_to_anchor=(1, 0.72))
    return fig


def _rates(verifier: tuple[float, float]) -> str:
    return f"({verifier[0]:g}, {verifier[1]:g})".replace("0.", ".")


def _fits(ax: Axes, ticks: tuple[int, ...], last: int) -> None:
    plots.log_ticks(ax.xaxis, ticks)
    ax.set(xlabel="fits, t + 1", xlim=(0.95, last + 1))


def _limit(ax: Axes, height: float, text: str, *, end: bool = False) -> None:
    """A dashed line and what it is, above its left end or below its right end."""
    plots.reference(ax, height, text, color=plots.INK)
    place, frame = (0.98 if end else 0.02, height), ax.get_yaxis_transform()
    offset, ha, va = ((0, -3), "right", "top") if end else ((0, 3), "left", "bottom")
    ax.annotate(text, place, xycoords=frame, xytext=offset, textcoords="offset points", fontsize=10, ha=ha, va=va)


FIGURES = {"judges-information": information, "judges-worth": worth, "judges-models": models}
