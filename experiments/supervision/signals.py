"""The signals that are compared: on one table of 8 classes × 8 surface forms."""

from typing import NamedTuple

import jax
import numpy as np
from jax import Array
from scipy.special import expit, logit

from experiments.harness import plug_in
from experiments.harness.study import generator, study
from experiments.questions.signal import Description, describe
from sandbox import policies
from sandbox.policies import Feedback

NUM_CLASSES, NUM_FORMS, NUM_STYLES = 8, 8, 4  # 4 styles, of 2 forms each
RATES = (0.9, 0.2)  # of the noisy verdict
NAMES = ("verdict", "noisy verdict", "rubric", "rubric + style", "preference", "reference", "reference + style")


def signals() -> dict[str, Feedback]:
    """All of NAMES."""
    size = (NUM_CLASSES, NUM_FORMS)
    found = (
        policies.verdict(*size),
        policies.verdict(*size, tpr=RATES[0], fpr=RATES[1]),
        policies.rubric(*size),
        policies.rubric(*size, style=True),
        policies.preference(*size),
        policies.reference(*size, num_styles=NUM_STYLES),
        policies.reference(*size),
    )
    return dict(zip(NAMES, found, strict=True))


@study("supervision/signals")
def described(key: Array, name: str) -> Description:
    """One of the signals."""
    return describe(_signals()[name], NUM_FORMS, rng=generator(key))


_signals = jax.jit(signals)  # one compilation


class Judged(NamedTuple):
    """Information about sampled outputs in their verdicts, from counts alone [batch], in nats."""

    total: np.ndarray  # I(Y;S)
    task: np.ndarray  # I([Y];S)
    setting: str


@study("supervision/judged", independent=("bias",), num_verdicts=64_000, full={"num_verdicts": 640_000})
def judged(key: Array, bias: float, *, num_verdicts: int) -> Judged:
    """Verdicts on outputs of 4 classes in 4 lengths, all equally likely: (.9, .2) for class 0 and the others.

    `bias` is what each step of length adds to the log-odds of accepting.
    """
    rng = generator(key)
    size = 4
    cls, length = rng.integers(size, size=(2, num_verdicts))
    odds = logit(np.where(cls == 0, *RATES)) + bias * (length - (size - 1) / 2)
    accepted = (rng.random(num_verdicts) < expit(odds)).astype(int)
    counts = plug_in.tabled(np.arange(num_verdicts) % 32, size * cls + length, accepted, shape=(size**2, 2))
    by_class = counts.reshape(-1, size, size, 2).sum(2)
    setting = f"{size} classes in {size} lengths, verdicts of rates {RATES}, length bias {bias:g}; 32 batches of "
    return Judged(plug_in.information(counts), plug_in.information(by_class), f"{setting}{num_verdicts // 32} verdicts")
