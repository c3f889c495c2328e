"""The figures of the methods; the docstring of each is its caption."""

from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

import theory
from experiments import plots
from experiments.ledger import Settings
from experiments.methods import best_of_n, maps, tables
from experiments.methods.maps import Cell
from experiments.methods.studies import (
    ANEW,
    EXAMS,
    GRADIENT,
    HELD_OUT,
    METHODS,
    ONCE,
    PASSES,
    REFIT,
    UNSEEN,
    reference_nats,
    studied,
)
from theory.best_of_n import best_of_kl, regressional_goodhart

COLOR = {ONCE: plots.VERMILLION, ANEW: plots.ORANGE, REFIT: plots.PURPLE, GRADIENT: plots.BLUE, "natural": plots.GREEN}
EXAM_COLORS, EXAM_MARKERS = (plots.GREY, plots.PURPLE, plots.BLUE), ("|", "s", "o")
RUNS = 600  # drawn of the many that are measured
SPAN = 0.12  # of the colours of a difference
SHORT = {ONCE: "SFT", REFIT: "RFT", GRADIENT: "RLVR"}


@plots.style()
def kept(settings: Settings) -> Figure:
    """What each method keeps and what it wastes: a method a row, means over 64 worlds with 95 % intervals.

    A network learns 64 prompts, 16 contents in 4 domains, from the same start; K = 4 classes in M = 8 forms, 4
    outputs or references a prompt and round, as many updates for all. First panel: the share right on the prompts of
    training, on other contents, in other domains; open: that one of 16 answers on other contents is right. Second:
    the entropy of the form of a right answer, as share of the start's. Third: KL(policy ‖ start). Fourth: nats of
    signal, I(Y;S|Q) of each verdict on an output Y of the policy, at the correctness of its round; Y the target, for
    one reference ln K + ln M a prompt, once; worded anew, ln M more for each.

    In practice: all of them learn what they train on. One reference a prompt is the cheapest signal, and transfers
    worst, for it teaches its wording as well. RLVR and RFT transfer, but answer in few wordings in the end, clipped or
    not; a small KL to the start keeps them all at hardly a cost in correctness, and so does a natural gradient. Many
    tries on new contents are worth more with a KL: plain RLVR is then no better than one reference.
    """
    fig, (right, forms, away, spent) = plots.figure(4, width=3.5, height=4.6, sharey=True)
    names = list(METHODS)
    for y, name in enumerate(names):
        study = studied(settings, name)
        for exam, (color, marker) in enumerate(zip(EXAM_COLORS, EXAM_MARKERS, strict=True)):
            _dot(right, study.last(exam), y, color, marker, label="_" * (y > 0) + EXAMS[exam])
        tried = study.passed[:, -1, HELD_OUT, -1].mean()
        label = "_" * (y > 0) + f"held out, one of {PASSES[-1]} right"
        right.plot(tried, y, "s", color=EXAM_COLORS[HELD_OUT], markersize=6, fillstyle="none", label=label)
        for ax, values in (
            (forms, study.diversity[:, -1] / study.diversity[:, 0]),
            (away, study.kl[:, -1]),
            (spent, study.nats[:, -1]),
        ):
            _dot(ax, values, y, plots.INK, label="_mean")
    right.set_yticks(range(len(names)), names)
    right.set(xlim=(0.45, 1.02), xlabel="share right", ylim=(len(names) - 0.5, -0.5))
    right.set_title("one reference transfers worst")
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    forms.axvline(1, color=plots.INK, linewidth=1, linestyle=(0, (5, 3)), label="_start")
    forms.set(xlim=(0, 1.15), xlabel="diversity kept, start = 1", title="a KL keeps all wordings")
    away.set(xlim=(0, None), xlabel="KL to the start  [nats]", title="… and stays near the start")
    spent.set(xscale="log", xlim=(100, 4e5), xlabel="signal spent  [nats]", title="verdicts cost more nats")
    return fig


def _dot(ax: Axes, values: np.ndarray, y: float, color: str, marker: str = "o", *, label: str) -> None:
    """The mean over seeds with its 95 % interval."""
    mean = theory.estimate(values)
    low, high = (np.asarray(end) for end in mean.interval())
    size, edge = (12, 2.5) if marker == "|" else (7, 0)
    bars, look = [[mean.mean - low], [high - mean.mean]], {"markersize": size, "markeredgewidth": edge}
    ax.errorbar(mean.mean, y, xerr=bars, fmt=marker, color=color, elinewidth=2, label=label, **look)


