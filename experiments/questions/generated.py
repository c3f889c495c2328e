"""Logs with known truth: prompts of unequal difficulty, a verifier whose errors persist and cluster, a feature.

For trying the commands on, and for tests that recover the truth.
"""

from typing import NamedTuple

import numpy as np

from experiments.validation import number, refuse

LARGE = 400_000  # prompts behind a truth that has no closed form; its error is below a thousandth


class World(NamedTuple):
    """What a log is drawn from."""

    accuracy: float = 0.4  # mean over prompts
    spread: float = 0.3  # intraclass correlation of the accuracies: a Beta; 0: all prompts alike, 1: all or nothing
    impossible: float = 0.0  # share of prompts without a correct output
    tpr: float = 0.9
    fpr: float = 0.3
    clustering: float = 0.0  # … of a prompt's tpr and fpr, each a Beta
    persistence: float = 0.0  # the share of outputs whose verdict is decided once
    long: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)  # P(long | verdict, truth), of 00, 01, 10, 11


class Truth(NamedTuple):
    """What an audit of a log should find; nats and shares."""

    tpr: float
    fpr: float
    persistent_share: float  # correlation of two looks at one output
    now: float
    one_round: float  # of prompts with an accepted output among so many; NaN for several looks at an output
    one_round_all_prompts: float
    limit_independent: float


class Generated(NamedTuple):
    """A table as `logs.read` takes it, and its truth."""

    table: dict[str, np.ndarray]
    truth: Truth


def generate(
    which: int, world: World, *, prompts: int = 300, outputs: tuple[int, int] = (4, 4), looks: int = 1
) -> Generated:
    """Log number `which` of so many prompts, each with outputs from … to …, each verified so often.

    Columns: prompt, output, verdict, correct, chars, model (which carries nothing).
    """
    for name, rate in world._asdict().items():
        if name != "long":
            number(f"world.{name}", rate, lambda x: 0 <= x <= 1, "a number in [0, 1]")
    if not 1 <= outputs[0] <= outputs[1]:
        raise refuse("outputs", outputs, "a range of whole numbers from 1 on")
    rng = np.random.default_rng(which)
    accuracy, tpr, fpr = _prompts(rng, world, prompts)
    prompt = np.repeat(np.arange(prompts), rng.integers(outputs[0], outputs[1] + 1, prompts))
    correct = rng.random(prompt.size) < accuracy[prompt]
    rate = np.where(correct, tpr[prompt], fpr[prompt])
    once, decided = rng.random(prompt.size) < rate, rng.random(prompt.size) < world.persistence
    row = np.repeat(np.arange(prompt.size), looks)
    verdict = np.where(decided[row], once[row], rng.random(row.size) < rate[row])
    long = rng.random(row.size) < np.asarray(world.long)[2 * verdict + correct[row]]
    table = {
        "prompt": prompt[row],
        "output": row,
        "verdict": verdict.astype(int),
        "correct": correct[row].astype(int),
        "chars": np.where(long, 900, 300) + rng.integers(0, 3, row.size),
        "model": np.array(["small", "large"])[rng.integers(0, 2, row.size)],
    }
    found = truth(world, outputs)
    if looks > 1:  # looks at one output are not independent samples of what is accepted
        unknown = dict.fromkeys(("one_round", "one_round_all_prompts", "limit_independent"), np.nan)
        found = found._replace(**unknown)
    return Generated(table, found)


def truth(world: World, outputs: tuple[int, int]) -> Truth:
    """The truth of a world, means over many prompts."""
    p, phi, psi = _prompts(np.random.default_rng(2**31), world, LARGE)
    accepted = p * phi + (1 - p) * psi
    sizes = np.arange(outputs[0], outputs[1] + 1)
    some = 1 - np.mean([(1 - accepted) ** k for k in sizes], axis=0)  # P(an output of the prompt is accepted)
    share = np.divide(p * phi, accepted, out=np.zeros_like(p), where=accepted > 0)
    # of a prompt without an accepted output: the accuracy of rejected ones
    rejected = np.divide(p * (1 - phi), 1 - accepted, out=np.zeros_like(p), where=accepted < 1)
    return Truth(
        tpr=float((p * phi).mean() / p.mean()) if p.any() else np.nan,
        fpr=float(((1 - p) * psi).mean() / (1 - p).mean()) if (p < 1).any() else np.nan,
        persistent_share=world.clustering + (1 - world.clustering) * world.persistence,
        now=float(p.mean()),
        one_round=float((some * share).sum() / some.sum()),
        one_round_all_prompts=float((some * share + (1 - some) * rejected).mean()),
        limit_independent=float((some * (p > 0)).sum() / some.sum()),
    )


def _prompts(rng: np.random.Generator, world: World, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accuracy, tpr and fpr of each prompt."""
    possible = rng.random(count) >= world.impossible
    return (
        possible * _beta(rng, world.accuracy, world.spread, count),
        _beta(rng, world.tpr, world.clustering, count),
        _beta(rng, world.fpr, world.clustering, count),
    )


def _beta(rng: np.random.Generator, mean: float, correlation: float, count: int) -> np.ndarray:
    """A Beta of this mean and variance correlation · mean (1 − mean)."""
    if correlation in (0, 1) or mean in (0, 1):
        return (rng.random(count) < mean).astype(float) if correlation == 1 else np.full(count, mean)
    total = 1 / correlation - 1
    return rng.beta(mean * total, (1 - mean) * total, count)


def judged(which: int, *, prompts: int = 400, adversary: bool = True) -> dict[str, np.ndarray]:
    """A log of a judge's preferences over reference answers: what it likes is length, and one text that fools it.

    Four models answer each prompt, with log-odds −2 + 1.5 ln(chars/ref_chars) and a normal error of 1.5, whatever the
    model; the adversary answers all prompts with one text of 800 characters, and has the log-odds 2.
    """
    rng = np.random.default_rng(which)
    names = ["base", "tuned", "concise", "verbose", *["adversary"] * adversary]
    model = np.repeat(np.arange(len(names)), prompts)
    reference = np.tile(rng.lognormal(6.5, 0.5, prompts), len(names))
    chars = rng.lognormal(np.array([6.5, 6.5, 6.0, 7.0, 0])[model], 0.4)
    fooled = np.array(names)[model] == "adversary"
    chars = np.where(fooled, 800, chars).astype(int)
    logit = np.where(fooled, 2.0, -2 + 1.5 * np.log(chars / reference)) + rng.normal(0, 1.5, model.size)
    return {
        "model": np.array(names)[model],
        "prompt": np.tile(np.arange(prompts), len(names)),
        "preferred": (1 / (1 + np.exp(-logit))).round(4),
        "chars": chars,
        "ref_chars": reference.astype(int),
    }
