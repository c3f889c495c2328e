"""The signals that are compared: on one table of 8 classes × 8 surface forms."""

import jax
from jax import Array

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
