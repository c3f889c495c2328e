"""Judges that learn from labelled outputs whose length goes with the label, and students that learn from those judges.

The intended feature, that an output is correct, is the parity of k bits: the larger k, the harder. Single-feature
learners run beside each judge; the code length that they save predicts it.
"""

from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from experiments.harness.ledger import Settings
from experiments.harness.study import study
from experiments.questions.shortcut import BOTH, Curves, crossings, learning_curves
from experiments.reward_hacking import goodhart, student
from experiments.reward_hacking.student import CORRECT, COUNTERFACTUAL, KIND, START, Metrics, Outputs
from sandbox import feature, learn_online, shard, shortcut
from sandbox.shortcuts import stack

BATCH = 32  # labelled outputs a step
FIRST = 8 * BATCH  # the first sample number of the curves
NOISE = 0.1  # of the labels
LENGTH = feature("length")
Stage = Literal["early", "late"]
SAMPLES: dict[Stage, int] = {"early": 3_200, "late": 32_000}  # labelled outputs a judge has seen
CURED = 0.25  # reliance at which a judge counts as cured; that of an untrained judge is ½
ACCURACIES = np.linspace(0.5, 0.975, 20)  # of a second verifier


class GridPoint(NamedTuple):
    """A point of the grid: a distribution of labelled outputs."""

    agreement: float  # ρ: how often the length agrees with the label
    order: int  # k: bits whose parity is the correctness of an output
    label_noise: float = NOISE  # ε: how often the label is wrong

    @property
    def disagreement(self) -> float:
        """P(length ≠ correctness): how often the two features disagree."""
        return 1 - self.agreement - self.label_noise + 2 * self.agreement * self.label_noise

    @property
    def shortcut_carries_more(self) -> bool:
        """ρ > 1 − ε: length carries more about the label than correctness does."""
        return self.agreement > 1 - self.label_noise


BASE = GridPoint(0.85, 2)
PURE, NOISY = BASE._replace(label_noise=0.0), BASE._replace(label_noise=0.3)  # ε far below and far above 1 − ρ
BIASED, BALANCED = (BASE._replace(agreement=rho) for rho in (0.95, 0.5))  # 2(1−ρ) of the first is early/late
BRIEF = (BASE, BASE._replace(order=3))  # a strong shortcut, a difficult feature: early judges are hacked
SAMPLED = (*BRIEF, BALANCED)  # whose students learn from sampled outputs, too


class Judges(NamedTuple):
    """Judges at all grid points, several seeds of each, and their students by policy gradient."""

    points: tuple[GridPoint, ...]
    agreements: tuple[float, ...]
    orders: tuple[int, ...]
    curves: Curves  # [point, seed, ...]
    outputs: Outputs  # of the students, as the judges score them [point, seed, prompt, output]
    sampled: dict[GridPoint, Metrics]  # students of the judges of SAMPLED, on sampled outputs [seed, t, kind]
    gradient: Metrics  # students of the judges of BASE, by exact gradients [seed, t, kind]
    drawn: Metrics  # the best of n sampled outputs, by the judges of BASE [seed, n, kind]

    def of(self, point: GridPoint) -> Curves:
        """The curves at one grid point [seed, ...]."""
        return self.curves.pick(self.points.index(point))

    def scored(self, point: GridPoint) -> Outputs:
        """The outputs as the judges at one grid point score them [seed, prompt, output]."""
        return _at(self.points.index(point), self.outputs)

    def accuracy(self, point: GridPoint) -> np.ndarray:
        """The accuracy on counterfactual prompts of the students by natural gradient after training [seed]."""
        return goodhart.final(self.scored(point)).accuracy[..., COUNTERFACTUAL]

    def hacked(self) -> np.ndarray:
        """Whether each student by natural gradient loses accuracy on counterfactual prompts [point, seed]."""
        return goodhart.final(self.outputs).accuracy[..., COUNTERFACTUAL] < START


