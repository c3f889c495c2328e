"""The figure of the blind spots; its docstring is the caption."""

import numpy as np
from matplotlib.figure import Figure

from experiments.blind_spots import study
from experiments.blind_spots.study import AREA, AREAS, START, STARTS
from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from theory import budget

SIZES, TICKS = (2, 3, 4, 5, 7, 10, 14, 20, 28), (2, 3, 5, 10, 20, 40)
STRICT = 0.02  # fpr


@plots.style()
def blind_spots(settings: Settings) -> Figure:
    """With a blind spot the best threshold accepts more and more wrong outputs as n grows.

    Of the outputs 20 % are correct and 5 % are in the blind spot of the verifier, wrong and always accepted; AUC .9 for
    all others. Left: the threshold on the ROC curve after which the loop ends correct most often, for n accepted
    outputs a round; without the blind spot it is the strictest that is tried. Right: the probability to end correct at
    the best threshold (dots), at that of the rule 2n(p+b)(1−ψ) = ln(2(p+b)/(b'ρ)) (thin), and at two fixed ones, which
    the blind spot takes over; dashed: p/(p+b), the limit for n → ∞. All exact, rejection sampling until n are accepted,
    rounds until one kind of output is left.

    In practice: if something wrong may always be accepted, loosen the threshold as rounds get larger, so that it
    rejects far fewer than one in n of the correct outputs, and let the rounds remove the wrong ones.
    """
    fig, (left, right) = plots.figure(2, width=5.6, height=4.6)
    best = _best(settings)
    sizes, accuracies = sorted({*SIZES, *best}), [at.accuracy for at in best.values()]
    fixed = {
        "equal errors": (study.equal_errors(AREA), plots.VERMILLION),
        "strict": ((float(budget.roc(AREA, STRICT)), STRICT), plots.ORANGE),
    }
    fpr = np.linspace(0, 1, 400)
    left.plot(fpr, np.asarray(budget.roc(AREA, fpr)), color=plots.GREY, linewidth=1.5, label="_ROC curve")
    place = [at.fpr for at in best.values()], [at.tpr for at in best.values()]
    left.plot(*place, "o", color=plots.BLUE, markersize=8, label="_best threshold")
    for n, at in best.items():
        left.annotate(
            f"n = {n}" if n == min(best) else f"{n}",
            (at.fpr, at.tpr),
            xytext=(3, -18),
            textcoords="offset points",
            color=plots.BLUE,
            fontsize=11,
        )
    strictest = budget.best_threshold(min(best), AREA, study.without_blind_spot(START))
    left.plot(
        [strictest.fpr], [strictest.tpr], "D", color=plots.GREY, fillstyle="none", markersize=8, label="_no blind"
    )
    note = {"xytext": (10, -4), "textcoords": "offset points", "color": plots.GREY, "fontsize": 11}
    left.annotate("best without a blind spot", (strictest.fpr, strictest.tpr), **note)
    lines = {}
    for name, ((tpr, psi), color) in fixed.items():
        left.plot([psi], [tpr], "s", color=color, markersize=8, label=f"_{name}")
        left.annotate(name, (psi, tpr), **{**note, "xytext": (10, -8), "color": color})
        values = [study.correct(n, (tpr, psi, 1.0)) for n in sizes]
        (lines[name],) = right.plot(sizes, values, color=color)
    left.set(xlabel="accepted wrong outputs, fpr ψ", ylabel="accepted correct outputs, tpr φ", ylim=(0, 1.03))
    left.set_title("with a blind spot the best verifier is lenient, …")
    rule = [study.correct(n, (*budget.threshold_rule(n, AREA, START), 1.0)) for n in sizes]
    right.plot(list(best), accuracies, "o", color=plots.BLUE, markersize=8, label="_best threshold")
    plots.theory(right, sizes, rule, label="_rule")
    right.annotate("best threshold, and rule", (5, 0.64), xytext=(5.6, 0.67), color=plots.BLUE, fontsize=11)
    limit = START[0] / (START[0] + START[2])
    plots.reference(right, limit, "p/(p+b)")
    right.annotate("p/(p+b)", (SIZES[0], limit + 0.012), color=plots.GREY, fontsize=11)
    plots.log_ticks(right.xaxis, TICKS)
    right.set(xlabel="accepted outputs per generation, n", ylabel="P(ends correct)", ylim=(-0.02, 0.88), xlim=(1.9, 90))
    right.set_title("… and then more samples help")
    plots.direct_labels(right, lines)
    return fig


def _best(settings: Settings) -> dict[int, budget.Threshold]:
    """The best thresholds by n: those of the rows."""
    found = study.thresholds(settings)
    at = STARTS.index(START), AREAS.index(AREA)
    values = np.stack([found.tpr[at], found.fpr[at], found.accuracy[at]], axis=1).tolist()
    return {n: budget.Threshold(*each) for n, each in zip(found.sizes.tolist(), values, strict=True)}


FIGURES = {"blind-spots": blind_spots}
