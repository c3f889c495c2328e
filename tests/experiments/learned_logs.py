"""Logs of given columns."""

import numpy as np

from experiments.questions.logs import Feature, Group, Log

PROMPTS = 300
SIZES = np.random.default_rng(0).integers(1, 7, PROMPTS)  # outputs of each prompt


def log(verdict, groups=None, features=None, *, truth=None, sizes=SIZES):
    """Groups by their codes, features by their numbers; `sizes` rows of each prompt."""
    n = len(verdict)
    return Log(
        "log",
        np.asarray(verdict, float),
        np.full(n, np.nan) if truth is None else np.asarray(truth, float),
        None,
        np.repeat(np.arange(len(sizes)), sizes),
        None,
        {name: Group(codes, tuple("abcdefgh"[: codes.max() + 1])) for name, codes in (groups or {}).items()},
        {name: Feature(np.asarray(values, float), None) for name, values in (features or {}).items()},
        np.arange(n) + 2,
        {"verdict": "verdict", "truth": "truth"},
        (),
    )
