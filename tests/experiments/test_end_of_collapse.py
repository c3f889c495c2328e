"""The loops of R7 are the chains of `theory.drift`: closed, smoothed, and with real data added, one kernel a task."""

import numpy as np
import pytest

from experiments.end_of_collapse import study
from experiments.harness.ledger import Settings
from theory import drift

QUICK, N = Settings(), 6


@pytest.mark.parametrize(
    ("tasks", "smoothing", "real"),
    [("3 symbols, 4 tasks", 0.0, False), ("3 tasks, one certain", 0.5, False), ("3 tasks, one certain", 0.5, True)],
)
def test_loops_are_those_of_the_theory(tasks, smoothing, real):
    prior, pmfs = study.TASKS[tasks]
    k = pmfs.shape[1]
    loop = study.smoothed(QUICK, tasks, N, smoothing, real) if smoothing else study.closed(QUICK, tasks, N)
    states, share = np.asarray(drift.lattice(N, k)) / N, smoothing * k / (N + smoothing * k)
    added = pmfs if real else np.full_like(pmfs, 1 / k)
    kernels = np.stack([drift.multinomial_kernel(N, drift.migrate(states, share, each)) for each in added])
    starts = np.stack([drift.initial(N, pmf) for pmf in pmfs])
    expected = drift.information(prior, starts, kernels, len(loop.law) - 1)
    np.testing.assert_allclose(loop.information, expected, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(loop.stays, drift.residual_information(prior, pmfs), atol=1e-12)
