"""The truths beside the nearest-neighbour estimates are right, and the figure is drawn without the library too."""

import sys

import dit
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from experiments.ledger import Settings
from scipy.special import logsumexp

from experiments.continuous_information import nearest_neighbours as module

QUICK = Settings()


def test_truth():
    """I(X;Z) = −∫ p ln p − ln(2πe) in two dimensions, by the trapezoidal rule."""
    grid = np.linspace(-11, 11, 801)
    z = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1)[:, :, None]
    log_p = logsumexp(-((z - module.centres()) ** 2).sum(-1) / 2, axis=2) - np.log(2 * np.pi * module.NUM_TASKS)
    inner = scipy.integrate.trapezoid(-np.exp(log_p) * log_p, grid)
    expected = scipy.integrate.trapezoid(inner, grid) - np.log(2 * np.pi * np.e)
    result = module.truth(QUICK)
    assert abs(result.mean - expected) < 5 * result.stderr and result.stderr < 0.002


def test_collapse():
    """I(X;Z_0) of the shares that fits to 100 samples have, by dit."""
    shares, counts = np.linspace(0.1, 0.9, 8), np.arange(101)
    table = scipy.stats.binom.pmf(counts[None], 100, shares[:, None]) / 8
    outcomes = [(x, z) for x in range(8) for z in counts]
    bits = dit.shannon.mutual_information(dit.Distribution(outcomes, table.ravel()), [0], [1])
    np.testing.assert_allclose(module.collapse()[0], bits * np.log(2), atol=1e-10)


@pytest.mark.slow
def test_estimates_fall_with_the_dimension_and_depend_on_the_noise():
    exact = float(module.truth(QUICK).mean)
    few, many = module.by_dimension(QUICK).values()
    assert abs(many[0] - exact) < 0.1 and many[-1] < exact - 0.5 and few[-1] < 0
    ties = module.of_collapse(QUICK)
    assert ties == module.of_collapse(QUICK) != module.of_collapse(Settings(seed=1))
    lowest = module.GENERATIONS.index(30)
    assert ties[1000, 1e-10][lowest] < -5 < -1 < ties[1000, 1e-3][lowest]


def test_the_figure_is_drawn_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "dit.inference", None)
    left, right = module.nearest_neighbours(QUICK).axes
    for ax in (left, right):
        assert any("make setup" in text.get_text() for text in ax.texts)
        assert len([line for line in ax.lines if len(line.get_xdata()) >= 2]) == 2  # the truth and the line at zero
