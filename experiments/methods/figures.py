"""The figures of the methods; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.methods import best_of_n, tables
from experiments.methods.study import (
    ANEW,
    EXAMS,
    GRADIENT,
    HELD_OUT,
    METHODS,
    ONCE,
    PASSES,
    REFIT,
    UNSEEN,
    Runs,
    trained,
)
from theory.policies.best_of_n import best_of_kl, regressional_goodhart

COLOR = {ONCE: plots.VERMILLION, ANEW: plots.ORANGE, REFIT: plots.PURPLE, GRADIENT: plots.BLUE, "natural": plots.GREEN}
EXAM_COLORS, EXAM_MARKERS = (plots.GREY, plots.PURPLE, plots.BLUE), ("|", "s", "o")
RUNS = 600  # drawn of the many that are measured


@plots.style()
def accepted(settings: Settings) -> Figure:
    """What each method keeps and what it wastes: a method a row.

    Means over 64 worlds (natural: 16) with 95 % intervals. A network learns 64 prompts, 16 contents in 4 domains,
    from the same start; K = 4 classes in M = 8 forms, 4 outputs or references a prompt and round, as many updates
    for all. First panel: the share right on the prompts of training, on other contents, in other domains; open:
    that one of 16 answers on other contents is right. Second: the entropy of the form of a right answer, as share
    of the start's. Third: KL(policy ‖ start). Fourth: nats of signal, I(Y;S|Q) of each verdict on an output Y of
    the policy, at the correctness of its round; Y the target, for one reference ln K + ln M a prompt, once; worded
    anew, ln M more for each.

    In practice: all of them learn what they train on. One reference a prompt is the cheapest signal, and transfers
    worst, for it teaches its wording as well. RLVR and RFT transfer, but answer in few wordings in the end, clipped or
    not; a small KL to the start keeps them all at hardly a cost in correctness, and so does a natural gradient. Many
    tries on new contents are worth more with a KL: plain RLVR is then no better than one reference.
    """
    fig, (right, forms, away, spent) = plots.figure(4, width=3.5, height=4.6, sharey=True)
    names = list(METHODS)
    for y, name in enumerate(names):
        runs = _runs(settings, name)
        for exam, (color, marker) in enumerate(zip(EXAM_COLORS, EXAM_MARKERS, strict=True)):
            _dot(right, runs.correct[:, -1, exam], y, color, marker, label="_" * (y > 0) + EXAMS[exam])
        tried = runs.passed[:, -1, HELD_OUT, -1].mean()
        label = "_" * (y > 0) + f"held out, one of {PASSES[-1]} right"
        right.plot(tried, y, "s", color=EXAM_COLORS[HELD_OUT], markersize=6, fillstyle="none", label=label)
        for ax, values in ((forms, runs.accepted), (away, runs.kl[:, -1]), (spent, runs.nats[:, -1])):
            _dot(ax, values, y, plots.INK, label="_mean")
    right.set_yticks(range(len(names)), names)
    right.set(xlim=(0.45, 1.02), xlabel="share right", ylim=(len(names) - 0.5, -0.5))
    right.set_title("one reference transfers worst")
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    forms.axvline(1, color=plots.INK, linewidth=1, linestyle=plots.DASHED, label="_start")
    forms.set(xlim=(0, 1.15), xlabel="diversity kept, start = 1", title="a KL keeps all wordings")
    away.set(xlim=(0, None), xlabel="KL to the start  [nats]", title="… and stays near the start")
    spent.set(xscale="log", xlim=(100, 4e5), xlabel="signal spent  [nats]", title="verdicts cost more nats")
    return fig


def _runs(settings: Settings, name: str) -> Runs:
    """Natural gradients take several times as long, and are in no row."""
    return trained(settings, name, **{"num_seeds": 16} if name.startswith("natural") else {})


def _dot(ax: Axes, values: np.ndarray, y: float, color: str, marker: str = "o", *, label: str) -> None:
    """The mean over seeds with its 95 % interval."""
    size, edge = (12, 2.5) if marker == "|" else (7, 0)
    look = {"markersize": size, "markeredgewidth": edge, "elinewidth": 2}
    ax.errorbar(values.mean(), y, xerr=1.96 * _stderr(values), fmt=marker, color=color, label=label, **look)


@plots.style()
def curves(settings: Settings) -> Figure:
    """Correctness on unseen domains while the methods train, by updates.

    Means over 64 worlds (natural: 16) with 95 % bands, the world of methods-kept. Each update sees 4 outputs
    or references a prompt; RFT uses the same for 25 updates, one reference is always the same.

    In practice: if updates are what you pay, verdicts win in the end. References worded anew transfer nearly as well.
    """
    fig, ax = plots.figure(width=6.0, height=4.4)
    for name, color in COLOR.items():
        runs = _runs(settings, name)
        t = 1 + np.unique(runs.updates[1:], return_index=True)[1]
        correct = runs.correct[..., UNSEEN][:, t]
        plots.band(ax, runs.updates[t], correct.mean(0), _stderr(correct), color=color, label=name)
    plots.log_ticks(ax.xaxis, [1, 3, 10, 30, 100])
    ax.set(xlabel="updates", ylabel="share right, unseen domains")
    ax.set_title("per update: verdicts win late")
    ax.legend(loc="lower right")
    return fig


def _stderr(values: np.ndarray) -> np.ndarray:
    return values.std(0, ddof=1) / len(values) ** 0.5


@plots.style()
def diversity(settings: Settings) -> Figure:
    """What becomes of the three wordings of the right answer, one law a prompt: the simplex of p(form | right class).

    Left, tables: natural gradient stays at the dots, exactly, while plain policy gradient goes the coloured way on its
    conserved orbit (thin dark line: theory at equal correctness) to the wording that was the likeliest, which gives the
    colour. Right: refits of one model to the accepted of its 12 samples, 600 runs, after one and four refits; one
    reference is a corner. The legend says which share of the heterozygosity 1 − Σ p² is left, simulated and exact.

    In practice: a verdict on the class does not tell one wording from another, so what happens to them is the method's
    doing. A natural gradient leaves them alone, a plain gradient favours what was likely already, a refit to few
    samples loses them by chance.
    """
    fig, (left, right) = plots.figure(2, width=5.4, height=4.8)
    path = tables.trained(settings)[-1]
    exact = tables.orbit(path, np.append(0, np.unique(np.geomspace(1, tables.ROUNDS, 40).astype(int))))
    for q in range(tables.NUM_PROMPTS):
        color = (plots.BLUE, plots.GREEN, plots.ORANGE)[int(path.within(q)[0].argmax())]
        left.plot(*_corner(path.within(q)), color=color, linewidth=5, alpha=0.5, label=f"_prompt {q}, plain gradient")
        plots.theory(left, *_corner(exact.within(q)), label=f"_prompt {q}, exact orbit")
        left.plot(*_corner(path.within(q)[0]), "o", color=color, markersize=8, label=f"_prompt {q}, natural gradient")
    refits = tables.refitted(settings)
    accepted, exactly = np.asarray(refits.accepted().mean), refits.exact()
    shake = np.random.default_rng(0).normal(size=(RUNS, 2)) * 0.012  # shares of few samples lie on a lattice
    start = right.plot(*_corner(refits.start), "o", color=plots.INK, markersize=9, label="start", zorder=5)
    for t, color in ((1, plots.BLUE), (tables.NUM_GENERATIONS, plots.VERMILLION)):
        x, y = _corner(refits.forms[:RUNS, t]) + shake.T
        label = f"after {t}: {accepted[t - 1]:.3f} left, exactly {exactly[t - 1]:.3f}"
        right.plot(x, y, ".", color=color, alpha=0.5, markersize=4, rasterized=True, label=f"_after {t}")
        start += right.plot([], [], "o", color=color, label=label)
    for ax, title in ((left, "plain gradient sharpens, natural stays"), (right, "a refit to few samples loses forms")):
        _simplex(ax)
        ax.set_title(title)
    fig.legend(handles=start, loc="outside lower right", ncols=3)
    return fig


def _simplex(ax: Axes) -> None:
    """The frame of the laws of three forms."""
    ax.plot(*_corner(np.eye(3)[[0, 1, 2, 0]]), color=plots.GREY, linewidth=1, label="_frame")
    ax.set(aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.12, 0.97))
    ax.set_axis_off()
    for name, corner in zip(("form 1", "form 2", "form 3"), _corner(np.eye(3)).T, strict=True):
        offset, va = ((0, 8), "bottom") if corner[1] > 0.5 else ((0, -14), "top")
        note = {"xytext": offset, "textcoords": "offset points", "ha": "center", "va": va, "fontsize": 11}
        ax.annotate(name, corner, **note)


def _corner(probs: np.ndarray) -> np.ndarray:
    """[2, …]: the place of a law of three forms in a triangle with sides of length 1."""
    return np.stack([probs[..., 1] + probs[..., 2] / 2, probs[..., 2] * 3**0.5 / 2])


@plots.style()
def best(settings: Settings) -> Figure:
    """The best of n draws, without training: how far it goes, and what it is worth if the score is noisy.

    Dots simulated (200,000 draws or more; errors smaller than the dots), lines exact. Left: KL(best of n ‖ reference),
    ln n − (n−1)/n if no two scores are equal; by a verdict with a quarter of the outputs right it ends at ln 4. Right:
    the score is the true value plus an error of the same variance.

    In practice: the best of 64 draws is at most 3.2 nats away from the model, whatever the score. With a score that
    is half noise, half of what it promises is there, and more draws do not change the half where errors are normal.
    """
    fig, (left, right) = plots.figure(2, width=5.4, height=4.2)
    fig.set_layout_engine("constrained", wspace=0.08)
    sizes, fine = best_of_n.SIZES, np.unique(np.geomspace(1, 100, 60).astype(int))
    ranked = np.asarray(best_of_n.rank_kl(settings).mean)
    left.plot(sizes, ranked, "o", color=plots.BLUE, markersize=8, label="_no ties, simulated")
    bound = plots.theory(left, fine, [best_of_kl(int(n)) for n in fine])
    verdict = left.plot(fine, best_of_n.verdict_kl(fine), color=plots.GREEN)[0]
    left.set(ylabel="KL to the reference  [nats]", title="the distance is bounded")
    simulated = best_of_n.selected(settings).mean(0)
    distributions = [regressional_goodhart(int(n), best_of_n.NOISE) for n in fine]
    lines = {}
    for i, (name, color) in enumerate({"true value": plots.BLUE, "what the score says": plots.VERMILLION}.items()):
        right.plot(sizes, simulated[:, 1 + i], "o", color=color, markersize=8, label=f"_{name}, simulated")
        lines[name] = plots.theory(right, fine, [probs[i] for probs in distributions])
    right.set(ylabel="standard deviations of the true value", title="half noise, half the promise")
    for ax in (left, right):
        plots.log_ticks(ax.xaxis, [1, 4, 16, 64])
        ax.set(xlabel="n, draws", xlim=(1, 100))
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, {"no ties": bound, "a verdict": verdict})
    plots.direct_labels(right, lines)
    return fig


FIGURES = {
    "methods-kept": accepted,
    "methods-curves": curves,
    "methods-diversity": diversity,
    "methods-best-of-n": best,
}
