"""Claims on reward hacking: C11, when a learned judge rewards a shortcut instead of correctness, and what helps."""

from functools import partial
from itertools import product

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.reward_hacking import goodhart, study
from experiments.reward_hacking.student import COUNTERFACTUAL, START
from experiments.reward_hacking.study import (
    BALANCED,
    BASE,
    BIASED,
    BRIEF,
    NOISE,
    NOISY,
    PURE,
    SAMPLES,
    GridPoint,
    Judges,
    Stage,
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
ACCURACY = "accuracy"
EARLY, LATE = SAMPLES["early"], SAMPLES["late"]
EXACT = "students by natural gradient, exact; on counterfactual prompts"


def flow(noisy: bool, settings: Settings) -> Found:
    """Least squares on two signs, from 0: whether it ever switches, against ρ < 1 − ε; noisy: against always."""
    rho, noise = np.array(GRID).T
    switches = [np.isfinite(prequential.flow_crossover(*signs(0.1, (1 - 2 * e, 2 * r - 1)))) for r, e in GRID]
    where = [f"ρ = {r:g}, ε = {e:g}, the sign of correctness at scale .1: 1 where it switches" for r, e in GRID]
    return equal(np.array(switches), np.ones(len(GRID)) if noisy else rho < 1 - noise, where, "switches")


def hacked(points: tuple[GridPoint, ...], settings: Settings) -> Found:
    """The accuracy on counterfactual prompts of students by RL on sampled outputs, against that of the start."""
    found = [judges(settings, "early").sampled[p] for p in points]
    reward = np.mean([x.reward[..., COUNTERFACTUAL] for x in found], axis=(0, 1))
    accuracy = np.mean([x.accuracy[:, -1, COUNTERFACTUAL] for x in found], axis=0)
    setting = f"{_judges(points, 'early')}; RL on 4 sampled outputs a prompt; on counterfactual prompts, whose reward "
    setting += f"goes from {reward[0]:.2f} to {reward[-1]:.2f}; {_seeds(accuracy)}"
    return at_most(*paired(accuracy, START), setting, ACCURACY)


def hidden(half: bool, settings: Settings) -> Found:
    """… over all prompts, counterfactual as often as the labelled outputs, or in half of the cases."""
    share = 0.5 if half else BASE.disagreement
    accuracy = np.mean([judges(settings, "early").sampled[p].mixed(share).accuracy[:, -1] for p in BRIEF], axis=0)
    setting = f"{_judges(BRIEF, 'early')}; RL on 4 sampled outputs a prompt; {share:.2f} of the prompts counterfactual"
    return at_least(*paired(accuracy, START), f"{setting}; {_seeds(accuracy)}", ACCURACY)


def longer(point: GridPoint, settings: Settings) -> Found:
    """Students of judges that were trained ten times as long, against the start."""
    before, after = (judges(settings, when).accuracy(point) for when in ("early", "late"))
    setting = f"{_judges([point], 'late')}; {EXACT}, {before.mean():.2f} with n = {EARLY}; {_seeds(after)}"
    return at_most(*paired(after, START), setting, ACCURACY)


def phases(informed: bool, settings: Settings) -> Found:
    """How often it is predicted whether a judge relies on length; informed: by the feature with more information."""
    late = judges(settings, "late")
    predicted = late.curves.lead < 0
    if informed:
        predicted = np.broadcast_to(_informed(late)[:, :, None], predicted.shape)
    hits = (predicted == (late.curves.reliance > 0.5)).mean((0, 2))
    numbers = f"{len(late.curves.samples)} sample numbers of {study.FIRST} … {LATE}"
    setting = f"{len(late.points)} points of ρ, k, ε, {numbers}; each judge by its own single-feature learners; "
    setting += _seeds(hits)
    return at_least(*paired(hits, HITS), setting, "share of sample numbers")


def crossover(informed: bool, settings: Settings) -> Found:
    """|ln(predicted/measured)| of the sample number; informed: predicted at once, as length carries less."""
    found = study.crossovers(judges(settings, "late"))
    logs = np.log((study.FIRST if informed else found.predicted) / found.measured)
    low, mean, high = np.exp([logs.min(), logs.mean(), logs.max()])
    unseen = [int((x >= LATE).sum()) for x in (found.predicted, found.measured)]
    setting = f"k ≥ 2, ½ < ρ < 1 − ε, {logs.size} judges; predicted/measured {low:.2f} … {high:.2f}, geometric mean "
    setting += (
        f"{mean:.2f}; by n = {LATE}, which then counts, {unseen[0]} were not predicted and {unseen[1]} not measured"
    )
    off = np.abs(logs).mean(0)
    return at_most(*paired(off, np.log(FACTOR)), f"{setting}; mean |ln|, {_seeds(off)}", "ln ratio")


def agreed(informed: bool, settings: Settings) -> Found:
    """Whether a student is hacked iff its judge relies on length; informed: iff length carries more information."""

    def same(when: Stage) -> np.ndarray:
        found = judges(settings, when)
        predicted = _informed(found) if informed else found.curves.reliance[..., -1] > 0.5
        return (found.hacked() == predicted).mean(0)

    shares = np.stack([same("early"), same("late")], axis=1)
    where = [f"judges of n = {n}, all points of ρ, k, ε; {EXACT}; {_seeds(shares)}" for n in (EARLY, LATE)]
    return at_least(*paired(shares, AGREED), where, "share of students")


def decorrelation(goal: float | None, settings: Settings) -> Found:
    """The error of the predicted agreement that is low enough: where the code lengths tie, or `goal`."""
    low, high = 0.7 * EARLY, 1.4 * EARLY
    predicted, measured = _enough(settings, low, high)
    setting = f"k ≥ 2, ε = {NOISE}, n = {low:.0f} … {high:.0f}; predicted {predicted.mean():.3f}, "
    setting += f"measured {measured.mean():.3f}; mean distance"
    off = np.abs((predicted if goal is None else goal) - measured).mean((0, 2))
    return at_most(*paired(off, NEAR), f"{setting}; {_seeds(off)}", "agreement")


def safe(settings: Settings) -> Found:
    """The agreement that is low enough, measured and predicted, with many labels."""
    predicted, measured = (x.mean((0, 2)) for x in _enough(settings, 2 * EARLY, LATE))
    setting = f"k ≥ 2, ε = {NOISE}, mean over n = {2 * EARLY} … {LATE}; {_seeds(measured)}"
    return at_least(*paired(measured, predicted), setting, "agreement")


def rebalanced(treated: GridPoint, settings: Settings) -> Found:
    """Students of judges of few, rebalanced labels, against the start and those of ten times as many unbalanced."""
    accuracy, unbalanced = judges(settings, "early").accuracy(treated), judges(settings, "late").accuracy(BIASED)
    against = np.stack([np.full_like(unbalanced, START), unbalanced], axis=1)
    setting = f"{_judges([treated], 'early')}; {EXACT}; {_seeds(accuracy)}; against "
    where = [setting + "the start", setting + f"n = {LATE}, ρ = {BIASED.agreement}"]
    return at_least(*paired(accuracy[:, None], against), where, ACCURACY)


def verified(accuracy: float, settings: Settings) -> Found:
    """Students of the early judges of BASE, whose reward also needs a verifier of that accuracy to accept."""
    found = study.verified(settings)
    q = np.abs(study.ACCURACIES - accuracy).argmin()
    setting = f"{_judges([BASE], 'early')}; {EXACT}; verifier of accuracy {study.ACCURACIES[q]:.3f}, with which "
    setting += f"a correct output has the best score in {found.predicted[q].mean():.2f} of the counterfactual prompts"
    return at_least(*paired(found.accuracy[q], START), f"{setting}; {_seeds(found.accuracy[q])}", ACCURACY)


def early_stop(point: GridPoint, when: Stage, settings: Settings) -> Found:
    """The accuracy near the start against that in the end, where the reward is largest."""
    path = goodhart.path(judges(settings, when).scored(point), goodhart.TIMES).mixed(0.5)
    near = np.array([np.interp(STOP, kl, accuracy) for kl, accuracy in zip(path.kl, path.accuracy, strict=True)])
    setting = f"{_judges([point], when)}; half of the prompts counterfactual, accuracy {START:g} at the start; natural "
    setting += f"gradient, exact: {STOP:g} nats from the start against the end; {_seeds(near)}"
    return at_least(*paired(near, path.accuracy[:, -1]), setting, ACCURACY)


def _judges(points: tuple[GridPoint, ...] | list[GridPoint], when: Stage) -> str:
    """In words, of one agreement and noise."""
    orders = ", ".join(str(p.order) for p in points)
    return f"judges of n = {SAMPLES[when]}, ρ = {points[0].agreement}, ε = {points[0].label_noise:g}, k = {orders}"


def _seeds(values: np.ndarray) -> str:
    return f"{len(values)} seeds"


def _informed(found: Judges) -> np.ndarray:
    return np.array([[p.shortcut_carries_more] for p in found.points])


def _enough(settings: Settings, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured agreement that is low enough, of k ≥ 2 [k, seed, n], between two sample numbers."""
    late = judges(settings, "late")
    found = [study.safe_agreement(late, order) for order in late.orders if order > 1]
    index = np.flatnonzero((low <= found[0].samples) & (found[0].samples <= high))
    predicted, measured = (np.stack([x[i][:, index] for x in found]) for i in (1, 2))
    return predicted, measured


STAGES, PHASES, CURES, GOODHART = "reward-hacking", "reward-hacking-phases", "reward-hacking-cures", "goodhart"

CLAIMS = (
    *claim(
        "C11-flow",
        "In a least-squares flow on correctness and length more training leads to a switch iff ρ < 1 − ε",
        partial(flow, False),
        control=("… however noisy the labels", partial(flow, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-hacked",
        "RL on sampled outputs against briefly trained judges lowers the accuracy on counterfactual prompts",
        partial(hacked, BRIEF),
        control=("… also where length carries nothing about the label, ρ = ½", partial(hacked, (BALANCED,))),
        figure=STAGES,
    ),
    *claim(
        "C11-hidden",
        "RL against briefly trained judges raises the accuracy on prompts distributed as the labelled outputs are",
        partial(hidden, False),
        control=("… also on a held-out set in which half of the prompts are counterfactual", partial(hidden, True)),
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
        "The code lengths of single-feature learners predict at .85 of the sample numbers if a judge relies on length",
        partial(phases, False),
        control=("… so does the feature with more information about the label, ρ > 1 − ε", partial(phases, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-turn",
        "The single-feature learners predict when the judge switches, within a factor of 2, in the mean of |ln|",
        partial(crossover, False),
        control=(
            "… it switches at once, as correctness carries more about the label than length",
            partial(crossover, True),
        ),
        figure=PHASES,
    ),
    *claim(
        "C11-students",
        "Four students in five are hacked iff their judge relies on length in over half of the counterfactual inputs",
        partial(agreed, False),
        control=("… iff length carries more about the label, ρ > 1 − ε", partial(agreed, True)),
        figure=PHASES,
    ),
    *claim(
        "C11-decorrelation",
        "At 2240 … 4480 labelled outputs the agreement that is low enough is where the code lengths tie, within .1",
        partial(decorrelation, None),
        control=("… at 1 − ε, below which length carries less than correctness", partial(decorrelation, 1 - NOISE)),
        figure=CURES,
    ),
    *claim(
        "C11-decorrelation-safe",
        "With 6400 labelled outputs or more, decorrelating until the code lengths tie is more than is needed",
        safe,
        figure=CURES,
    ),
    *claim(
        "C11-rebalancing",
        "At ρ = .95 > 1 − ε, 3200 outputs rebalanced to ρ = ½ cure the judge, and better than 32000 unbalanced ones",
        partial(rebalanced, BALANCED),
        control=("… so do 3200 unbalanced ones", partial(rebalanced, BIASED)),
        figure=CURES,
    ),
    *claim(
        "C11-verifier",
        "A second verifier of accuracy .9 cures students of learned judges: counterfactual accuracy rises",
        partial(verified, 0.9),
        control=("… so does one of accuracy .55", partial(verified, 0.55)),
        figure=CURES,
    ),
    *claim(
        "C11-peak",
        "Against a briefly trained judge the accuracy is higher .1 nat from the start than at the highest reward",
        partial(early_stop, BASE, "early"),
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
        title="A learned judge is hacked while the shortcut has saved more code length",
        formula=r"\text{a Bayes judge is hacked forever} \;\iff\; \rho > 1 - \varepsilon",
        words=(
            "A label agrees with correctness in a share 1 − ε of the outputs, and with a cheap spurious feature, such "
            "as the length, in a share ρ. A judge (reward model) relies on the length while that has saved more code "
            "length; a student that is trained by RL against it earns more and more reward, and is wrong wherever the "
            "two disagree."
        ),
        conditions=(
            "“More training does not cure” is true only where labels are noisier than the shortcut, ρ > 1 − ε. "
            "Elsewhere a judge that is trained for longer switches by itself; single-feature learners predict when, "
            "within a factor of about 2."
        ),
        practice=(
            "Keep a held-out set of prompts on which shortcut and correctness disagree; neither the reward nor the "
            "accuracy over all prompts shows the damage. Decorrelate until the code lengths of single-feature learners "
            "tie (with some thousand labels a little further), or add a second verifier that beats the judge's odds; a "
            "KL penalty and early stopping only limit the loss."
        ),
        source=(
            f"{PAPER}; Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization, arXiv:2210.10760"
        ),
        test="tests/theory/test_claims.py::test_reward_hacking",
    ),
)
