"""How often a loop ends wrong, over verifiers, starts and sizes, beside e^{−nV(p)}. Exact."""

from functools import cache
from typing import NamedTuple

import jax
import numpy as np

from experiments.harness.study import study
from experiments.persistent_errors.study import HUMANEVAL, MBPP, UnitTests
from theory import budget

RATIOS = np.array([1.05, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0])  # LR = tpr/fpr
RARE, STARTS, ANY = (0.02, 0.1), (0.02, 0.1, 0.3), (0.02, 0.1, 0.3, 0.6, 0.9)  # accuracies at the start
TARGETS = (0.5, 0.1, 0.01)  # shares of loops that end wrong
MAP_START = 0.1

# Judges of pairs, read as verifiers that are right with this probability of correct and of wrong outputs alike:
# agreement with people on MT-Bench (Zheng et al. 2023, arXiv:2306.05685: over 80 %), accuracy on JudgeBench (Tan et al.
# 2024, arXiv:2410.12784: Claude 3.5 Sonnet 64 %, o1-preview 75 %).
JUDGES = {"Claude 3.5, JudgeBench": 0.64, "o1-preview, JudgeBench": 0.754, "GPT-4, MT-Bench": 0.8}


class Sizes(NamedTuple):
    """Loops of the size ln(1/δ)/V(p), rounded: one row for each start, verifier and target."""

    initial: np.ndarray  # p
    ratio: np.ndarray  # LR
    size: np.ndarray  # n
    exponent: np.ndarray  # V(p)
    wrong: np.ndarray  # P(ends wrong)

    @property
    def weak(self) -> np.ndarray:
        """2 p ln LR, the exponent for weak selection."""
        return 2 * self.initial * np.log(self.ratio)


@cache
def sizes(starts: tuple[float, ...], product: float | None = None) -> Sizes:
    """Where the loop ends wrong in a share δ by e^{−nV}; or where n · ln LR · p is this number, or just above."""
    targets = TARGETS if product is None else TARGETS[:1]
    p, ratio, target = (x.ravel() for x in np.meshgrid(starts, RATIOS, targets, indexing="ij"))
    v = np.asarray(budget.wrong_exponent((1.0, 1 / ratio), p))
    n = np.rint(np.log(1 / target) / v) if product is None else np.ceil(product / (p * np.log(ratio)))
    size = np.maximum(1, n).astype(int)
    wrong = np.asarray(budget.fixation(size, (1.0, 1 / ratio), p).wrong)
    return Sizes(p, ratio, size, v, wrong)


class Map(NamedTuple):
    """P(ends correct) over verifiers and sizes, from one start."""

    ratios: np.ndarray  # LR [ratio]
    sizes: np.ndarray  # n [n]
    correct: np.ndarray  # [n, ratio]
    exponents: np.ndarray  # V(p) [ratio]


@study("phase-boundary/map", num_ratios=28, num_sizes=22, full={"num_ratios": 60, "num_sizes": 50})
def phase_map(key: jax.Array, *, num_ratios: int, num_sizes: int) -> Map:
    """LR from 1.02 to 30, one to 200 accepted samples a round, an accuracy of .1 at the start."""
    ratios = np.exp(np.geomspace(np.log(1.02), np.log(30), num_ratios))
    n = np.unique(np.rint(np.geomspace(1, 200, num_sizes)).astype(int))
    correct = np.asarray(budget.success(n[:, None], (1.0, 1 / ratios), MAP_START))
    return Map(ratios, n, correct, np.asarray(budget.wrong_exponent((1.0, 1 / ratios), MAP_START)))


def persistent_end(found: Sizes) -> np.ndarray:
    """P(ends wrong) where errors persist, whatever the size: a round is all there is."""
    return 1 - np.asarray(budget.persistent_rounds((1.0, 1 / found.ratio), found.initial, 1.0, 1))


def unit_test_ratios(pairs: tuple[UnitTests, ...]) -> tuple[float, float]:
    """The least and the largest LR of unit tests, whose tpr is 1."""
    ratios = [(pair.accepted_wrong + pair.rejected) / pair.accepted_wrong for pair in pairs]
    return min(ratios), max(ratios)


def landmarks() -> dict[str, tuple[float, float]]:
    """Verifiers that people use, with the range of their LR."""
    judges = {name: (right / (1 - right), right / (1 - right)) for name, right in JUDGES.items()}
    return judges | {"tests of MBPP": unit_test_ratios(MBPP), "tests of HumanEval": unit_test_ratios(HUMANEVAL)}
