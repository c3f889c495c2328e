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
    Experiment(
        name="open-loop",
        module="experiments.open_loop",
        title="a model retrained on what a verifier keeps: what a generation gains, and what its verdicts inject",
        takes_data=False,
    ),
    Experiment(
        name="drift-barrier",
        module="experiments.drift_barrier",
        title="how accurate a verifier must be: accuracy × samples, the break-even, blind spots",
        takes_data=False,
    ),
    Experiment(
        name="judges",
        module="experiments.judges",
        title="who may judge: the student, an earlier one, a judge made once; what each injects, and what it is worth",
        takes_data=False,
    ),
    Experiment(
        name="budget",
        module="experiments.verdicts",
        title="how many verdicts a goal takes, how to spend them, what one is worth in fresh samples",
        takes_data=False,
    ),
    Experiment(
        name="continuous-information",
        module="experiments.continuous_information",
        title="mixtures and Markov chains: information between bounds that hold, in closed and open loops",
        takes_data=False,
    ),
    Experiment(
        name="supervision",
        module="experiments.supervision",
        title="what a signal says of the task and of the surface form, and what the form costs",
        takes_data=False,
    ),
    Experiment(
        name="methods",
        module="experiments.methods",
        title="how the signal enters: SFT, RFT, RLVR and best of n; what each transfers, keeps and spends",
        takes_data=False,
    ),
    Experiment(
        name="coverage",
        module="experiments.coverage",
        title="repeat or cover: what a budget of verdicts tells and teaches, spread over more prompts or not",
        takes_data=False,
    ),
    Experiment(
        name="thesis",
        module="experiments.thesis",
        title="which component of a signal is learned first: what each saves alone, how often that says it, and when",
        takes_data=False,
    ),
    Experiment(
        name="reward-hacking",
        module="experiments.reward_hacking",
        title="a judge that learns length in place of quality, a student that is paid by it: when, and what cures",
        takes_data=False,
    ),
)
