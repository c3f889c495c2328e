"""The figure of refitting and RLVR; its docstring is the caption."""

from matplotlib.figure import Figure

from experiments.harness import figures as plots
from experiments.harness.ledger import Settings
from experiments.refit_or_reinforce import study
from experiments.refit_or_reinforce.study import LENIENT, STRICT

COLORS = (plots.BLUE, plots.VERMILLION, plots.GREEN)
RATIOS, YOUDENS = (1.25, 1.5, 2, 3, 5, 10), {0.09: 0.66, 0.3: 0.56, 0.6: 0.08}  # J, and where its name stands


@plots.style()
def leads(settings: Settings) -> Figure:
    """Who leaves less wrong after N verdicts on one prompt, refitting to accepted outputs or RLVR, for each verifier.

    The plane of ROC curves. Above a coloured line, where the verifier is strict, refitting leads; below it RLVR, in
    groups of 8. Exact, the dots are computed: each method with its best round size or step, accuracy .3 at first,
    independent errors. These lines follow the rays of one likelihood ratio, LR = tpr/fpr, and cross the dotted lines of
    one Youden's J. Rings: mirror verifiers of J = .09 and one odds ratio. From both RLVR learns as much, .02 are wrong
    after 400 verdicts; refitting leaves .004 with the strict one, .43 with the lenient one.

    In practice: with N = 100 to 400 verdicts, all paid, on a prompt of accuracy .3 refit if ln LR > 12/√N, and use RLVR
    otherwise.
    """
    found = study.leads(settings)
    fig, ax = plots.figure(width=7.2, height=5.8)
    ax.grid(visible=False)
    for ratio in RATIOS:
        ax.plot([0, 1 / ratio], [0, 1], color=plots.GREY, linewidth=0.7, alpha=0.6, label=f"_LR = {ratio:g}")
        name = f"LR = {ratio:g}" if ratio == RATIOS[-1] else f"{ratio:g}"
        ax.annotate(name, (1 / ratio, 1.012), color=plots.GREY, fontsize=11, ha="center", annotation_clip=False)
    for youden, place in YOUDENS.items():
        ax.plot([0, 1 - youden], [youden, 1], ":", color=plots.PURPLE, linewidth=1.6, label=f"_J = {youden:g}")
        name = f"J = {youden:g}"
        look = {"color": plots.PURPLE, "fontsize": 11, "va": "top", "rotation_mode": "anchor"}
        ax.text(place, place + youden - 0.012, name, rotation=45, transform_rotates_text=True, **look)
    for verdicts, ratios, color in zip(found.verdicts, found.ratio, COLORS, strict=False):
        ax.plot(found.tpr / ratios, found.tpr, "o-", color=color, linewidth=3, label=f"{verdicts} verdicts")
    for name, rates, shift in (("strict", STRICT, (14, -6)), ("lenient", LENIENT, (-4, -26))):
        ax.plot(*rates[::-1], "o", color=plots.INK, fillstyle="none", markersize=11, label=f"_{name}", clip_on=False)
        ax.annotate(name, rates[::-1], xytext=shift, textcoords="offset points", fontsize=11)
    ax.fill_between([0, 1], [0, 1], color=plots.GRID, linewidth=0)
    look = {"fontsize": 15, "fontweight": "bold", "bbox": {"color": plots.PAPER, "alpha": 0.8, "pad": 1}}
    ax.annotate("refitting\nleads", (0.04, 0.84), **look)
    ax.annotate("RLVR\nleads", (0.43, 0.585), **look)
    ax.annotate("tpr < fpr: both lose", (0.5, 0.3), color=plots.GREY)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="false-positive rate, fpr", ylabel="true-positive rate, tpr")
    ax.set_title("the likelihood ratio decides who leads, not Youden's J", pad=24)
    ax.legend(loc="lower right", title="the lead changes, after")
    return fig


FIGURES = {"refit-or-reinforce": leads}
