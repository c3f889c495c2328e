"""What is claimed of reward hacking: C11, when a learned judge rewards what goes with the truth, and what helps."""

from functools import partial
from itertools import product

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.reward_hacking import goodhart, study
from experiments.reward_hacking.student import CONFLICT, START
from experiments.reward_hacking.study import (
    BALANCED,
    BIASED,
    BRIEF,
    CASE,
    NOISE,
    NOISY,
    PURE,
    SAMPLES,
    Cell,
    Judges,
    When,
    judges,
)
from experiments.thesis.flow import signs
from theory import prequential

GRID = list(product((0.55, 0.65, 0.75, 0.85, 0.95), (0.0, 0.1, 0.2, 0.3, 0.4)))  # ρ, ε; ρ is never 1 − ε
HITS = 0.85  # of the sample numbers
AGREED = 0.8  # of the students
FACTOR = 2.0  # of a time
NEAR = 0.1  # of an agreement
STOP = 0.1  # nats from the start
SHARE = "share right"
EARLY, LATE = SAMPLES["early"], SAMPLES["late"]
EXACT = "students by natural gradient, exact; on conflicts"


def flow(noisy: bool, settings: Settings) -> Found:
    """Least squares on two signs, from 0: whether the answer to a conflict ever turns; noisy: is said to, always."""
    rho, noise = np.array(GRID).T
    turns = [np.isfinite(prequential.flow_crossover(*signs(0.1, (1 - 2 * e, 2 * r - 1)))) for r, e in GRID]
    where = [f"ρ = {r:g}, ε = {e:g}, the sign of correctness at scale .1: 1 where it turns" for r, e in GRID]
    return equal(np.array(turns), np.ones(len(GRID)) if noisy else rho < 1 - noise, where, "turns")


def hacked(cells: tuple[Cell, ...], settings: Settings) -> Found:
    """The share right on conflicts of students by RL on sampled outputs, in the end, against that at the start."""
    seen = [judges(settings, "early").sampled[c] for c in cells]
    reward = np.mean([x.reward[..., CONFLICT] for x in seen], axis=(0, 1))
    correct = np.mean([x.correct[:, -1, CONFLICT] for x in seen], axis=0)
    setting = f"{_judges(cells, 'early')}; RL on 4 sampled outputs a prompt; on conflicts, whose reward goes from "
    setting += f"{reward[0]:.2f} to {reward[-1]:.2f}; {_seeds(correct)}"
    return at_most(*paired(correct, START), setting, SHARE)


def hidden(exam_of_conflicts: bool, settings: Settings) -> Found:
    """… over all prompts, of which conflicts are as many as among the labelled outputs, or half."""
    share = 0.5 if exam_of_conflicts else CASE.conflicts
    correct = np.mean([judges(settings, "early").sampled[c].mixed(share).correct[:, -1] for c in BRIEF], axis=0)
    setting = f"{_judges(BRIEF, 'early')}; RL on 4 sampled outputs a prompt; conflicts are {share:.2f} of the prompts"
    return at_least(*paired(correct, START), f"{setting}; {_seeds(correct)}", SHARE)


def longer(cell: Cell, settings: Settings) -> Found:
    """Students of judges that were trained ten times as long, against the start."""
    before, correct = (judges(settings, when).correct(cell) for when in ("early", "late"))
    setting = f"{_judges([cell], 'late')}; {EXACT}, {before.mean():.2f} with n = {EARLY}; {_seeds(correct)}"
    return at_most(*paired(correct, START), setting, SHARE)


def phases(informed: bool, settings: Settings) -> Found:
    """How often it was foretold whether a judge goes by length; informed: by which has more information, at all n."""
    late = judges(settings, "late")
    told = late.curves.lead < 0
    if informed:
        told = np.broadcast_to(_informed(late)[:, :, None], told.shape)
    hits = (told == (late.curves.reliance > 0.5)).mean((0, 2))
    numbers = f"{len(late.curves.samples)} sample numbers of {study.FIRST} … {LATE}"
    setting = f"{len(late.cells)} cells of ρ, k, ε, {numbers}; each judge by its own twins; {_seeds(hits)}"
    return at_least(*paired(hits, HITS), setting, "share of sample numbers")


def crossover(informed: bool, settings: Settings) -> Found:
    """|ln(predicted/measured)| of the sample number; informed: predicted at once, as length has less information."""
    found = study.turns(judges(settings, "late"))
    logs = np.log((study.FIRST if informed else found.predicted) / found.measured)
    low, mean, high = np.exp([logs.min(), logs.mean(), logs.max()])
    unseen = [int((x >= LATE).sum()) for x in (found.predicted, found.measured)]
    setting = f"k ≥ 2, ½ < ρ < 1 − ε, {logs.size} judges; predicted/measured {low:.2f} … {high:.2f}, geometric mean "
    setting += f"{mean:.2f}; by n = {LATE}, which then counts, {unseen[0]} were not predicted and {unseen[1]} not seen"
    off = np.abs(logs).mean(0)
    return at_most(*paired(off, np.log(FACTOR)), f"{setting}; mean |ln|, {_seeds(off)}", "ln ratio")


