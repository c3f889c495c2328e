"""The rows without a random number, or none but a judge's training: Bayes judges, laws of cures, laws of training."""

import math
from itertools import product

import numpy as np

from experiments.ledger import Outcome, Settings, equality, inequality
from experiments.reward_hacking import cures, goodhart, labels, student
from experiments.reward_hacking.judge import CASE, SAMPLES
from experiments.reward_hacking.student import ALIGNED, CONFLICT, KIND, KL, RATE, RIGHT, START, Outputs, Seen
from experiments.thesis.flow import signs
from theory import prequential

AGREEMENTS = (0.55, 0.65, 0.75, 0.85, 0.95)
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4)  # 1 − ε is none of AGREEMENTS
GRID = list(product(AGREEMENTS, NOISES))
ACCURACIES = (0.52, 0.62, 0.72, 0.82, 0.92, 0.98)
TIME = 10.0  # of RL: learning rate × updates
BETAS = np.geomspace(0.01, 10, 40)
BAYES = "Bayes judges, " + f"ρ = {AGREEMENTS[0]} … {AGREEMENTS[-1]} × ε = {NOISES[0]:g} … {NOISES[-1]}"
LEARNED = f"judges of ρ = {CASE.agreement}, k = {CASE.order}, ε = {CASE.label_noise}, n = {SAMPLES['early']}"


def of_bayes(score: np.ndarray) -> Outputs:
    """The outputs as a judge scores them that sees whether they are right and whether they are long [right, long]."""
    right = RIGHT.astype(int)
    long = np.where((KIND == ALIGNED)[:, None], right, 1 - right)
    return Outputs(score[right, long], long.astype(float))


def preference(score: np.ndarray) -> float:
    """By how much a right and short output is better than a wrong and long one."""
    return float(score[1, 0] - score[0, 1])


def _gain(outputs: Outputs) -> float:
    """What RL adds to the share right on conflicts."""
    return float(goodhart.path(outputs, np.array([TIME])).right[0, CONFLICT]) - START


def bayes(threshold: float | None, settings: Settings) -> Outcome:
    """RL lowers the share right on conflicts iff ρ > 1 − ε; or, the twin, iff ρ is above a threshold."""
    slack = min(
        _gain(of_bayes(labels.bayes(labels.labelled(rho, noise)))) * math.copysign(1, (threshold or 1 - noise) - rho)
        for rho, noise in GRID
    )
    return inequality(slack, setting=f"{BAYES}: change on conflicts, the least", unit="share right")


def goodharts(informed: bool, settings: Settings) -> Outcome:
    """On an exam of as many conflicts as others, while the reward rises; informed: where ρ > 1 − ε."""
    pairs = [pair for pair in GRID if (sum(pair) > 1) == informed]
    scores = [of_bayes(labels.bayes(labels.labelled(*pair))) for pair in pairs]
    exams = [goodhart.path(score, np.linspace(0, 100, 1001)).mixed(0.5) for score in scores]
    truth, reward = (np.stack([x[i] for x in exams]) for i in (1, 0))
    unsaturated = reward[:, :-1] < reward[:, -1:] - 1e-9
    rise = np.diff(reward)[unsaturated].min()
    peak, end = (truth.max(1) - START).min(), (START - truth[:, -1]).min()
    slack = min(peak, end) if rise > 0 else rise
    setting = f"{len(pairs)} {BAYES}, natural gradient for a time of 100: the peak is {peak:.1e} above the start at "
    return inequality(float(slack), setting=f"{setting}least, the end {-end:+.2f} from it at most", unit="share right")


