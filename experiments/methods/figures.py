"""The figures of the methods; the docstring of each is its caption."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.methods import best_of_n, tables
from experiments.methods.study import (
    EVALUATED,
    FIXED,
    GRADIENT,
    HELD_OUT,
    METHODS,
    PARAPHRASED,
    PENALISED,
    REFIT,
    REUSED,
    TRIES,
    UNSEEN,
    TrainingMetrics,
    trained,
)
from theory.policies.best_of_n import best_of_kl

COLOR = {
    FIXED: plots.VERMILLION,
    PARAPHRASED: plots.ORANGE,
    REFIT: plots.PURPLE,
    GRADIENT: plots.BLUE,
    "natural gradient": plots.GREEN,
}
TAILS = {
    "β = 4": plots.GREEN,
    best_of_n.GAUSSIAN: plots.BLUE,
    "β = 1": plots.ORANGE,
    "t(3)": plots.VERMILLION,
}
EVALUATED_COLORS, EVALUATED_MARKERS = (plots.GREY, plots.PURPLE, plots.BLUE), ("|", "s", "o")
DRAWN = 600  # of the replicas
IN_ROWS = (FIXED, PARAPHRASED, REFIT, GRADIENT, REUSED, PENALISED)


@plots.style()
def transfer(settings: Settings) -> Figure:
    """The transfer, diversity and cost of each method.

    Means over 96 datasets (methods in no row: 32, natural gradient: 16) with 95 % intervals. A network learns 64
    prompts, 16 items in 4 domains, from the same start; K = 4 classes in M = 8 surface forms, 4 outputs or references
    per prompt and round, equally many updates for all. First panel: accuracy on training prompts, held-out items and
    unseen domains; open: pass@16 on held-out items. Second: the entropy of the form of a correct answer, as a share of
    the start's. Third: KL(policy ‖ start). Fourth: nats of signal, I(Y;S|Q) of each verdict on an output Y of the
    policy, at the accuracy of its round; a fixed reference costs ln K + ln M per prompt, once, and each paraphrase ln M
    more.

    In practice: all methods learn the training prompts. One reference per prompt transfers worst, since it teaches its
    surface form as well. RLVR and RFT transfer, but end with few surface forms, clipped or not; a small KL penalty to
    the start preserves them, at a cost of at most .03 in accuracy, and raises pass@16 on new items; so does a natural
    gradient preserve them. What a method spends is a matter of batch and re-use: here a fixed reference is used in
    every update and an output in 1, 4 or 25; with outputs used as often RLVR needs as few as RFT (row C9-samples). Per
    nat SFT is ahead, since a reference may be used again at no nats: in small batches, if RLVR uses outputs 10 times,
    by about .03 (row C9-nats); if a reference, too, may be used only 10 times, RLVR is ahead (row C9-nats-limit).
    """
    fig, (transfer, forms, away, spent) = plots.figure(4, width=3.5, height=4.6, sharey=True)
    names = list(METHODS)
    for y, name in enumerate(names):
        runs = _runs(settings, name)
        for i, (color, marker) in enumerate(zip(EVALUATED_COLORS, EVALUATED_MARKERS, strict=True)):
            _dot(transfer, runs.accuracy[:, -1, i], y, color, marker, label="_" * (y > 0) + EVALUATED[i])
        tried = runs.passed[:, -1, HELD_OUT, -1].mean()
        label = "_" * (y > 0) + f"held-out items, pass@{TRIES[-1]}"
        transfer.plot(tried, y, "s", color=EVALUATED_COLORS[HELD_OUT], markersize=6, fillstyle="none", label=label)
        for ax, values in ((forms, runs.diversity_left), (away, runs.kl[:, -1]), (spent, runs.nats[:, -1])):
            _dot(ax, values, y, plots.INK, label="_mean")
    transfer.set_yticks(range(len(names)), names)
    transfer.set(xlim=(0.45, 1.02), xlabel="accuracy", ylim=(len(names) - 0.5, -0.5))
    transfer.set_title("a fixed reference transfers worst")
    fig.legend(*transfer.get_legend_handles_labels(), loc="outside lower left", ncols=4)
    forms.axvline(1, color=plots.INK, linewidth=1, linestyle=plots.DASHED, label="_start")
    forms.set(xlim=(0, 1.15), xlabel="diversity of correct outputs", title="a KL preserves diversity")
    away.set(xlim=(0, None), xlabel="KL to the start  [nats]", title="… and stays near the start")
    spent.set(xscale="log", xlim=(100, 4e5), xlabel="signal used  [nats]", title="spent, at this batch and re-use")
    return fig


def _runs(settings: Settings, name: str) -> TrainingMetrics:
    """Methods in no row have fewer seeds, natural gradients, which take several times as long, fewest."""
    few = 16 if name.startswith("natural") else 32
    return trained(settings, name, **{} if name in IN_ROWS else {"num_seeds": few})


def _dot(ax: Axes, values: np.ndarray, y: float, color: str, marker: str = "o", *, label: str) -> None:
    """The mean over seeds with its 95 % interval."""
    size, edge = (12, 2.5) if marker == "|" else (7, 0)
    look = {"markersize": size, "markeredgewidth": edge, "elinewidth": 2}
    ax.errorbar(values.mean(), y, xerr=1.96 * _stderr(values), fmt=marker, color=color, label=label, **look)


@plots.style()
def curves(settings: Settings) -> Figure:
    """The accuracy on unseen domains during training, by updates.

    Means over 96 datasets (natural gradient: 16) with 95 % bands, as in methods-kept. Each update uses 4 outputs or
    references per prompt; RFT uses the same outputs for 25 updates, a fixed reference is always the same.

    In practice: if you pay for updates, verdicts win in the end. Paraphrased references transfer nearly as well.
    """
    fig, ax = plots.figure(width=6.0, height=4.4)
    for name, color in COLOR.items():
        runs = _runs(settings, name)
        t = 1 + np.unique(runs.updates[1:], return_index=True)[1]
        accuracy = runs.accuracy[..., UNSEEN][:, t]
        plots.band(ax, runs.updates[t], accuracy.mean(0), _stderr(accuracy), color=color, label=name)
    plots.log_ticks(ax.xaxis, [1, 3, 10, 30, 100])
    ax.set(xlabel="updates", ylabel="accuracy on unseen domains")
    ax.set_title("per update: verdicts win late")
    ax.legend(loc="lower right")
    return fig


def _stderr(values: np.ndarray) -> np.ndarray:
    return values.std(0, ddof=1) / len(values) ** 0.5


@plots.style()
def diversity(settings: Settings) -> Figure:
    """What becomes of the three surface forms of a correct answer: the simplex of p(form | correct class).

    Left, tables, a line per prompt: the natural gradient stays at the dots, exactly; the policy gradient moves on its
    conserved orbit (thin dark line: exact at equal accuracy) to the form that was likeliest. Right: refits of one model
    to the accepted ones of its 12 samples, 600 runs; the legend gives the diversity 1 − Σ p² left.

    In practice: a verdict on the class does not distinguish surface forms; the method decides their fate.
    """
    fig, (left, right) = plots.figure(2, width=5.4, height=4.8)
    path = tables.trained(settings)[-1]
    exact = tables.orbit(path, np.append(0, np.unique(np.geomspace(1, tables.ROUNDS, 40).astype(int))))
    for q in range(tables.NUM_PROMPTS):
        color = (plots.BLUE, plots.GREEN, plots.ORANGE)[int(path.form_probs(q)[0].argmax())]
        left.plot(
            *_corner(path.form_probs(q)), color=color, linewidth=5, alpha=0.5, label=f"_prompt {q}, policy gradient"
        )
        plots.theory(left, *_corner(exact.form_probs(q)), label=f"_prompt {q}, exact orbit")
        start = _corner(path.form_probs(q)[0])
        left.plot(*start, "o", color=color, markersize=8, label=f"_prompt {q}, natural gradient")
    refits = tables.refitted(settings)
    diversity, exact_diversity = np.asarray(refits.diversity().mean), refits.exact()
    jitter = np.random.default_rng(0).normal(size=(DRAWN, 2)) * 0.012  # shares of few samples lie on a lattice
    start = right.plot(*_corner(refits.start), "o", color=plots.INK, markersize=9, label="start", zorder=5)
    for t, color in ((1, plots.BLUE), (tables.NUM_GENERATIONS, plots.VERMILLION)):
        x, y = _corner(refits.form_probs[:DRAWN, t]) + jitter.T
        refitted = f"after {t} refit{'s' * (t > 1)}"
        label = f"{refitted}: diversity {diversity[t - 1]:.3f}, exact {exact_diversity[t - 1]:.3f}"
        right.plot(x, y, ".", color=color, alpha=0.5, markersize=4, rasterized=True, label=f"_after {t}")
        start += right.plot([], [], "o", color=color, label=label)
    for ax, title in ((left, "policy gradient sharpens, natural stays"), (right, "a refit to few samples loses forms")):
        _simplex(ax)
        ax.set_title(title)
    fig.legend(handles=start, loc="outside lower right", ncols=3)
    return fig


def _simplex(ax: Axes) -> None:
    """The frame of the distributions over three forms."""
    ax.plot(*_corner(np.eye(3)[[0, 1, 2, 0]]), color=plots.GREY, linewidth=1, label="_frame")
    ax.set(aspect="equal", xlim=(-0.08, 1.08), ylim=(-0.12, 0.97))
    ax.set_axis_off()
    for name, corner in zip(("form 1", "form 2", "form 3"), _corner(np.eye(3)).T, strict=True):
        offset, va = ((0, 8), "bottom") if corner[1] > 0.5 else ((0, -14), "top")
        note = {"xytext": offset, "textcoords": "offset points", "ha": "center", "va": va, "fontsize": 11}
        ax.annotate(name, corner, **note)


def _corner(probs: np.ndarray) -> np.ndarray:
    """[2, …]: the place of a distribution over three forms in a triangle with sides of length 1."""
    return np.stack([probs[..., 1] + probs[..., 2] / 2, probs[..., 2] * 3**0.5 / 2])


@plots.style()
def best(settings: Settings) -> Figure:
    """The best of n draws, without training: its divergence, and its worth if the score is noisy.

    Left: KL(best of n ‖ model), ln n − (n−1)/n without ties, ending at ln 4 for a verdict at accuracy ¼. Right: the
    share of the score that is real, E[true value]/E[score], where the true value is Gaussian and half of the score's
    variance is an error: Gaussian, of Student's t, or of density ∝ exp(−|x|^β). Lines: exact; dots: simulated, errors
    smaller than the dots.

    In practice: the best of 64 draws is at most 3.2 nats from the model. If half of a score's variance is noise, expect
    half of the score, however many draws, only if errors are Gaussian: with heavier tails the best scores are errors.
    """
    fig, (left, right) = plots.figure(2, width=5.8, height=4.2)
    fig.set_layout_engine("constrained", wspace=0.08)
    sizes, fine = best_of_n.SIZES, np.unique(np.geomspace(1, 100, 60).astype(int))
    ranked = np.asarray(best_of_n.rank_kl(settings).mean)
    left.plot(sizes, ranked, "o", color=plots.BLUE, markersize=8, label="_no ties, simulated")
    bound = plots.theory(left, fine, [best_of_kl(int(n)) for n in fine])
    verdict = left.plot(fine, best_of_n.verdict_kl(fine), color=plots.GREEN)[0]
    left.set(ylabel="KL(best of n ‖ model)  [nats]", title="the divergence is bounded", xlim=(1, 100))
    lines, draws = {}, 2 ** np.arange(1, 13)
    for name, color in TAILS.items():
        shares = [best_of_n.true_share(name, int(n)) for n in draws]
        lines["Gaussian" if name == best_of_n.GAUSSIAN else name] = right.plot(draws, shares, color=color)[0]
    true, score = best_of_n.selected(settings).mean(0)[:, 1:].T
    right.plot(sizes, true / score, "o", color=TAILS[best_of_n.GAUSSIAN], markersize=8, label="_Gaussian, simulated")
    right.set(ylabel="share of the score that is real", title="half noise: the tail decides", ylim=(0, 0.75))
    for ax, ticks in ((left, [1, 4, 16, 64]), (right, [2, 16, 128, 1024, 4096])):
        plots.log_ticks(ax.xaxis, ticks)
        ax.set_xlabel("draws, n")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, {"no ties": bound, "a verdict": verdict})
    plots.direct_labels(right, lines)
    return fig


FIGURES = {
    "methods-kept": transfer,
    "methods-curves": curves,
    "methods-diversity": diversity,
    "methods-best-of-n": best,
}
