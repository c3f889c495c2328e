"""The figures of the judges; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.judges import study
from experiments.judges.study import LEARNED, NUM_GENERATIONS, VERIFIER, WEAK

COLORS = (plots.CLOSED, plots.SELF_JUDGE, plots.FROZEN, plots.VERIFIER)  # of `study.JUDGES`
TITLES = {"categorical": "two symbols", "mixture": "mixture of two Gaussians", "chain": "Markov chain"}


@plots.style()
def information(settings: Settings) -> Figure:
    """Who judges decides how much information a loop can reach, and its accuracy; all lines are exact.

    Two symbols, real data 60 % correct, rejection sampling until n = 50 are accepted. The model itself
    (self-consistency), the earlier model Z_0 and a verifier with independent errors judge weakly, (tpr, fpr) = (.9,
    .8); the fixed reward model is one verdict on each symbol, drawn once with (.9, .2). Dashed: upper bounds. Only the
    verifier exceeds both bounds.

    In practice: a model that judges itself sharpens to the best guess from its real data, and no further. Use a
    verifier with independent errors: even if hardly better than chance, it overtakes an accurate fixed judge.
    """
    fig, (left, right) = plots.figure(2, width=6.4, height=4.4)
    fig.set_layout_engine("constrained", wspace=0.06)
    loops = {
        "no judge": (study.no_judge(), plots.CLOSED),
        f"self-consistency {_rates(WEAK)}": (study.self_consistency(WEAK), plots.SELF_JUDGE),
        f"earlier model {_rates(WEAK)}": (study.earlier_model(WEAK), plots.SKY),
        f"fixed reward model {_rates(VERIFIER)}": (study.fixed_reward_model(), plots.FROZEN),
        f"verifier {_rates(WEAK)}": (study.fresh_verifier(WEAK), plots.VERIFIER),
    }
    t = plots.spaced(NUM_GENERATIONS + 1)
    for ax, name in ((left, "information"), (right, "accuracy")):
        lines = {
            judge: ax.plot(t + 1, np.asarray(getattr(loop, name))[t], color=color, label=f"_{judge}")[0]
            for judge, (loop, color) in loops.items()
        }
        _generations(ax, (1, 10, 100), NUM_GENERATIONS)
        if ax is right:
            ax.set_ylim(0.58, 1.02)
            fig.draw_without_rendering()  # direct labels need the final limits
            plots.direct_labels(ax, lines)
    first = loops["no judge"][0].information[0]
    _limit(left, np.log(2), "H(X)")
    _limit(left, first + study.cap(), "fixed reward model: ≤ I(X;Z₀,J)", end=True)
    _limit(left, first, "earlier model: ≤ I(X;Z₀)", end=True)
    _limit(right, study.best_guess(), "best guess from Z₀")
    left.set(title="information about the task", ylabel="I(X;Zₜ)  [nats]", ylim=(0, 0.75))
    right.set(title="accuracy", ylabel="expected accuracy")
    return fig


@plots.style()
def worth(settings: Settings) -> Figure:
    """What a fixed judge is worth.

    Left: the likelihood ratio with which a verifier with independent errors ends correct as often as a fixed judge, one
    verdict on each symbol; dots exact, lines the asymptotic law 1 + c/n. Right, exact, n = 50: a judge that accepts the
    majority symbol alone of m real samples of its own raises the cap by less than those samples would raise I(X;Z_0) in
    the model's training set, and the loop reaches less still, as it forgets Z_0 in one generation. Rejection sampling;
    60 % of real samples are correct, and Z_0 is fitted to n of them.

    In practice: train the model on real samples before you spend them on a judge; a judge that accepts one answer alone
    must have seen more real data than the model, while a reward that is weighed by its data loses little (L4-trained).
    And the larger the generations, the less a verifier must be better than chance, if its errors are independent.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.4)
    for rates, color in ((VERIFIER, plots.FROZEN), ((0.99, 0.01), plots.GREEN)):
        goal = study.fixed_judge_accuracy(rates)
        sizes, ratio = study.equal_ratio(settings, goal)
        label = f"fixed judge {_rates(rates)}: ends correct with {goal:.3f}"
        left.plot(sizes, ratio, "o", color=color, label=label)
        plots.theory(left, sizes, 1 + study.equal_ratio_limit(goal) / sizes, label=f"_{_rates(rates)}, 1 + c/n")
    left.set(xlabel="accepted samples per generation, n", ylabel="likelihood ratio of the verifier, tpr/fpr")
    plots.log_ticks(left.xaxis, sizes)
    above_chance = (lambda ratio: np.log(np.maximum(ratio - 1, 1e-9)), lambda log: 1 + np.exp(log))  # c/n is a line
    left.set_yscale("function", functions=above_chance)
    left.set(title="the verifier that ends correct as often", ylim=(1.004, 1.8))
    left.set_yticks([1.01, 1.03, 1.1, 1.3], ["1.01", "1.03", "1.1", "1.3"])
    left.legend()
    loops, injected = zip(*(study.learned_judge(m) for m in LEARNED), strict=True)
    first = loops[0].information[0]
    plots.theory(right, LEARNED, study.samples(), label="n + m samples for the model")
    cap = first + np.array(injected)
    right.plot(LEARNED, cap, "--", color=plots.FROZEN, label="I(X;Z₀) + I(X;J|Z₀), the cap")
    best = [loop.information[1:].max() for loop in loops]
    right.plot(LEARNED, best, "o-", color=plots.FROZEN, label="the loop at its best, t ≥ 1")
    right.set(xlabel="real samples that the judge learned from, m", ylabel="information  [nats]", ylim=(0, 0.75))
    plots.log_ticks(right.xaxis, LEARNED)
    _limit(right, first, "I(X;Z₀)", end=True)
    right.set(title="a learned judge: cap, and what the loop reaches")
    right.legend(loc="center left", bbox_to_anchor=(0, 0.5))
    return fig