def flow(always: bool, settings: Settings) -> Outcome:
    """Least squares on two signs, from 0: the time at which the answer to a conflict turns is finite iff ρ < 1 − ε."""
    wrong = 0
    for rho, noise in GRID:
        when = prequential.turn(*signs(0.1, (1 - 2 * noise, 2 * rho - 1)))
        wrong += bool(np.isfinite(when)) != (always or rho < 1 - noise)
    grid = f"ρ = {AGREEMENTS[0]} … {AGREEMENTS[-1]}, ε = {NOISES[0]:g} … {NOISES[-1]}"
    setting = f"{len(GRID)} flows, {grid}, the sign of correctness at scale .1: how many turn otherwise"
    return equality(wrong, 0, setting=setting, unit="flows")


def mixing(visible: bool, settings: Settings) -> Outcome:
    """A Bayes judge on a mixture with a source of agreement ρ₂, a little above and below the share that is needed."""
    margins = []
    for (rho, noise), other in product(GRID, (0.1, 0.3, 0.5)):
        law, second = labels.labelled(rho, noise), labels.labelled(other, noise)
        share = labels.needed(rho, 1 - noise, other)
        for side in (-0.01, 0.01):
            if share > 0 and 0 <= share + side <= 1:
                seen = law if visible else labels.mixed(law, second, share + side)
                margins.append(preference(labels.bayes(seen)) * math.copysign(1, side))
    setting = f"{BAYES} × ρ₂ = .1, .3, .5: share (ρ−1+ε)/(ρ−ρ₂) ± .01; the least margin of {len(margins)}"
    return inequality(min(margins), setting=setting, unit="probability")


def rebalancing(settings: Settings) -> Outcome:
    """The law that is left against that of agreement ½, and the share that is kept against 2(1−ρ)."""
    off = 0.0
    for rho, noise in GRID:
        law, kept = labels.rebalanced(labels.labelled(rho, noise))
        off = max(off, float(np.abs(law - labels.labelled(0.5, noise)).max()), abs(kept - 2 * (1 - rho)))
    return equality(off, 0, setting=f"{len(GRID)} laws of labelled outputs; largest distance", unit="probability")


def filtering(any_verifier: bool, settings: Settings) -> Outcome:
    """Whether RL on what judge and verifier accept raises the share right on conflicts, against the sum of log-odds."""
    slacks = []
    for (rho, noise), q in product(GRID, ACCURACIES):
        score = of_bayes(labels.bayes(labels.labelled(rho, noise)))
        odds = q * (1 - noise) * (1 - rho) - (1 - q) * noise * rho
        slacks.append(_gain(cures.filtered(score, q)) * (1 if any_verifier else math.copysign(1, odds)))
    setting = f"{BAYES} × q = {ACCURACIES[0]} … {ACCURACIES[-1]}: change on conflicts, the least"
    return inequality(min(slacks), setting=setting, unit="share right")


def weighting(unshared: bool, settings: Settings) -> Outcome:
    """The same for a mean of both scores, with weights just above and below the one that is needed.

    Unshared: the one that would be, g/(2q−1), if the judge kept the weight 1, where it is less than 1.
    """
    slacks = []
    for (rho, noise), q in product(GRID, ACCURACIES):
        score = labels.bayes(labels.labelled(rho, noise))
        behind = max(-preference(score), 0)
        weight = behind / ((0 if unshared else behind) + 2 * q - 1)
        for side in (0.99, 1.01) if 0 < weight < 0.99 else ():
            slacks.append(_gain(cures.weighted(of_bayes(score), q, side * weight)) * math.copysign(1, side - 1))
    rule = "g/(2q − 1)" if unshared else "g/(g + 2q − 1)"
    grid = f"{BAYES} × q = {ACCURACIES[0]} … {ACCURACIES[-1]}"
    setting = f"{grid}; w = {rule} ± 1 %, {len(slacks)} weights: change on conflicts, the least"
    return inequality(min(slacks), setting=setting, unit="share right")


# laws of training, on learned judges


def _early(settings: Settings) -> list[Outputs]:
    return goodhart.seeds(student.of(CASE, settings, student.judged(settings, "early")))


def _distance(left: Seen, right: Seen) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


