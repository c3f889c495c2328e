"""What people ask of their own pipeline; each question is a module of its own, imported when it is asked.

- `pipeline.check`: is it open, that is, can one model know more about the task than another, and why?
- `plan.answer`: how many verdicts and rounds, how good a verifier, how likely it ends correct?
- `audit.audit`: what does a log of outputs, verdicts and truths say of all this, and what will it teach first?
- `bracket.information`: what does a model along a loop still know about its task, if there is no closed form?
- `signal.signal_study`: what does a signal carry about the class and about the surface form of an answer?
- `shortcut.answer`: which feature of a label is learned first, and when does the learner switch?
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.questions import audit as audit
    from experiments.questions import bracket as bracket
    from experiments.questions import pipeline as pipeline
    from experiments.questions import plan as plan
    from experiments.questions import shortcut as shortcut
    from experiments.questions import signal as signal

QUESTIONS = ("audit", "bracket", "pipeline", "plan", "shortcut", "signal")


def __getattr__(name: str) -> object:
    if name not in QUESTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return [*globals(), *QUESTIONS]
