"""The intervals cover as often as the distributions of their replicas imply, and their rows can fail."""

import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from experiments.continuous_information import claims, coverage, figures
from experiments.continuous_information.coverage import MEANS, RARE, TASKS, WEIGHTS
from experiments.harness.ledger import Settings

QUICK = Settings()


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile():
    """Not here, where running takes longer."""


@pytest.mark.parametrize("case", coverage.cases(), ids=lambda case: case.name)
def test_the_truth_is_the_mean_of_the_values(case):
    """E v = I, within five standard errors over independent repeats."""
    means = np.asarray(case.values(np.random.default_rng(1), 400)).mean(0)
    assert abs(means.mean() - case.truth) < 5 * means.std(ddof=1) / 400**0.5


def test_truth_of_two_arms():
    """I(X;Z) = H(Z) − H(Z|X), each entropy by Simpson's rule."""
    z = np.linspace(-12, 12, 40_001)[:, None]
    p = np.mean([scipy.stats.norm.pdf(z, TASKS + sign * coverage.ARM, coverage.WIDTH) for sign in (-1, 1)], axis=0)
    marginal, given = scipy.special.entr(p.mean(1)), scipy.special.entr(p).mean(1)
    expected = scipy.integrate.simpson(marginal - given, x=z[:, 0])
    np.testing.assert_allclose(coverage.truth_of_two_arms(), expected, atol=1e-9)


def test_truth_of_mixture_pair():
    """I(X;Y) = H(X) + H(Y) − H(X,Y), each entropy by the trapezoidal rule, on analytic densities exact to rounding."""
    grid = np.linspace(-10, 10, 1001)
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1)
    components = zip(WEIGHTS, MEANS, coverage.COVARIANCES, strict=True)
    joint = np.sum([w * scipy.stats.multivariate_normal(m, c).pdf(points) for w, m, c in components], axis=0)
    step = grid[1] - grid[0]
    h = scipy.special.entr
    x, y = joint.sum(1) * step, joint.sum(0) * step
    expected = (h(x).sum() + h(y).sum()) * step - h(joint).sum() * step**2
    np.testing.assert_allclose(coverage.truth_of_mixture_pair(), expected, atol=1e-8)


@pytest.mark.slow
def test_the_rare_task_is_missed_with_its_binomial_probability():
    """The sum over k, the replicas of 50 with the task of 2 %, of P(k) where the interval contains I."""
    k = np.arange(51)
    low, high = -np.log(0.98), -np.log(0.02)
    values = np.where(np.arange(50)[:, None] < k[None], high, low)
    half = 1.959964 * scipy.stats.sem(values)
    truth = scipy.stats.entropy(RARE.diagonal())
    expected = scipy.stats.binom.pmf(k, 50, 0.02)[np.abs(values.mean(0) - truth) <= half].sum()
    (row,) = [r for r in coverage.covered(QUICK) if r.case == "rare task" and r.interval == coverage.NORMAL]
    assert abs(row.share - expected) < 5 * row.stderr
    np.testing.assert_allclose(row.truth, truth, rtol=1e-12)


@pytest.mark.slow
def test_shared_tasks_are_missed_as_their_correlation_implies():
    """Four values of one x have the variance ρ²[1 + 3 ρ²/2]/4: E[i|x] has variance ρ⁴/2, i has ρ², ρ² = SNR/(1+SNR)."""
    share = coverage.SNR / (1 + coverage.SNR)
    expected = 1 - 2 * scipy.stats.norm.sf(1.959964 / np.sqrt(1 + 3 * share / 2))
    (row,) = [r for r in coverage.covered(QUICK) if r.interval == coverage.NAIVE]
    assert abs(row.share - expected) < 5 * row.stderr + 0.002  # how far 125 tasks are from the normal limit


def test_every_interval_has_a_width():
    rows = coverage.covered(jax.random.key(0), repeats=500)
    assert len(rows) == 9 and all(row.repeats == 500 and row.half_width > 0 for row in rows)


@pytest.mark.slow
def test_half_the_standard_error_is_detected(monkeypatch):
    """An interval broken on purpose: 1.96/2 standard errors cover the truth two thirds of the time."""
    interval = coverage.theory.Estimate.interval
    half = lambda self, level, bounds: interval(self._replace(stderr=self.stderr / 2), level, bounds=bounds)  # noqa: E731
    monkeypatch.setattr(coverage.theory.Estimate, "interval", half)
    coverage.covered.cache_clear()
    try:
        assert claims.normal_covers(coverage.NORMAL, QUICK).decide().outcome == "fails"
    finally:
        coverage.covered.cache_clear()


@pytest.mark.slow
def test_the_figure_has_a_dot_for_each_interval_in_both_panels():
    left, right = figures.coverage(QUICK).axes
    rows = coverage.covered(QUICK)
    shown = [label.get_text().split(":")[1].strip() for label in left.get_yticklabels()]
    assert shown == [row.interval for row in reversed(rows)]
    dots = [line.get_xdata()[0] for line in right.lines]
    np.testing.assert_allclose(dots, [row.half_width for row in reversed(rows)])
