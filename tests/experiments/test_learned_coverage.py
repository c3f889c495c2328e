"""Known information, code length and crossovers lie in the intervals of `questions.learned`, in 95 % of generated logs."""

import numpy as np
import pytest

from experiments.questions import learned
from experiments.questions.logs import Feature, Group, Log
from theory import mutual_information

PROMPTS, LOGS = 300, 1_000
SIZES = np.random.default_rng(0).integers(1, 7, PROMPTS)  # outputs of each prompt


def log(verdict, groups, features=(), truth=None, sizes=SIZES):
    """A log of given columns; groups by their codes, features by their numbers."""
    n = verdict.size
    return Log(
        "log",
        verdict.astype(float),
        np.full(n, np.nan) if truth is None else truth.astype(float),
        None,
        np.repeat(np.arange(sizes.size), sizes),
        None,
        {name: Group(codes, tuple("abcdefgh"[: codes.max() + 1])) for name, codes in dict(groups).items()},
        {name: Feature(values, None) for name, values in dict(features).items()},
        np.arange(n) + 2,
        {"verdict": "verdict", "truth": "truth"},
        (),
    )


def generated(rng, rates, concentration, per_prompt):
    """Rows of a group of len(rates) values, a value a row or a prompt, with verdicts of these rates.

    With a concentration the verdicts of one prompt and value share a rate from a beta distribution of the same mean.
    """
    rates, prompts = np.asarray(rates), np.repeat(np.arange(PROMPTS), SIZES)
    shape = (PROMPTS,) if per_prompt else (prompts.size,)
    codes = rng.integers(0, rates.size, shape)
    codes = codes[prompts] if per_prompt else codes
    if concentration is not None:
        drawn = rng.random(PROMPTS)  # one difficulty a prompt: the same quantile of each value's distribution
        from scipy.special import betaincinv

        chance = betaincinv(concentration * rates[codes], concentration * (1 - rates[codes]), drawn[prompts])
    else:
        chance = rates[codes]
    return log((rng.random(prompts.size) < chance).astype(int), {"group": codes})


CASES = {
    "independent, 0": ([0.4] * 4, None, False),
    "independent, small": ([0.3, 0.4, 0.4, 0.45], None, False),
    "independent, large": ([0.02, 0.5, 0.9, 0.98], None, False),
    "independent, two values": ([0.01, 0.99], None, False),
    "clustered, 0": ([0.4] * 4, 1.0, True),
    "clustered, small": ([0.25, 0.4, 0.4, 0.5], 1.0, True),
    "clustered, large": ([0.05, 0.3, 0.9, 0.95], 1.0, True),
    "clustered, within, 0": ([0.4] * 4, 1.0, False),
    "clustered, within, small": ([0.3, 0.4, 0.4, 0.45], 1.0, False),
}


def numeric(rng, slope, soft):
    """A Gaussian feature and verdicts of chance σ(slope·x − ½), or scores around it."""
    x = rng.normal(size=SIZES.sum())
    chance = 1 / (1 + np.exp(0.5 - slope * x))
    scores = np.clip(chance + rng.uniform(-0.2, 0.2, x.size), 0, 1)
    return log(scores if soft else rng.random(x.size) < chance, {}, {"x": x})


def labelled(rng, effect):
    """A group that changes the rate of acceptance within each truth, and labels of three in four rows."""
    n = SIZES.sum()
    codes, correct = rng.integers(0, 3, n), rng.random(n) < 0.4
    chance = np.where(correct, 0.9, 0.2) + effect * (codes - 1) * np.where(correct, 0.1, 0.2)
    truth = np.where(rng.random(n) < 0.75, correct, np.nan)
    return log(rng.random(n) < chance, {"group": codes}, truth=truth)


def two(rng, gains, concentration=None):
    """A group of two values, and one of eight that knows more but takes longer to learn."""
    prompts = np.repeat(np.arange(PROMPTS), SIZES)
    codes = rng.integers(0, 2, prompts.size), rng.integers(0, 8, prompts.size)
    chance = 0.5 + gains[0] * (codes[0] - 0.5) + gains[1] * (codes[1] % 2 - 0.5)
    uniform = rng.random(prompts.size)
    if concentration is not None:  # verdicts of one prompt share a part of their luck
        from scipy.special import ndtr

        common = rng.normal(size=PROMPTS)[prompts]
        uniform = ndtr(np.sqrt(concentration) * common + np.sqrt(1 - concentration) * rng.normal(size=prompts.size))
    return log(uniform < chance, {"a": codes[0], "b": codes[1]})


def covered(name, num_logs=LOGS):
    """Shares of logs whose interval holds I(F;V) and the expected code length saved."""
    rates, concentration, per_prompt = CASES[name]
    rng = np.random.default_rng(abs(hash(name)) % 2**32 if False else list(CASES).index(name))
    joint = np.stack([1 - np.array(rates), rates], -1) / len(rates)
    found = []
    for _ in range(num_logs):
        answer = learned.features(generated(rng, rates, concentration, per_prompt), orders=2)
        found.append(next(one for one in answer.learned if one.name == "group"))
    expected = np.mean([one.saved_nats.middle for one in found])
    truth = float(mutual_information(joint))
    nats = np.mean([one.nats.low <= truth <= one.nats.high for one in found])
    saved = np.mean([one.saved_nats.low <= expected <= one.saved_nats.high for one in found])
    width = np.mean([one.nats.high - one.nats.low for one in found])
    middle = np.mean([one.nats.middle for one in found])
    return nats, saved, truth, width, expected, middle


if __name__ == "__main__":
    import sys

    for name in CASES:
        print(name, *(f"{x:.4g}" for x in covered(name, int(sys.argv[1]))), flush=True)
