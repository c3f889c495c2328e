"""Judges learn from labelled outputs whose length says as much as their label does, and students from those judges.

What is intended, that an output is right, is written as the parity of k bits: the larger k, the harder. Beside a judge
run its twins that see one of both alone, whose savings predict it.
"""

from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from experiments.harness.ledger import Settings
from experiments.harness.study import study
from experiments.questions.shortcut.curves import BOTH, Curves, curves, turning
from experiments.reward_hacking import goodhart, student
from experiments.reward_hacking.student import CONFLICT, KIND, RIGHT, START, Outputs, Seen
from sandbox import feature, learn_online, shard, shortcut
from sandbox.shortcuts import stack

BATCH = 32  # labelled outputs a step
FIRST = 8 * BATCH  # the first sample number of the curves
NOISE = 0.1  # of the labels
LENGTH = feature("length")
When = Literal["early", "late"]
SAMPLES: dict[When, int] = {"early": 3_200, "late": 32_000}  # labelled outputs a judge has seen
CURED = 0.25  # reliance at which a judge counts as cured, where ½ is what one has that knows nothing
ACCURACIES = np.linspace(0.5, 0.975, 20)  # of a second verifier


class Cell(NamedTuple):
    """Labelled outputs of one kind."""

    agreement: float  # ρ: how often the good one, by its label, is the long one
    order: int  # k: bits that say together whether an output is right
    label_noise: float = NOISE  # ε: how often the label is wrong

    @property
    def conflicts(self) -> float:
        """P(long ≠ right): how often one has to choose between them."""
        return 1 - self.agreement - self.label_noise + 2 * self.agreement * self.label_noise

    @property
    def shortcut_says_more(self) -> bool:
        """ρ > 1 − ε: length has more information on the label than correctness has."""
        return self.agreement > 1 - self.label_noise


CASE = Cell(0.85, 2)
PURE, NOISY = CASE._replace(label_noise=0.0), CASE._replace(label_noise=0.3)  # ε far below and far above 1 − ρ
BIASED, BALANCED = (CASE._replace(agreement=rho) for rho in (0.95, 0.5))  # 2(1−ρ) of the first is early/late
BRIEF = (CASE, CASE._replace(order=3))  # a strong shortcut, a difficult component: early judges are hacked
SAMPLED = (*BRIEF, BALANCED)  # students of their judges learn from sampled outputs, too


