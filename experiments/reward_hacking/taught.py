"""The rows on network policies that RLVR teaches with a reward that goes with length."""

import numpy as np

from experiments.harness.claim import Found, at_least, at_most, paired
from experiments.harness.ledger import Settings
from experiments.reward_hacking import policy
from experiments.reward_hacking.policy import Arm
from experiments.reward_hacking.study import GridPoint, judges
from experiments.thesis import switches

PASSED = 0.8  # a reward that length alone earns, ρ = .85, and so does correctness alone, 1 − ε = .9
ACCURACY = "accuracy on counterfactual prompts"
FEATURES = f"a parity of 2 against a length, ρ = {{}}, ε = {policy.NOISE}"


def earned(arm: Arm, settings: Settings) -> Found:
    """The counterfactual accuracy of a network policy when its reward first passes PASSED, against chance."""
    found = policy.policies(settings)[arm].when(PASSED)
    setting = f"{_policy(arm)}; when the mean reward first passes {PASSED}; {len(found)} seeds"
    return at_most(*paired(found, policy.CHANCE), setting, ACCURACY)


def cured(arm: Arm, settings: Settings) -> Found:
    """… after all updates."""
    found = policy.policies(settings)[arm].accuracy
    setting = f"{_policy(arm)}; after {found.shape[1] - 1} updates; {len(found)} seeds"
    return at_least(*paired(found[:, -1], policy.CHANCE), setting, ACCURACY)


def recovered(settings: Settings) -> Found:
    """… where the reward is rebalanced at half time, against one that is not, seed by seed."""
    rebalanced, unchanged = (policy.policies(settings)[arm].accuracy for arm in (policy.CURED, policy.STRONG))
    half = unchanged.shape[1] // 2
    setting = f"{_policy(policy.STRONG)}, from update {half} on ρ = {policy.CURED.later} or as before; {half} updates "
    setting += f"later {(rebalanced[:, -1] > policy.CHANCE).mean():.0%} are above ½; {len(unchanged)} seeds"
    return at_least(*paired(rebalanced[:, -1], unchanged[:, -1]), setting, ACCURACY)


def later(judge: bool, settings: Settings) -> Found:
    """When a policy switches, against when its single-feature policies predict it; judge: learned by log loss."""
    if judge:
        curves = judges(settings, "late").of(GridPoint(policy.WEAK.agreement, 2))
        predicted, measured = switches.of_curves(curves)
        setting = f"{FEATURES.format(policy.WEAK.agreement)}; a judge by log loss"
    else:
        found = policy.policies(settings)
        predicted, measured = policy.switch(found)
        last = found[policy.WEAK].reward.shape[1]
        measured, predicted = measured[predicted < last], predicted[predicted < last]
        setting = f"{_policy(policy.WEAK)}; correctness alone has earned more than length alone after "
        setting += f"{np.median(predicted):.0f} updates (median), the policy of both answers correctly after "
        setting += f"{np.median(measured):.0f}, {(measured == last).sum()} not within {last - 1}, which then counts"
    logs = np.log(np.stack([measured, predicted]))
    return at_least(*paired(*logs), f"{setting}; {len(predicted)} seeds in which a switch is predicted", "ln updates")


def _policy(arm: Arm) -> str:
    return f"{FEATURES.format(arm.agreement)}; RLVR of a network"
