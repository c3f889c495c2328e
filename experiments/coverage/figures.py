"""What a budget of looks tells, and what it teaches, as it is spread over more prompts."""

import numpy as np
from matplotlib.figure import Figure

from experiments.coverage import study
from experiments.coverage.study import BUDGET, DISTINCT, NOISY, NUM_PROMPTS, SURE
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings

ASKED = (4, 8, 16, 32, NUM_PROMPTS)


@plots.style()
def nats(settings: Settings) -> Figure:
    """64 looks, spent on m prompts, 64/m looks each; exact. Each prompt has one of two classes, equally likely.

    Left: what all verdicts tell, in nats, for verifiers with rates (tpr, fpr) whose errors are fresh at each look. A
    verifier that never errs tells nothing by a repeat. Right: the share of 64 prompts whose class is then known with
    probability .95 or more, for the verifier (.8, .2).

    In practice: for information, do not ask twice where there is another prompt like it. To be sure of something, ask
    a verifier that errs a few times, and of fewer prompts: what tells most leaves every single answer in doubt.
    """
    fig, (left, correct) = plots.figure(2, width=6.0, height=4.2)
    lines = {}
    for verifier, color in zip(study.VERIFIERS, plots.COLORS, strict=False):
        told = [study.total(verifier, m) for m in DISTINCT]
        name = f"({verifier[0]:g}, {verifier[1]:g})".replace("0.", ".")
        lines[name] = left.plot(DISTINCT, told, "o-", color=color)[0]
    left.set(yscale="log", ylabel="I(X; all verdicts)  [nats]", title="a repeat tells less than a new prompt")
    left.text(0.02, 0.95, "verifier (tpr, fpr)", transform=left.transAxes, color=plots.GREY)
    left.set_yticks([1, 3, 10, 30], ["1", "3", "10", "30"])
    left.set_yticks([], minor=True)
    shares = [study.sure(m) for m in DISTINCT]
    correct.plot(DISTINCT, shares, "o-", color=plots.COLORS[study.VERIFIERS.index(NOISY)], label="_(.8, .2)")
    correct.set(ylabel=f"share of prompts known with {100 * SURE:g} %", title="… but makes sure of what it repeats")
    for ax in (left, correct):
        plots.log_ticks(ax.xaxis, DISTINCT)
        ax.set_xlabel(f"m, prompts asked ({BUDGET}/m looks each)")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(left, lines)
    return fig


@plots.style()
def learned(settings: Settings) -> Figure:
    """256 looks a round, spent on m of 64 prompts (16 contents in 4 domains), 256/m each; means, 95 % bands over seeds.

    A network is trained by RLVR on the verdict of its own outputs, or by SFT on one reference a prompt; the table, by
    the exact natural gradient, which is not charged for looks. Solid: correctness on all 64 prompts, asked or not;
    dashed: on the contents of training in domains never asked. More prompts also bring more contents. A table knows
    what it was told and no more, so that its correctness is close to a straight line.

    In practice: spend a budget on new prompts before you repeat any. A learner that generalises gains most from the
    first few, and one that does not gains from each alike.
    """
    fig, ax = plots.figure(width=7.4, height=4.6)
    lines = {}
    for method, color in (("RLVR", plots.BLUE), ("SFT", plots.VERMILLION)):
        results = [study.network_learned(settings, method, m) for m in ASKED]
        for exam, name, dashes in (("all", f"{method}, network", "-"), ("unseen", f"{method}, unseen domains", "--")):
            correct = np.array([getattr(result, exam) for result in results])
            error = correct.std(1, ddof=1) / correct.shape[1] ** 0.5
            lines[name] = plots.band(ax, ASKED, correct.mean(1), error, color=color)
            lines[name].set(linestyle=dashes, marker="o")
    exact = [study.table_learned(m) for m in ASKED]
    lines["table, exact"] = plots.theory(ax, ASKED, exact)
    ax.set_xticks(ASKED)
    ax.set(xlabel=f"m, prompts asked ({study.LOOKS}/m looks each, a round)")
    ax.set(ylim=(0.25, 1.02), ylabel="share of right outputs", title="at an equal budget, more prompts teach more")
    fig.draw_without_rendering()  # direct labels need the final limits
    plots.direct_labels(ax, lines)
    return fig


FIGURES = {"coverage-nats": nats, "coverage-trained": learned}