@plots.style()
def curves(settings: Settings) -> Figure:
    """Correctness on unseen domains while the methods train: by updates, and by what the signal said.

    Means over 64 worlds with 95 % bands, the world of methods-kept. Each update sees 4 outputs or references a prompt;
    RFT uses the same for 25 updates, one reference is always the same.

    In practice: if updates or samples are what you pay, verdicts win in the end. If the signal is what you pay, one
    reference a prompt is ahead at first: it can be shown again and again, while RLVR spends a verdict in one update.
    RFT, which uses each verdict in 25 updates, overtakes at twice the nats. References worded anew transfer nearly as
    well as verdicts, at many times their nats.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.4, sharey=True)
    for name, color in COLOR.items():
        study = studied(settings, name)
        t = 1 + plots.spaced(len(study.updates) - 1)
        right_share = study.correct[..., UNSEEN][:, t]
        drawn = right_share.mean(0), right_share.std(0, ddof=1) / len(right_share) ** 0.5
        plots.band(left, np.asarray(study.updates)[t], *drawn, color=color, label=name)
        plots.band(right, study.nats.mean(0)[t], *drawn, color=color, label=name)
    left.set(xscale="log", xlabel="updates", ylabel="share right, unseen domains")
    left.set_title("per update: verdicts win late")
    left.legend(loc="lower right")
    note = {"xytext": (6, 0), "textcoords": "offset points", "fontsize": 10, "va": "center"}
    right.annotate("the same reference\nin every update", (reference_nats(), 0.5), **note)
    right.set(xscale="log", xlabel="signal spent  [nats]", title="per nat: one reference, then RFT")
    return fig


@plots.style()
def winners(settings: Settings) -> Figure:
    """Which method is best on unseen domains, over surface forms, domains of training, and the network's width.

    In each cell the share right of SFT on one reference, RFT and RLVR, the best in bold, with a star where its lead on
    the second is significant (95 %, seed by seed); the colour is RLVR − SFT. Quick profile: M = 8 alone. With one form
    (full profile) a reference says no more than the class, and the order is gone, in some cells reversed.

    In practice: prefer verdicts when you train on several domains, and the more so the smaller the network. When you
    train on a single one, with a network that has room for the wording too, one reference a prompt transfers better to
    other domains, if not to other contents.
    """
    found = maps.cells(settings)
    forms, domains = (sorted({getattr(c, name) for c in found}) for name in ("num_forms", "num_domains"))
    colors = ScalarMappable(Normalize(-SPAN, SPAN), "PuOr")
    fig, axes = plots.figure(len(forms), width=6.4, height=1.4 + 1.25 * len(domains), sharey=True)
    for ax, m in zip(np.atleast_1d(axes), forms, strict=True):
        of = {(c.num_domains, c.width): c for c in found if c.num_forms == m}
        grid = [[float(of[d, h].difference(GRADIENT, ONCE).mean) for h in maps.WIDTHS] for d in domains]
        ax.imshow(grid, cmap=colors.cmap, norm=colors.norm, aspect="auto")
        for (row, d), (column, h) in product(enumerate(domains), enumerate(maps.WIDTHS)):
            _write(ax, column, row, of[d, h], dark=abs(grid[row][column]) > SPAN / 2)
        ax.set_xticks(range(len(maps.WIDTHS)), [str(h) for h in maps.WIDTHS])
        ax.set_yticks(range(len(domains)), [str(d) for d in domains])
        ax.set(title=f"M = {m} form{'s' * (m > 1)}", xlabel="hidden units")
        ax.grid(False)
    np.atleast_1d(axes)[0].set_ylabel("domains of training")
    fig.colorbar(colors, extend="both", ax=axes, label="RLVR − SFT, share right")
    fig.suptitle("a reference wins with one domain and a wide network", x=0.02, ha="left")
    return fig


def _write(ax: Axes, x: float, y: float, cell: Cell, *, dark: bool) -> None:
    """The three methods of a cell, the best in bold."""
    best = cell.ranked[0]
    for line, (name, correct) in enumerate(cell.correct.items()):
        star = " *" if name == best and cell.decided else ""
        ax.annotate(
            f"{SHORT[name]} {correct.mean():.3f}{star}",
            (x, y),
            xytext=(0, 16 - 16 * line),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold" if name == best else "normal",
            color=plots.LIGHT if dark else plots.DARK,
        )


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
    path = tables.trained(settings, "plain")
    marks = np.unique(np.geomspace(1, tables.ROUNDS, 40).astype(int))
    exact = tables.Path(*(np.concatenate(x) for x in zip(*(tables.orbit(path, t) for t in [0, *marks]), strict=True)))
    for q in range(tables.NUM_PROMPTS):
        color = (plots.BLUE, plots.GREEN, plots.ORANGE)[int(path.within(q)[0].argmax())]
        left.plot(*_corner(path.within(q)), color=color, linewidth=5, alpha=0.5, label=f"_prompt {q}, plain gradient")
        plots.theory(left, *_corner(exact.within(q)), label=f"_prompt {q}, exact orbit")
        left.plot(*_corner(path.within(q)[0]), "o", color=color, markersize=8, label=f"_prompt {q}, natural gradient")
    refits = tables.refitted(settings)
    shake = np.random.default_rng(0).normal(size=(RUNS, 2)) * 0.012  # shares of few samples lie on a lattice
    start = right.plot(*_corner(refits.start), "o", color=plots.INK, markersize=9, label="start", zorder=5)
    for t, color in ((1, plots.BLUE), (tables.NUM_GENERATIONS, plots.VERMILLION)):
        x, y = _corner(refits.forms[:RUNS, t]) + shake.T
        label = f"after {t}: {float(refits.kept(t).mean):.3f} left, exactly {refits.exact(t):.3f}"
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


def _corner(law: np.ndarray) -> np.ndarray:
    """[2, …]: the place of a law of three forms in a triangle with sides of length 1."""
    return np.stack([law[..., 1] + law[..., 2] / 2, law[..., 2] * 3**0.5 / 2])


@plots.style()
def best(settings: Settings) -> Figure:
    """The best of n draws, without training: how far it goes, and what it is worth if the score is noisy.

    Dots simulated (200,000 draws or more; errors smaller than the dots), lines exact. Left: KL(best of n ‖ reference),
    ln n − (n−1)/n if no two scores are equal; by a verdict with a quarter of the outputs right it ends at ln 4. Right:
    the score is the true value plus an error of the same variance.

    In practice: the best of 64 draws is at most 3.2 nats away from the model, whatever the score. With a score that
    is half noise, half of what it promises is there, and more draws do not change the half.
    """
    fig, (left, right) = plots.figure(2, width=5.4, height=4.2)
    fig.set_layout_engine("constrained", wspace=0.08)
    sizes, fine = best_of_n.SIZES, np.unique(np.geomspace(1, 100, 60).astype(int))
    ranked = [best_of_n.rank_kl(settings, n).mean for n in sizes]
    left.plot(sizes, ranked, "o", color=plots.BLUE, markersize=8, label="_no ties, simulated")
    bound = plots.theory(left, fine, [best_of_kl(int(n)) for n in fine])
    verdict = left.plot(fine, [best_of_n.verdict_kl(int(n), 0.25) for n in fine], color=plots.GREEN)[0]
    left.set(xscale="log", ylabel="KL to the reference  [nats]", title="the distance is bounded", xlim=(1, 100))
    simulated = np.array([best_of_n.selected(settings, n).mean for n in sizes])
    laws = [regressional_goodhart(int(n), best_of_n.NOISE) for n in fine]
    lines = {}
    for i, (name, color) in enumerate({"true value": plots.BLUE, "what the score says": plots.VERMILLION}.items()):
        right.plot(sizes, simulated[:, i], "o", color=color, markersize=8, label=f"_{name}, simulated")
        lines[name] = plots.theory(right, fine, [law[i] for law in laws])
    right.set(xscale="log", xlim=(1, 100), ylabel="standard deviations of the true value")
    right.set_title("half noise, half the promise")
    for ax in (left, right):
        ax.set_xlabel("n, draws")
        ax.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        ax.set_xticks([], minor=True)
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, {"no ties": bound, "a verdict": verdict})
    plots.direct_labels(right, lines)
    return fig


FIGURES = {
    "methods-kept": kept,
    "methods-curves": curves,
    "methods-map": winners,
    "methods-diversity": diversity,
    "methods-best-of-n": best,
}