@study(
    "reward-hacking/judges",
    agreements=(0.5, 0.6, 0.7, 0.8, 0.85, 0.95),
    orders=(2, 3),
    num_seeds=12,
    full={
        "agreements": (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.875, 0.95),
        "orders": (1, 2, 3, 4),
        "num_seeds": 16,
    },
)
def judges(
    key: jax.Array, when: Stage, *, agreements: tuple[float, ...], orders: tuple[int, ...], num_seeds: int
) -> Judges:
    """Judges after all labelled outputs, or the first of them: the same judges, on the same outputs."""
    judge_key, output_key, student_key, draw_key = jax.random.split(key, 4)
    points = (*(GridPoint(rho, order) for order in orders for rho in agreements), PURE, NOISY)
    parities = {order: feature("parity", order=order) for order in orders}
    environments = [
        shortcut(parities[p.order], LENGTH, agreement=p.agreement, label_noise=p.label_noise) for p in points
    ]
    shape = len(points), num_seeds
    keys = shard(jax.random.split(judge_key, shape))
    learned = learn_online(keys, stack(environments), num_steps=SAMPLES[when] // BATCH, batch=BATCH)
    policies = jax.tree.map(lambda leaf: np.asarray(leaf)[:, :, BOTH], learned.policy)
    written = stack([shortcut(parities[p.order], LENGTH, agreement=0.5) for p in points])
    outputs = student.outputs_of_all(jax.random.split(output_key, shape), written, policies)
    some = jax.tree.map(lambda x: np.concatenate([x[points.index(p)] for p in SAMPLED]), outputs)
    sampled_key, exact_key = jax.random.split(student_key)
    sampled = student.learn(sampled_key, some, num_samples=4)
    return Judges(
        points,
        agreements,
        orders,
        learning_curves(learned._replace(policy=None), batch=BATCH),
        outputs,
        {p: _at(slice(i * num_seeds, (i + 1) * num_seeds), sampled) for i, p in enumerate(SAMPLED)},
        student.learn(exact_key, _at(points.index(BASE), outputs)),
        goodhart.drawn(draw_key, _at(points.index(BASE), outputs)),
    )


def _at(index: Any, many: Any) -> Any:
    return jax.tree.map(lambda x: x[index], many)


class SafeAgreement(NamedTuple):
    """The agreement below which judges rely on correctness, after n labelled outputs."""

    samples: np.ndarray  # [n]
    predicted: np.ndarray  # [seed, n]: the single-feature learners have saved equally much
    measured: np.ndarray  # [seed, n]: reliance ½


def safe_agreement(late: Judges, order: int) -> SafeAgreement:
    """By straight lines between the agreements of the grid; the largest where none is too large."""
    found = [late.of(GridPoint(rho, order)) for rho in late.agreements]
    sides = (np.stack([getattr(c, side) for c in found], axis=-1) for side in ("lead", "margin"))
    return SafeAgreement(found[0].samples, *(_last_positive(np.array(late.agreements), x) for x in sides))


def _last_positive(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where each piecewise linear curve through (x, y) first stops being positive [..., x] → [...]."""
    bad = y <= 0
    first = np.where(bad.any(-1), bad.argmax(-1), len(x))
    end = np.clip(first, 1, len(x) - 1)
    low, high = (np.take_along_axis(y, i[..., None], -1)[..., 0] for i in (end - 1, end))
    share = np.where(first == end, low / np.where(low > high, low - high, 1), first > end)
    return x[end - 1] + np.clip(share, 0, 1) * (x[end] - x[end - 1])


def cured_after(late: Judges, point: GridPoint) -> float:
    """Labelled outputs until the mean reliance at a grid point stays below CURED; inf where that is not seen."""
    found = late.of(point)
    return crossings(CURED - found.reliance.mean(0), found.samples).item()


def rebalanced_after(late: Judges, point: GridPoint) -> float:
    """… where a share 2(1−ρ) of them is retained, so that length carries nothing about the label."""
    return cured_after(late, GridPoint(0.5, point.order)) / (2 * (1 - point.agreement))


def filtered(outputs: Outputs, accuracy: Any) -> Outputs:
    """Accepted by the judge and by a verifier of accuracy q, independent of the judge.

    A correct output of score r beats a wrong one of score r' iff ln(q/(1−q)) > ln(r'/r).
    """
    return outputs._replace(score=outputs.score * np.where(CORRECT, accuracy, 1 - accuracy))


def wins(outputs: Outputs) -> np.ndarray:
    """Share of the counterfactual prompts where a correct output has the largest score, and RL ends correct [...]."""
    best = [np.where(which, outputs.score, -np.inf).max(-1) for which in (CORRECT, ~CORRECT)]
    return (best[0] > best[1])[..., KIND == COUNTERFACTUAL].mean(-1)


class Verified(NamedTuple):
    """Students of the early judges of BASE, filtered by a second verifier of each of ACCURACIES."""

    predicted: np.ndarray  # share of the counterfactual prompts where a correct output has the largest score [q, seed]
    accuracy: np.ndarray  # on counterfactual prompts [q, seed]


def verified(settings: Settings) -> Verified:
    """Students by natural gradient."""
    outputs = filtered(judges(settings, "early").scored(BASE), ACCURACIES[:, None, None, None])
    return Verified(wins(outputs), goodhart.final(outputs).accuracy[..., COUNTERFACTUAL])
