"""What enters the loops of these experiments, and what each experiment hands to `questions.bracket`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from experiments.questions import bracket
from experiments.questions.bracket import Bracketed, Sampler, Simulation


class Inputs(NamedTuple):
    """What enters a loop: verdicts, of the model about itself where `own`, and a share of real samples."""

    tpr: Any = 1.0
    fpr: Any = 1.0
    own: Any = False
    share: Any = 0.0

    @property
    def closed(self) -> bool:
        """Whether it knows nothing of the task."""
        return self.share == 0 and (self.own or self.tpr == self.fpr)

    def of(self, num_tasks: int) -> "Inputs":
        """The same for each task."""
        return Inputs(*(np.full(num_tasks, value) for value in self))


def four(tpr: float, fpr: float, share: float) -> dict[str, Inputs]:
    """The loops that differ in their numbers alone, so that they share what is compiled."""
    return {
        "closed": Inputs(),
        "self-consistency": Inputs(tpr, fpr, own=True),
        "verifier": Inputs(tpr, fpr),
        "fresh data": Inputs(share=share),
    }


class Arm(NamedTuple):
    """The tasks of one loop, with what enters it."""

    tasks: Any  # [x, …]
    closed: bool  # whether what enters knows nothing of the task
    injective: bool = False  # whether Z_{t+1} determines all that its fit has seen


class Setup(NamedTuple):
    """A model with its loops, which share all functions."""

    loop: bracket.Loop
    sampler: Sampler
    arms: Mapping[str, Arm]

    def information(self, key: Array, arm: str | Arm, simulation: Simulation) -> Bracketed:
        """The bracket of I(X;Z_t) in one of the loops."""
        tasks, closed, injective = self.arms[arm] if isinstance(arm, str) else arm
        options = {"closed": closed, "injective": injective}
        return bracket.information(key, tasks, self.loop, simulation, self.sampler, **options)