def natural_path(settings: Settings) -> Outcome:
    """Reward, truth, length and KL of what was trained, against π_0 e^{t r}, in all rounds."""
    trained = student.of(CASE, settings, student.trained(settings, "natural", "early"))
    times = RATE * np.arange(student.NUM_ROUNDS + 1)
    law = goodhart.stacked([goodhart.path(x, times) for x in _early(settings)])
    setting = f"{LEARNED}; reward, share right, length and KL; the largest distance; sums of 200 updates: 1e-10"
    return equality(_distance(trained, law), 0, tolerance=1e-10, setting=setting, unit="mixed")


def plain_path(settings: Settings) -> Outcome:
    """The twin: plain gradient and the path at equal KL over all prompts."""
    trained = student.of(CASE, settings, student.trained(settings, "RLVR", "early"))
    path, _ = goodhart.exact(settings, CASE, "early")
    kl, law, right = trained.kl.mean(-1), path.kl.mean(-1), path.right[..., CONFLICT]
    pairs = [np.interp(x, *curve) for x, *curve in zip(kl, law, right, strict=True)]
    off = np.abs(np.stack(pairs) - trained.right[..., CONFLICT]).max()
    setting = f"{LEARNED}; share right on conflicts at equal KL, interpolated: .005"
    return equality(float(off), 0, tolerance=0.005, setting=setting, unit="share right")


def kl_optimum(num_rounds: int, settings: Settings) -> Outcome:
    """Natural gradient with a KL after a number of rounds, against π_0 e^{r/β}."""
    trained = student.of(CASE, settings, student.trained(settings, "natural, KL", "early"))
    law = goodhart.stacked([goodhart.path(x, np.array([1 / KL])) for x in _early(settings)])
    last = Seen(*(x[:, [num_rounds]] for x in trained))
    left = f"{(1 - KL * RATE) ** num_rounds:.0e} of the way is left"
    setting = f"{LEARNED}, β = {KL}, {num_rounds} rounds at rate {RATE}, {left}; reward, share right, length and KL; "
    off = _distance(last, law)
    return equality(off, 0, tolerance=1e-8, setting=f"{setting}the largest distance; 1e-8", unit="mixed")


def kl_bounds(settings: Settings) -> Outcome:
    """√(KL/2) less the loss on conflicts, over β."""
    path = goodhart.stacked([goodhart.path(x, 1 / BETAS) for x in _early(settings)])
    loss = START - path.right[..., CONFLICT]
    slack = float((np.sqrt(path.kl[..., CONFLICT] / 2) - loss).min())
    setting = f"{LEARNED}, β = {BETAS[0]:g} … {BETAS[-1]:g}: loss up to {loss.max():.2f}"
    return inequality(slack, setting=setting, unit="share right")


def kl_cures(settings: Settings) -> Outcome:
    """The twin: the share right on conflicts less the start's, at the best β of all."""
    path = goodhart.stacked([goodhart.path(x, 1 / BETAS) for x in _early(settings)])
    gain = float((path.right[..., CONFLICT] - START).max())
    return inequality(gain, setting=f"{LEARNED}, β = {BETAS[0]:g} … {BETAS[-1]:g}; the best", unit="share right")


def frontier(of_truth: bool, settings: Settings) -> Outcome:
    """The path against the best of n at the same KL: reward over all prompts, or truth on conflicts."""
    slacks = []
    for outputs in _early(settings):
        for n in (2, 4, 8, 16):
            best = goodhart.best_of(outputs, (n,))
            path = goodhart.at_distance(outputs, float(best.kl.mean()))
            leads = path.reward.mean() - best.reward.mean(), path.right[CONFLICT] - best.right[0, CONFLICT]
            slacks.append(float(leads[of_truth]))
    unit = "share right" if of_truth else "reward"
    return inequality(min(slacks), setting=f"{LEARNED}, best of 2, 4, 8, 16; the least lead", unit=unit)
