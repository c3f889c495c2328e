"""What persistent errors leave of a loop: exact chains, a simulated loop with two verifiers, and public unit tests."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.harness.study import study
from sandbox.signals import AllOf, Environment, Rates
from theory import budget, policies

VERIFIER, START = (0.9, 0.3), 0.3  # of a first look; the accuracy at the start
TASKS = ((0.2, 0.05), (0.5, 0.1), (0.05, 0.2))  # correct outputs, and blind spots, of three tasks
OTHERS = 0.3  # acceptance of the other wrong outputs, fresh at each look
SIZES = (5, 20, 40)  # accepted samples a round
ROUNDS = 200
FEW = 5  # rounds
PARTLY = (0.2, 0.5)  # persistence
EASY, HARD, EASY_SHARE, ACCEPTED = 0.87, 0.13, 0.58, 0.25  # of Stroebl et al.: accuracies, share, false positives
COSTS = (0.7, 1.0, 2.0)  # of a false positive, in correct answers
MOST_ATTEMPTS = 200


class UnitTests(NamedTuple):
    """Programs that a model wrote, one a task, and what the small test set and the large one said of them."""

    model: str
    correct: int  # pass both
    accepted_wrong: int  # pass the small one alone
    rejected: int


# Counted in the per-sample results that EvalPlus (Liu et al. 2023, arXiv:2305.01210; Apache-2.0) publishes, at
# temperature 0; the small test sets are those of MBPP and HumanEval, the large ones MBPP+ and HumanEval+.
MBPP = (
    UnitTests("Llama-3-8B-Instruct", 211, 38, 129),
    UnitTests("Mistral-7B-Instruct", 143, 29, 206),
    UnitTests("Llama-3-8B-Instruct, DPO", 212, 44, 122),
    UnitTests("Mistral-7B-Instruct, DPO", 109, 23, 246),
    UnitTests("Llama-3-8B, DPO", 189, 43, 146),
    UnitTests("Llama-3-8B", 184, 44, 150),
)
HUMANEVAL = (
    UnitTests("Llama-3-8B-Instruct", 94, 11, 59),
    UnitTests("Mistral-7B-Instruct", 64, 10, 90),
    UnitTests("Llama-3-8B-Instruct, DPO", 79, 7, 78),
    UnitTests("Mistral-7B-Instruct, DPO", 50, 9, 105),
    UnitTests("Llama-3-8B, DPO", 55, 9, 100),
    UnitTests("Llama-3-8B", 39, 6, 119),
)


def ceiling() -> float:
    """E[a/(a+b)] over the three tasks."""
    return float(budget.ceiling(*zip(*TASKS, strict=True)).accuracy)


def over_tasks(n: int, persistent: bool) -> np.ndarray:
    """The accuracy [round], averaged over the tasks; else wrong outputs are accepted at the same rate, all alike."""

    def loop(correct: float, blind: float) -> np.ndarray:
        shares = np.array([correct, blind, 1 - correct - blind])
        rates = np.array([1.0, 1.0, OTHERS])
        if not persistent:
            rates[1:] = shares[1:] @ rates[1:] / shares[1:].sum()
        return np.asarray(budget.shares_by_round(n, rates, shares, num_rounds=ROUNDS))[:, 0]

    return np.mean([loop(*task) for task in TASKS], 0)


def by_round(n: int, tpr: float, persistence: float, num_rounds: int = ROUNDS) -> np.ndarray:
    """The accuracy [round] of one task, a share of whose verdicts is decided once for each output."""
    kinds = budget.persistent_kinds((tpr, VERIFIER[1]), START, persistence)
    return np.asarray(budget.shares_by_round(n, *kinds[:2], num_rounds=num_rounds)) @ kinds.correct


@study("persistent-errors/two-verifiers", num_replicas=250, num_generations=8, full={"num_replicas": 1000})
def two_verifiers(key: jax.Array, second_differs: bool, *, num_replicas: int, num_generations: int) -> theory.Estimate:
    """The accuracy of a loop that keeps what two verifiers accept, each of which judges each output once.

    Eight outputs, one for each truth and pair of verdicts, the second independent of the first, or equal to it.
    """
    correct, first, second = np.indices((2, 2, 2)).reshape(3, -1) == 0
    rate = np.where(correct, *VERIFIER)
    chance = np.where(second, rate, 1 - rate) if second_differs else second == first
    probs = np.where(correct, START, 1 - START) * np.where(first, rate, 1 - rate) * chance
    record = sandbox.ensemble(
        key,
        sandbox.Categorical(jnp.asarray(probs)[None]),
        AllOf(tuple(Environment(Rates(jnp.asarray(each, float))) for each in (first, second))),
        num_samples=50,
        num_generations=num_generations,
        num_replicas=num_replicas,
        until_kept=True,
        every=num_generations,
        progress=False,
    )
    return theory.estimate(np.asarray(record.model.probs)[0, :, -1] @ correct)


def best_attempts(spread: bool) -> np.ndarray:
    """The best number of attempts [cost], if a quarter of the wrong outputs is accepted in each task, or all in ¼."""
    accuracy, weight = np.array([EASY, HARD]), np.array([EASY_SHARE, 1 - EASY_SHARE])
    rates = np.array([ACCEPTED]) if spread else np.array([0.0, 1.0])
    tasks = np.array([1.0]) if spread else np.array([1 - ACCEPTED, ACCEPTED])
    wrong = np.outer(1 - accuracy, rates).ravel()
    ends = policies.resampling(
        np.arange(MOST_ATTEMPTS + 1), np.repeat(accuracy, rates.size), wrong, np.outer(weight, tasks).ravel()
    )
    value = np.asarray(ends.correct) - np.array(COSTS)[:, None] * np.asarray(ends.wrong)
    return value.argmax(-1)