class Judges(NamedTuple):
    """Judges of all cells, several seeds of each, and their students by policy gradient."""

    cells: tuple[Cell, ...]
    agreements: tuple[float, ...]
    orders: tuple[int, ...]
    curves: Curves  # [cell, seed, ...]
    outputs: Outputs  # of the students, as the judges score them [cell, seed, prompt, output]
    sampled: dict[Cell, Seen]  # students of the judges of SAMPLED, on sampled outputs [seed, t, kind]
    gradient: Seen  # of those of CASE, by exact gradients [seed, t, kind]
    drawn: Seen  # the best of n outputs that were drawn, by the judges of CASE [seed, n, kind]

    def of(self, cell: Cell) -> Curves:
        """The curves of one cell [seed, ...]."""
        return self.curves.pick(self.cells.index(cell))

    def scored(self, cell: Cell) -> Outputs:
        """The outputs as the judges of one cell score them [seed, prompt, output]."""
        return _at(self.cells.index(cell), self.outputs)

    def correct(self, cell: Cell) -> np.ndarray:
        """The share right on conflicts of the students by natural gradient of one cell, in the end [seed]."""
        return goodhart.final(self.scored(cell)).correct[..., CONFLICT]

    def hacked(self) -> np.ndarray:
        """Whether each student by natural gradient, whose reward rises, ends right in fewer conflicts [cell, seed]."""
        return goodhart.final(self.outputs).correct[..., CONFLICT] < START


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
    key: jax.Array, when: When, *, agreements: tuple[float, ...], orders: tuple[int, ...], num_seeds: int
) -> Judges:
    """Judges after all labelled outputs, or the first of them: the same ones, on the same outputs."""
    race_key, output_key, student_key, draw_key = jax.random.split(key, 4)
    cells = (*(Cell(rho, order) for order in orders for rho in agreements), PURE, NOISY)
    parities = {order: feature("parity", order=order) for order in orders}
    environments = [
        shortcut(parities[c.order], LENGTH, agreement=c.agreement, label_noise=c.label_noise) for c in cells
    ]
    shape = len(cells), num_seeds
    keys = shard(jax.random.split(race_key, shape))
    learned = learn_online(keys, stack(environments), num_steps=SAMPLES[when] // BATCH, batch=BATCH)
    policies = jax.tree.map(lambda leaf: np.asarray(leaf)[:, :, BOTH], learned.policy)
    exams = stack([shortcut(parities[c.order], LENGTH, agreement=0.5) for c in cells])
    outputs = student.outputs_of_all(jax.random.split(output_key, shape), exams, policies)
    some = jax.tree.map(lambda x: np.concatenate([x[cells.index(c)] for c in SAMPLED]), outputs)
    sampled_key, exact_key = jax.random.split(student_key)
    sampled = student.learn(sampled_key, some, num_samples=4)
    return Judges(
        cells,
        agreements,
        orders,
        curves(learned._replace(policy=None), batch=BATCH),
        outputs,
        {c: _at(slice(i * num_seeds, (i + 1) * num_seeds), sampled) for i, c in enumerate(SAMPLED)},
        student.learn(exact_key, _at(cells.index(CASE), outputs)),
        goodhart.drawn(draw_key, _at(cells.index(CASE), outputs)),
    )


def _at(index: Any, many: Any) -> Any:
    return jax.tree.map(lambda x: x[index], many)


class Turns(NamedTuple):
    """When judges turn from length to correctness; beyond the sample numbers of the curves: their ends."""

    cells: list[Cell]
    predicted: np.ndarray  # the saving of correctness alone overtakes that of length alone [cell, seed]
    measured: np.ndarray  # reliance falls below ½ [cell, seed]


def turns(late: Judges) -> Turns:
    """Of the cells with k ≥ 2 and ½ < ρ < 1 − ε: a judge turns in the end, and not at once."""
    cells = [c for c in late.cells if c.order > 1 and c.agreement > 0.5 and not c.shortcut_says_more]
    found = late.curves.pick([late.cells.index(c) for c in cells])
    times = (np.clip(turning(x, found.samples), FIRST, SAMPLES["late"]) for x in (found.lead, found.trust))
    return Turns(cells, *times)


class Enough(NamedTuple):
    """The agreement below which judges rely on what is intended, after n labelled outputs."""

    samples: np.ndarray  # [n]
    predicted: np.ndarray  # [seed, n]: the two solo twins have saved as much
    measured: np.ndarray  # [seed, n]: reliance ½


def enough(late: Judges, order: int) -> Enough:
    """By straight lines between the agreements of the grid; the last of them where none is too large."""
    found = [late.of(Cell(rho, order)) for rho in late.agreements]
    sides = (np.stack([getattr(c, side) for c in found], axis=-1) for side in ("lead", "trust"))
    return Enough(found[0].samples, *(_last_positive(np.array(late.agreements), x) for x in sides))


def _last_positive(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where each broken line through (x, y) ends to be positive for the first time [..., x] → [...]."""
    bad = y <= 0
    first = np.where(bad.any(-1), bad.argmax(-1), len(x))
    correct = np.clip(first, 1, len(x) - 1)
    low, high = (np.take_along_axis(y, i[..., None], -1)[..., 0] for i in (correct - 1, correct))
    share = np.where(first == correct, low / np.where(low > high, low - high, 1), first > correct)
    return x[correct - 1] + np.clip(share, 0, 1) * (x[correct] - x[correct - 1])


def cured_after(late: Judges, cell: Cell) -> float:
    """Labelled outputs until the mean reliance of the judges of a cell stays below CURED; inf where never seen."""
    found = late.of(cell)
    return turning(CURED - found.reliance.mean(0), found.samples).item()


def rebalanced_after(late: Judges, cell: Cell) -> float:
    """… where of all of them 2(1−ρ) are kept, and their length says nothing."""
    return cured_after(late, Cell(0.5, cell.order)) / (2 * (1 - cell.agreement))


def filtered(outputs: Outputs, accuracy: Any) -> Outputs:
    """Accepted by the judge, and by a verifier that is right with probability q, independently of the judge.

    A right output of score r beats a wrong one of score r' iff ln(q/(1−q)) > ln(r'/r).
    """
    return outputs._replace(score=outputs.score * np.where(RIGHT, accuracy, 1 - accuracy))


def wins(outputs: Outputs) -> np.ndarray:
    """Share of the conflicts in which a right output has the largest score: how often RL ends right [...]."""
    best = [np.where(which, outputs.score, -np.inf).max(-1) for which in (RIGHT, ~RIGHT)]
    return (best[0] > best[1])[..., KIND == CONFLICT].mean(-1)


class Verified(NamedTuple):
    """Students of the early judges of CASE, filtered by a second verifier of each of ACCURACIES."""

    predicted: np.ndarray  # share of the conflicts that a right output wins [q, seed]
    correct: np.ndarray  # share right on conflicts [q, seed]


def verified(settings: Settings) -> Verified:
    """Students by natural gradient."""
    outputs = filtered(judges(settings, "early").scored(CASE), ACCURACIES[:, None, None, None])
    return Verified(wins(outputs), goodhart.final(outputs).correct[..., CONFLICT])
