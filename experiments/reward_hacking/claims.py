"""Claims on reward hacking: C11, when a learned judge rewards a shortcut instead of correctness, and what helps."""

from functools import partial
from itertools import product

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement
from experiments.reward_hacking import goodhart, policy, study, taught
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
from experiments.thesis import switches
from experiments.thesis.flow import signs
from theory import prequential

GRID = list(product((0.55, 0.65, 0.75, 0.85, 0.95), (0.0, 0.1, 0.2, 0.3, 0.4)))  # ρ, ε; ρ is never 1 − ε
HITS = 0.85  # of the sample numbers
AGREED = 0.8  # of the students
AGREED_SWITCHES = 0.5  # of those predicted or observed
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


def crossover(at_once: bool, settings: Settings) -> Found:
    """The share of switches, predicted or observed, that are both, within 2×; at_once: predicted at FIRST."""
    late = judges(settings, "late")
    curves = late.curves.pick([i for i, p in enumerate(late.points) if p.order > 1])
    predicted, measured = switches.of_curves(curves)
    if at_once:
        predicted = np.where(np.isnan(measured), np.nan, study.FIRST)
    agreed = switches.agree(predicted, measured)
    agreed = agreed[~np.isnan(agreed)]
    setting = (
        f"all points of ρ, ε with k ≥ 2, n up to {LATE}; {switches.described(predicted, measured)}; {agreed.size} "
    )
    return at_least(*paired(agreed, AGREED_SWITCHES), f"{setting}judges", "share of switches")


def agreed(informed: bool, settings: Settings) -> Found:
    """Whether a student is hacked iff its judge relies on length; informed: iff length carries more information."""

    def same(when: Stage) -> np.ndarray:
        found = judges(settings, when)
        predicted = _informed(found) if informed else found.curves.reliance[..., -1] > 0.5
        return (found.hacked() == predicted).reshape(-1)  # judges of all points and seeds are independent

    shares = np.stack([same("early"), same("late")], axis=1)
    where = [f"judges of n = {n}, all points of ρ, k, ε; {EXACT}; {len(shares)} judges" for n in (EARLY, LATE)]
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
POLICY = "reward-hacking-policy"

CLAIMS = (
    *claim(
        "C11-policy",
        "Where reward agrees with length at ρ = .85, an RLVR policy that first earns .8 is wrong on counterfactuals",
        partial(taught.earned, policy.STRONG),
        control=("… also where the reward is independent of length, ρ = ½", partial(taught.earned, policy.NONE)),
        figure=POLICY,
    ),
    *claim(
        "C11-policy-later",
        "At ρ = .7 < 1 − ε an RLVR policy switches to correctness later than its single-feature policies predict",
        partial(taught.later, False),
        tie=(
            "… as late as a judge that learns the same features by log loss, which ties with its prediction",
            partial(taught.later, True),
        ),
        figure=POLICY,
    ),
    *claim(
        "C11-policy-balanced",
        "With a reward independent of length from the start an RLVR policy is correct on most counterfactuals",
        partial(taught.cured, policy.NONE),
        control=("… also with one that agrees with length at ρ = .85", partial(taught.cured, policy.STRONG)),
        figure=POLICY,
    ),
    *claim(
        "C11-policy-rebalanced",
        "A reward rebalanced at half time (ρ = .85, then ½) raises the mean accuracy of hacked policies",
        taught.recovered,
        figure=POLICY,
    ),
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
        "Of the judges' switches from length to correctness, predicted or observed, half or more are both, within 2×",
        partial(crossover, False),
        control=("… where they are predicted at the first sample number", partial(crossover, True)),
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
    Statement.of(
        "C11",
        title="Length is learned first where a reward correlates with it and correctness is harder to read",
        formula=r"\text{a Bayes judge is hacked forever} \;\iff\; \rho > 1 - \varepsilon",
        words="""A label, or the call of a verifier, agrees with correctness in a share 1 − ε of the outputs and with a
            cheap spurious feature, such as the length, in a share ρ > ½. A judge (reward model) relies on the length
            while that has saved more code length, and a student by RL against it is wrong on most prompts where the two
            disagree. A network policy that RLVR teaches on such a reward, without a judge, learns the length first as
            well: with ρ = .85 and ε = .1 it has a reward of .8 when it answers .07 of the counterfactual prompts
            correctly.""",
        conditions="""The boundary ρ = 1 − ε is that of a Bayes judge; it needs that exchanging good and bad leaves the
            distribution as it is, and not that the two features are independent. Below it a judge that is trained for
            longer switches by itself, and of the switches predicted by single-feature learners or observed (parity of 2
            or 3, 32 000 labels) some three in four are both, within a factor of 2. An RLVR policy switches at least
            three times as late as its single-feature policies predict (ρ = .7; one in three not within 400 updates),
            and hardly ever at ρ = .85: its gradient, ∝ p(1 − p), vanishes once it is certain of the long answer. A
            second verifier and early stopping were tested with judges alone.""",
        practice="""Keep a held-out set of prompts on which shortcut and correctness disagree; neither the reward nor
            the accuracy over all prompts shows the damage. Rebalance the reward before RL, not after: from the start it
            cures, after 200 updates some six policies in ten in as many again. For a judge decorrelate until the code
            lengths of single-feature learners tie, or add a second verifier that beats the judge's odds; early stopping
            only limits the loss.""",
        source=f"""{PAPER}; Gao, Schulman & Hilton (2023), Scaling laws for reward model overoptimization,
            arXiv:2210.10760""",
        test="tests/theory/test_claims.py::test_reward_hacking",
        decided_by="C11-policy",
        fails_where="Where the reward is independent of length: a policy that earns as much is correct there.",
    ),
)