@plots.style()
def models(settings: Settings) -> Figure:
    """Likely is not correct: the accuracy of four judges on three models.

    Rejection sampling until n = 50 are accepted. Two symbols: exact; mixture and chain: means over replicas with 95 %
    bands. Correct is one symbol; the component of weight .6; in the chain, on a ring of four, the step of probability
    .6. Self-consistency judge and verifier: (tpr, fpr) = (.9, .2); the reward model is fitted once to 50 other real
    samples and accepts what it finds at least as likely as their median.

    In practice: a self-consistency judge finds the correct answer if it is the likeliest; in the mixture it accepts
    whatever is dense, so stop early, by an independent measure.
    """
    fig, axes = plots.figure(3, width=4.8, height=4.2, sharey=True)
    t = 1 + np.arange(study.NUM_MODELS + 1)
    for (name, loop), color in zip(study.JUDGES.items(), COLORS, strict=True):
        axes[0].plot(t, loop().accuracy[: t.size], color=color, label=name)
    for ax, model in zip(axes[1:], ("mixture", "chain"), strict=True):
        for accuracy, name, color in zip(study.accuracy(settings, model), study.JUDGES, COLORS, strict=True):
            stderr = accuracy.std(0, ddof=1) / len(accuracy) ** 0.5
            plots.band(ax, t, accuracy.mean(0), stderr, label=name, color=color)
    for ax, title in zip(axes, TITLES.values(), strict=True):
        _generations(ax, (1, 2, 4, 8, 16), study.NUM_MODELS)
        ax.set(title=title, ylim=(0.5, 1.02))
    axes[0].set_ylabel("accuracy")
    axes[2].legend(loc="center right", bbox_to_anchor=(1, 0.72))
    return fig


def _rates(verifier: tuple[float, float]) -> str:
    return f"({verifier[0]:g}, {verifier[1]:g})".replace("0.", ".")


def _generations(ax: Axes, ticks: tuple[int, ...], last: int) -> None:
    plots.log_ticks(ax.xaxis, ticks)
    ax.set(xlabel="generation, t + 1", xlim=(0.95, last + 1))


def _limit(ax: Axes, height: float, text: str, *, end: bool = False) -> None:
    """A dashed line with its name, above its left end or below its right end."""
    plots.reference(ax, height, text, color=plots.INK)
    place, frame = (0.98 if end else 0.02, height), ax.get_yaxis_transform()
    offset, ha, va = ((0, -3), "right", "top") if end else ((0, 3), "left", "bottom")
    ax.annotate(text, place, xycoords=frame, xytext=offset, textcoords="offset points", fontsize=10, ha=ha, va=va)


FIGURES = {"judges-information": information, "judges-worth": worth, "judges-models": models}
