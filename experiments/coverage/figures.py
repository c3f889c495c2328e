"""The figures of coverage; the docstring of each is its caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.coverage import study
from experiments.coverage.study import BUDGET, DISTINCT, NOISY, NUM_PROMPTS, SURE
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings

QUERIED = (4, 8, 16, 32, NUM_PROMPTS)


@plots.style()
def nats(settings: Settings) -> Figure:
    """64 queries, spent on m prompts of two equally likely classes, 64/m queries each; exact.

    Left: the information in all verdicts, for verifiers (tpr, fpr) with independent errors. Right: the share of 64
    prompts whose class is then known at 95 % confidence, for the verifier (.8, .2).

    In practice: for information, query a new prompt rather than the same one again. For certainty, repeat the queries
    of fewer prompts.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.2)
    lines = {}
    for verifier, color in zip(study.VERIFIERS, plots.COLORS, strict=False):
        nats = [study.total_information(verifier, m) for m in DISTINCT]
        name = f"({verifier[0]:g}, {verifier[1]:g})".replace("0.", ".")
        lines[name] = left.plot(DISTINCT, nats, "o-", color=color)[0]
    left.set(yscale="log", ylabel="I(X; all verdicts)  [nats]", title="new prompts carry more information …")
    left.text(0.02, 0.95, "verifier (tpr, fpr)", transform=left.transAxes, color=plots.GREY)
    left.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    left.set_yticks([], minor=True)
    shares = [study.known_share(m) for m in DISTINCT]
    right.plot(DISTINCT, shares, "o-", color=plots.COLORS[study.VERIFIERS.index(NOISY)], label="_(.8, .2)")
    right.set(
        ylabel=f"share known at {100 * SURE:g} % confidence", title="… repeated ones more certainty, verifier (.8, .2)"
    )
    for ax in (left, right):
        plots.log_ticks(ax.xaxis, DISTINCT)
        ax.set_xlabel(f"prompts queried, m ({BUDGET}/m queries each)")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, lines)
    return fig


@plots.style()
def learned(settings: Settings) -> Figure:
    """256 queries a round, spent on m of 64 prompts (16 items in 4 domains), 256/m each; means, 95 % bands over seeds.

    A network is trained by RLVR on the verdict of its own outputs, or by SFT on one reference per prompt; the table, by
    the exact natural gradient, which is not charged for queries. Solid: accuracy on all 64 prompts, queried or not;
    dashed: on the items of training in unseen domains. More prompts also bring more items. A table learns nothing about
    a prompt that is not queried, so that its accuracy is close to a straight line.

    In practice: spend a budget on new prompts before you repeat any. A learner that generalises gains most from the
    first few, and one that does not gains from each alike.
    """
    fig, ax = plots.figure(width=7.4, height=4.6)
    lines = {}
    for method, color in (("RLVR", plots.BLUE), ("SFT", plots.VERMILLION)):
        results = [study.network_learned(settings, method, m) for m in QUERIED]
        for evaluated, name, dashes in (
            ("all", f"{method}, network", "-"),
            ("unseen", f"{method}, unseen domains", "--"),
        ):
            accuracy = np.array([getattr(result, evaluated) for result in results])
            error = accuracy.std(1, ddof=1) / accuracy.shape[1] ** 0.5
            lines[name] = plots.band(ax, QUERIED, accuracy.mean(1), error, color=color)
            lines[name].set(linestyle=dashes, marker="o")
    exact = [study.table_learned(m) for m in QUERIED]
    lines["table, exact"] = plots.theory(ax, QUERIED, exact)
    ax.set_xticks(QUERIED)
    ax.set(xlabel=f"prompts queried, m ({study.QUERIES}/m queries each per round)")
    ax.set(ylim=(0.25, 1.02), ylabel="accuracy", title="at an equal budget, more prompts teach more")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(ax, lines)
    return fig


FIGURES = {"coverage-nats": nats, "coverage-trained": learned}
