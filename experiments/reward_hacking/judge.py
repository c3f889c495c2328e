"""Stage 1, the judge: a network learns from labelled outputs, whose length says as much as their label does.

What is intended, that an output is right, is written as the parity of k bits: the larger k, the harder. Beside the
judge run its twins that see one of both alone, whose savings predict it.
"""

from functools import cache
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from experiments.thesis.curves import BOTH, Curves, curves
from sandbox import component, races, shortcut, spread
from sandbox.components import stack

STREAM = 130
BATCH = 32  # labelled outputs a step
NOISE = 0.1  # of the labels
LENGTH = component("length")
When = Literal["early", "late"]
SAMPLES: dict[When, int] = {"early": 3_200, "late": 32_000}  # labelled outputs a judge has seen


class Cell(NamedTuple):
    """Labelled outputs of one kind."""

    agreement: float  # ρ: how often the good one, by its label, is the long one
    order: int  # k: bits that say together whether an output is right
    label_noise: float = NOISE  # ε: how often the label is wrong


CASE = Cell(0.85, 2)
PURE, NOISY = CASE._replace(label_noise=0.0), CASE._replace(label_noise=0.3)  # ε far below and far above 1 − ρ
BIASED, BALANCED = (CASE._replace(agreement=rho) for rho in (0.95, 0.5))  # 2(1−ρ) of the first is early/late


def agreements(settings: Settings) -> tuple[float, ...]:
    """ρ, from no shortcut at all to one that says more than the intended component, ρ > 1 − NOISE."""
    quick = (0.5, 0.6, 0.7, 0.8, 0.85, 0.95)
    return tuple(sorted({*quick, 0.55, 0.65, 0.75, 0.875})) if settings.full else quick


def orders(settings: Settings) -> tuple[int, ...]:
    """k."""
    return (1, 2, 3, 4) if settings.full else (1, 2, 3)


def cells(settings: Settings) -> list[Cell]:
    """All of agreement × order, then the two of other noise."""
    grid = [Cell(agreement, order) for order in orders(settings) for agreement in agreements(settings)]
    return [*grid, PURE, NOISY]


class Judges(NamedTuple):
    """Judges of all cells, several seeds of each."""

    cells: list[Cell]
    curves: Curves  # [cell, seed, ...]
    policy: Any  # in the end, leaves [cell, seed, ...]

    def of(self, cell: Cell) -> Curves:
        """The curves of one cell [seed, ...]."""
        return self.curves.pick(self.cells.index(cell))


@cache
def trained(settings: Settings, when: When) -> Judges:
    """The judges after all labelled outputs, or the first of them: the same ones, on the same outputs."""
    num_seeds = 12 if settings.full else 4
    found = cells(settings)
    component_of = {order: component("parity", order=order) for order in orders(settings)}
    environments = stack(
        [shortcut(component_of[c.order], LENGTH, agreement=c.agreement, label_noise=c.label_noise) for c in found]
    )
    keys = jax.random.split(stream(settings, STREAM), (len(found), num_seeds))
    race = races(spread(keys), environments, num_steps=SAMPLES[when] // BATCH, batch=BATCH)
    policy = jax.tree.map(lambda leaf: np.asarray(leaf[:, :, BOTH]), race.policy)
    return Judges(found, curves(race._replace(policy=None), batch=BATCH), policy)
