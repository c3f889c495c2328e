"""Which method transfers best to unseen domains: over surface forms, domains of training, and the network's width."""

from itertools import product
from typing import NamedTuple

import numpy as np

import theory
from experiments.ledger import Settings
from experiments.methods.studies import GRADIENT, NUM_FORMS, ONCE, REFIT, UNSEEN, WIDTH, studied

COMPARED = (ONCE, REFIT, GRADIENT)
WIDTHS = (2, 4, WIDTH)
LEVEL = 1.96  # standard errors: 95 %
MOST = 6  # batches of seeds, until five standard errors decide between RLVR and SFT at one domain


class Cell(NamedTuple):
    """A world and a width, with the correctness on unseen domains [seed] of each method."""

    num_forms: int
    num_domains: int
    width: int
    correct: dict[str, np.ndarray]

    def difference(self, method: str, other: str) -> theory.Estimate:
        """Seed by seed."""
        return theory.estimate(self.correct[method] - self.correct[other])

    @property
    def ranked(self) -> list[str]:
        """The methods, best first."""
        return sorted(self.correct, key=lambda name: -self.correct[name].mean())

    @property
    def decided(self) -> bool:
        """Whether the interval of the best and the second, seed by seed, does not hold 0."""
        gap = self.difference(*self.ranked[:2])
        return float(gap.mean) > LEVEL * float(gap.stderr)


def cells(settings: Settings) -> list[Cell]:
    """The map: in the quick profile at M = 8 alone, and with 1 and 4 domains, which one program trains.

    Where the lead is small, at one domain and a wide network, there are as many seeds as in its row of the ledger.
    """
    forms, domains = ((1, NUM_FORMS, 32), (1, 4, 16)) if settings.full else ((NUM_FORMS,), (1, 4))
    usual = 2 if settings.full else 1
    more = {(NUM_FORMS, 1, WIDTH): MOST, (NUM_FORMS, 4, WIDTH): 2}  # trained anyway
    return [cell(settings, *place, more.get(place, usual)) for place in product(forms, domains, WIDTHS)]


def cell(settings: Settings, num_forms: int, num_domains: int, width: int, batches: int) -> Cell:
    """One cell, all methods on the same seeds."""
    place = {"num_forms": num_forms, "num_domains": num_domains, "width": width, "batches": batches}
    correct = {name: studied(settings, name, **place).last(UNSEEN) for name in COMPARED}
    return Cell(num_forms, num_domains, width, correct)
