"""The exact numbers of the coverage experiment are those of brute force."""

from itertools import product

import numpy as np
import pytest

from experiments.coverage import looks
from experiments.coverage.looks import BUDGET, DISTINCT, NOISY, SURE


@pytest.mark.parametrize("distinct", [16, 32, 64])
def test_looks_by_enumeration(distinct):
    """m I_k, I_k = ln 2 − E h(p(x|s_1…s_k)) over all 2^k answers."""
    tpr, fpr = NOISY
    entropy = 0.0
    for answers in product((0, 1), repeat=BUDGET // distinct):
        given = [np.prod([rate if s else 1 - rate for s in answers]) / 2 for rate in (tpr, fpr)]
        entropy -= sum(p * np.log(p / sum(given)) for p in given)
    np.testing.assert_allclose(looks.spread(NOISY, distinct), distinct * (np.log(2) - entropy), atol=1e-12)


def test_certainty_by_simulation():
    """A prompt is known where one class has a posterior of SURE or more; 5 standard errors of 20,000 prompts."""
    tpr, fpr = NOISY
    rng = np.random.default_rng(0)
    for distinct in DISTINCT:
        k = BUDGET // distinct
        right = rng.random(20_000) < 0.5
        accepted = (rng.random((20_000, k)) < np.where(right, tpr, fpr)[:, None]).sum(1)
        likelihood = [rate**accepted * (1 - rate) ** (k - accepted) for rate in (tpr, fpr)]
        known = np.maximum(*likelihood) / np.sum(likelihood, 0) >= SURE
        exact = looks.sure(distinct) * BUDGET / distinct
        assert abs(known.mean() - exact) <= 5 * (exact * (1 - exact) / len(known)) ** 0.5


def test_after_is_the_chain_rule():
    """I(X;S_1,S_2) = I(X;S_1) + I(X;S_2|S_1), and what comes first does not matter."""
    blocks = looks.BLOCKS
    one = looks.repeated(NOISY, 1, blocks, 0) + looks.after(2, (0,), NOISY, blocks)
    other = looks.repeated(NOISY, 1, blocks, 2) + looks.after(0, (2,), NOISY, blocks)
    np.testing.assert_allclose(one, other, atol=1e-12)
