"""The law of labelled outputs, exactly: what a Bayes judge makes of it, and what is done to it to cure the judge.

A table p [label, right, long], each index 0 or 1; right and long are independent given the label.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Labelled = Float[np.ndarray, "label right long"]


def labelled(agreement: float, label_noise: float) -> Labelled:
    """Equally likely labels; `right` is the label's with probability 1 − ε, `long` with probability ρ."""
    right, long = (np.array([[x, 1 - x], [1 - x, x]]) for x in (1 - label_noise, agreement))
    return right[:, :, None] * long[:, None, :] / 2


def bayes(law: Labelled) -> Float[np.ndarray, "right long"]:
    """p(label 1 | right, long), the judge after n → ∞ labelled outputs.

    Its log-odds are ± ln((1−ε)/ε) ± ln(ρ/(1−ρ)): a wrong and long output is better to it than a right and short one
    iff ρ > 1 − ε.
    """
    return law[1] / law.sum(0)


def conflicts(agreement: float, label_noise: float) -> float:
    """p(long ≠ right), how often one has to choose between them: 1 − ρ − ε + 2ρε."""
    return 1 - agreement - label_noise + 2 * agreement * label_noise


def mixed(law: Labelled, other: Labelled, share: float) -> Labelled:
    """A share m of the outputs comes from another source, not to be seen by the judge: ρ' = (1−m)ρ + m ρ₂.

    With ρ₂ = ½ the share is decorrelated: its outputs have a length of their own.
    """
    return (1 - share) * law + share * other


class Rebalanced(NamedTuple):
    """What is left of labelled outputs."""

    law: Labelled
    kept: float  # share


def rebalanced(law: Labelled) -> Rebalanced:
    """As many outputs whose length agrees with the label are kept as disagree: ρ' = ½, and a share 2(1−ρ) is kept."""
    agree = np.eye(2, dtype=bool)[:, None, :]
    ratio = np.where(agree, 0, law).sum() / np.where(agree, law, 0).sum()
    kept = np.where(agree, ratio, 1) * law
    return Rebalanced(kept / kept.sum(), float(kept.sum()))


def needed(agreement: float, goal: float, other: float = 0.5) -> float:
    """The share (ρ−ρ')/(ρ−ρ₂) of labelled outputs from another source that brings the agreement down to a goal.

    With ρ₂ = ½ it is the share to be decorrelated, δ; 0 where the goal is met already.
    """
    return max(0.0, (agreement - goal) / (agreement - other))
