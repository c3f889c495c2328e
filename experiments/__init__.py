"""The questions: each experiment compares what the sandbox does with what the theory says.

An experiment is one module here and one line in `EXPERIMENTS`. The module gives

- `CHECKS: tuple[ledger.Check, ...]`, its rows in the ledger of `infoloop verify`;
- `FIGURES: dict[str, Callable[[ledger.Settings], matplotlib.figure.Figure]]`, file stem to maker
  (the maker's docstring is the caption);
- `run(settings, *, data, out, resume) -> None`, which is `infoloop run NAME`.

This package imports nothing heavy, so that `infoloop --help` answers at once.
"""

from typing import NamedTuple


class Experiment(NamedTuple):
    """Where an experiment is found, known without importing it."""

    name: str
    module: str
    title: str  # one line, for `infoloop list`
    takes_data: bool  # whether `infoloop run NAME --data FILE` makes sense


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        name="closed-loop",
        module="experiments.closed_loop",
        title="a model retrained on its own samples: what it loses, how fast, what is left",
        takes_data=True,
    ),
)