def agreed(informed: bool, settings: Settings) -> Found:
    """Whether a student is hacked iff its judge relies on length; informed: iff length has more information."""

    def same(when: When) -> np.ndarray:
        found = judges(settings, when)
        told = _informed(found) if informed else found.curves.reliance[..., -1] > 0.5
        return (found.hacked() == told).mean(0)

    shares = np.stack([same("early"), same("late")], axis=1)
    where = [f"judges of n = {n}, all cells of ρ, k, ε; {EXACT}; {_seeds(shares)}" for n in (EARLY, LATE)]
    return at_least(*paired(shares, AGREED), where, "share of students")


def decorrelation(goal: float | None, settings: Settings) -> Found:
    """How far off the agreement is that is said to be low enough: where solo savings tie, or `goal`."""
    low, high = 0.7 * EARLY, 1.4 * EARLY
    predicted, measured = _enough(settings, low, high)
    setting = f"k ≥ 2, ε = {NOISE}, n = {low:.0f} … {high:.0f}; predicted {predicted.mean():.3f}, "
    setting += f"measured {measured.mean():.3f}; mean distance"
    off = np.abs((predicted if goal is None else goal) - measured).mean((0, 2))
    return at_most(*paired(off, NEAR), f"{setting}; {_seeds(off)}", "agreement")


def safe(settings: Settings) -> Found:
    """The agreement that is low enough, measured and predicted, of many labels."""
    predicted, measured = (x.mean((0, 2)) for x in _enough(settings, 2 * EARLY, LATE))
    setting = f"k ≥ 2, ε = {NOISE}, mean over n = {2 * EARLY} … {LATE}; {_seeds(measured)}"
    return at_least(*paired(measured, predicted), setting, "agreement")


def rebalanced(treated: Cell, settings: Settings) -> Found:
    """Students of judges of few labels, rebalanced, against the start, and those of ten times as many as they are."""
    correct, left = judges(settings, "early").correct(treated), judges(settings, "late").correct(BIASED)
    against = np.stack([np.full_like(left, START), left], axis=1)
    setting = f"{_judges([treated], 'early')}; {EXACT}; {_seeds(correct)}; against "
    where = [setting + "the start", setting + f"n = {LATE}, ρ = {BIASED.agreement}"]
    return at_least(*paired(correct[:, None], against), where, SHARE)


def verified(accuracy: float, settings: Settings) -> Found:
    """Students of the early judges of CASE, rewarded for what a verifier of that accuracy accepts too."""
    found = study.verified(settings)
    q = np.abs(study.ACCURACIES - accuracy).argmin()
    setting = f"{_judges([CASE], 'early')}; {EXACT}; verifier of accuracy {study.ACCURACIES[q]:.3f}, with which "
    setting += f"a right output has the best score in {found.predicted[q].mean():.2f} of the conflicts"
    return at_least(*paired(found.correct[q], START), f"{setting}; {_seeds(found.correct[q])}", SHARE)


def early_stop(cell: Cell, when: When, settings: Settings) -> Found:
    """The truth near the start against that in the end, where the reward is largest."""
    path = goodhart.path(judges(settings, when).scored(cell), goodhart.TIMES).mixed(0.5)
    near = np.array([np.interp(STOP, kl, correct) for kl, correct in zip(path.kl, path.correct, strict=True)])
    setting = f"{_judges([cell], when)}; half of the prompts conflicts, {START:g} right at first; natural gradient, "
    setting += f"exact: {STOP:g} nats from the start against the end; {_seeds(near)}"
    return at_least(*paired(near, path.correct[:, -1]), setting, SHARE)


def _judges(cells: tuple[Cell, ...] | list[Cell], when: When) -> str:
    """In words, of one agreement and noise."""
    orders = ", ".join(str(c.order) for c in cells)
    return f"judges of n = {SAMPLES[when]}, ρ = {cells[0].agreement}, ε = {cells[0].label_noise:g}, k = {orders}"


def _seeds(values: np.ndarray) -> str:
    return f"{len(values)} seeds"


def _informed(found: Judges) -> np.ndarray:
    return np.array([[c.shortcut_says_more] for c in found.cells])


def _enough(settings: Settings, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured agreement that is low enough, of k ≥ 2 [k, seed, n], between two sample numbers."""
    late = judges(settings, "late")
    found = [study.enough(late, order) for order in late.orders if order > 1]
    index = np.flatnonzero((low <= found[0].samples) & (found[0].samples <= high))
    predicted, measured = (np.stack([x[i][:, index] for x in found]) for i in (1, 2))
    return predicted, measured


STAGES, PHASES, CURES, GOODHART = "reward-hacking", "reward-hacking-phases", "reward-hacking-cures", "goodhart"

CLAIMS = (
    *claim(
        "C11-flow",
        "In a least-squares flow on correctness and length more training turns the answer to a conflict iff ρ < 1 − ε",
        partial(flow, False),
        control=("… however noisy the labels", partial(flow, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-hacked",
        "RL on sampled outputs against judges that were trained too briefly lowers the share right on conflicts",
        partial(hacked, BRIEF),
        control=("… also where length says nothing of the label, ρ = ½", partial(hacked, (BALANCED,))),
        figure=STAGES,
    ),
    *claim(
        "C11-hidden",
        "RL against briefly trained judges raises the share right where conflicts are as rare as among the labels",
        partial(hidden, False),
        control=("… also on an exam in which half of the prompts are conflicts", partial(hidden, True)),
        figure=STAGES,
    ),
    *claim(
        "C11-noisy",
        "Ten times more training of the judge does not cure its students where labels are too noisy, ε = .3 > 1 − ρ",
        partial(longer, NOISY),
        control=("… nor where correctness explains the labels fully, ε = 0", partial(longer, PURE)),
        figure=PHASES,
    ),
    *claim(
        "C11-phases",
        "Which component alone has saved more tells at .85 of the sample numbers if a judge of both goes by length",
        partial(phases, False),
        control=("… as does which one has more information on the label, ρ > 1 − ε", partial(phases, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-turn",
        "The savings of its single-component twins tell when a judge turns within a factor of 2, in the mean of |ln|",
        partial(crossover, False),
        control=(
            "… it turns at once, as correctness has more information on the label than length",
            partial(crossover, True),
        ),
        figure=PHASES,
    ),
    *claim(
        "C11-students",
        "Of the students four in five are hacked iff their judge relies on length in more than half of its conflicts",
        partial(agreed, False),
        control=("… iff length has more information on the label, ρ > 1 − ε", partial(agreed, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-decorrelation",
        "At 2240 … 4480 labelled outputs the agreement that is low enough is where solo savings tie, within .1",
        partial(decorrelation, None),
        control=("… at 1 − ε, below which length says less than correctness", partial(decorrelation, 1 - NOISE)),
        figure=CURES,
    ),
    *claim(
        "C11-decorrelation-safe",
        "With 6400 labelled outputs or more, to decorrelate until solo savings tie is more than is needed",
        safe,
        figure=CURES,
    ),
    *claim(
        "C11-rebalancing",
        "At ρ = .95 > 1 − ε, 3200 labelled outputs rebalanced to ρ = ½ cure a judge, and better than 32000 as they are",
        partial(rebalanced, BALANCED),
        control=("… so do 3200 as they are", partial(rebalanced, BIASED)),
        figure=CURES,
    ),
    *claim(
        "C11-verifier",
        "A second verifier of accuracy .9 cures students of learned judges: more are right on conflicts than at first",
        partial(verified, 0.9),
        control=("… so does one of accuracy .55", partial(verified, 0.55)),
        figure=CURES,
    ),
    *claim(
        "C11-peak",
        "Against a briefly trained judge more is right a tenth of a nat from the start than where it is paid most",
        partial(early_stop, CASE, "early"),
        control=(
            "… also against a judge trained ten times as long on labels without noise",
            partial(early_stop, PURE, "late"),
        ),
        figure=GOODHART,
    ),
)

STATEMENTS = (
    Statement(
        "C11",
        title="A learned judge is hacked while the shortcut has saved more",
        formula=r"\text{a Bayes judge is hacked for ever} \;\iff\; \rho > 1 - \varepsilon",
        words=(
            "A label goes with what is right in a share 1 − ε of the outputs, and with something cheap, such as a "
            "length, in a share ρ. A judge relies on the length while that has saved more; a student that is paid by "
            "the judge earns more and more, and is wrong wherever the two disagree."
        ),
        conditions=(
            "“More training does not cure” is true only where labels are noisier than the shortcut, ρ > 1 − ε. "
            "Elsewhere a judge that is trained for longer turns by itself, and when is told by solo savings within a "
            "factor of about 2."
        ),
        practice=(
            "Keep an exam of prompts on which shortcut and truth disagree; neither the reward nor the share right over"
            " all prompts shows the damage. Decorrelate until the solo savings tie (with some thousand labels a little"
            " further), or ask a second verifier that beats the judge's odds; a KL and early stopping only limit what "
            "is lost."
        ),
        source=(
            f"{PAPER}; Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760"
        ),
        test="tests/theory/test_claims.py::test_reward_hacking",
    ),
)
