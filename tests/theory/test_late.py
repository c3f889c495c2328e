"""The end of a loop: chains in decimals of 60 digits, enumeration of two draws, eigenvectors, limits."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import factorial, prod

import numpy as np
import pytest
from oracles import close, starts

from theory import drift, gaussian

PRIOR = np.array([0.5, 0.3, 0.2])
TWO = np.array([[0.02, 0.98], [0.4, 0.6], [0.9, 0.1]])
THREE = np.array([[0.6, 0.3, 0.1], [0.25, 0.5, 0.25], [0.5, 0.5, 0.0]])  # one task lacks a symbol


def multinomial(n, counts, probs):
    """The probability of a table of counts, in decimals."""
    ways = factorial(n) // prod(map(factorial, counts))
    exact = ways * prod(Fraction(p) ** c for p, c in zip(probs, counts, strict=True))
    return Decimal(exact.numerator) / exact.denominator


def information(prior, table):
    """I(X;Z) in decimals, of p(z|x) [x, z]."""
    marginal = [sum(p * row[z] for p, row in zip(prior, table, strict=True)) for z in range(len(table[0]))]
    pairs = [(p, q, m) for p, row in zip(prior, table, strict=True) for q, m in zip(row, marginal, strict=True)]
    return sum(p * q * (q / m).ln() for p, q, m in pairs if q)


def in_decimals(pmfs, n, t, smoothing=Fraction(0)):
    """I(X;Z_t) − I(X;Y) of a loop of n samples whose fit adds λ to each count, or I(X;Z_t) where λ > 0."""
    with localcontext(prec=60):
        prior, tasks = [Decimal(str(p)) for p in PRIOR], [[Fraction(str(p)) for p in row] for row in pmfs.tolist()]
        k = pmfs.shape[1]
        states = [c for c in np.ndindex(*[n + 1] * k) if sum(c) == n]
        fits = [[(c + smoothing) / (n + k * smoothing) for c in state] for state in states]
        kernel = np.array([[multinomial(n, target, fit) for target in states] for fit in fits])
        table = np.array([[multinomial(n, state, task) for state in states] for task in tasks])
        for _ in range(t):
            table = table @ kernel
        stays = [[Decimal(p.numerator) / p.denominator for p in task] for task in tasks]
        return float(information(prior, table) - (0 if smoothing else information(prior, stays)))


@pytest.mark.parametrize(("pmfs", "n"), [(TWO, 2), (TWO, 6), (THREE, 4)])
def test_closed_loop_in_decimals(pmfs, n):
    """At (1−1/n)^t = 1e-11, which is what the law neglects; one symbol that a task lacks."""
    t = round(-11 * np.log(10) / np.log1p(-1 / n))
    found = drift.excess_information(PRIOR, pmfs, n, t)
    assert found.shape == (t + 1,)
    np.testing.assert_allclose(found[-1], in_decimals(pmfs, n, t), rtol=1e-10)


@pytest.mark.parametrize(("pmfs", "n", "smoothing"), [(TWO, 5, "1/2"), (THREE, 3, "2")])
def test_smoothed_loop_in_decimals(pmfs, n, smoothing):
    """At (1−μ)^t = 1e-11."""
    added = Fraction(smoothing)
    mu = float(added * pmfs.shape[1] / (n + added * pmfs.shape[1]))
    t = round(-11 * np.log(10) / np.log1p(-mu))
    found = drift.smoothed_information(PRIOR, pmfs, n, float(added), t)
    np.testing.assert_allclose(found[-1], in_decimals(pmfs, n, t, added), rtol=1e-9)


@pytest.mark.parametrize("n", [20, 50, 100])
def test_late_in_the_exact_chain(n):
    """To 1e-5, fourteen times n generations after the real samples, two symbols; at 3n to 7 %."""
    exact = drift.information(PRIOR, starts(n, TWO), drift.neutral_kernel(n), 14 * n)
    excess = np.asarray(exact) - float(drift.residual_information(PRIOR, TWO))
    law = np.asarray(drift.excess_information(PRIOR, TWO, n, 14 * n))
    np.testing.assert_allclose(excess[-1], law[-1], rtol=1e-5)
    assert 1 < excess[3 * n] / law[3 * n] < 1.07
    close(law[1:] / law[:-1], 1 - 1 / n)


def test_three_symbols_in_the_exact_chain():
    exact = drift.information(PRIOR, starts(12, THREE), drift.neutral_kernel(12, 3), 168)
    excess = float(exact[-1]) - float(drift.residual_information(PRIOR, THREE))
    np.testing.assert_allclose(drift.excess_information(PRIOR, THREE, 12, 168)[-1], excess, rtol=1e-5)


@pytest.mark.parametrize("pmfs", [TWO, THREE])
def test_second_draw(pmfs):
    """The posterior after two draws over that after one, draw by draw."""
    added, k = 0.0, pmfs.shape[1]
    for x, y, other in np.ndindex(len(PRIOR), k, k):
        first, both = PRIOR * pmfs[:, y], PRIOR * pmfs[:, y] * pmfs[:, other]
        if y != other and both[x] > 0:
            added += both[x] * np.log(both[x] / both.sum() / (first[x] / first.sum()))
    close(drift.second_draw_information(PRIOR, pmfs), added)


def test_where_a_second_draw_adds_nothing():
    """Tasks that are alike, certain ones, and ones that a single draw identifies although two draws differ."""
    disjoint = [[0.5, 0.5, 0, 0], [0, 0, 0.3, 0.7]]
    for pmfs in (np.full((2, 3), 1 / 3), np.eye(2), disjoint):
        close(drift.second_draw_information([0.4, 0.6], pmfs), 0)
        close(drift.excess_information([0.4, 0.6], pmfs, 5, 3), 0)
    close(drift.smoothed_information([0.4, 0.6], np.full((2, 3), 1 / 3), 4, 1.0, 3), 0)


def test_quasi_stationary():
    """The leading eigenvector by LAPACK; one inner state; 1/E z(1−z) as in the docstrings."""
    n, inner = 30, np.asarray(drift.neutral_kernel(30))[1:-1, 1:-1]
    values, vectors = (np.real(found) for found in np.linalg.eig(inner.T))
    leading = vectors[:, values.argmax()]
    close(values.max(), 1 - 1 / n)
    close(drift.quasi_stationary(n)[1:-1], leading / leading.sum())
    close(drift.quasi_stationary(2), [0, 1, 0])
    for m, inverse in ((20, 5.60), (100, 5.89)):
        z = np.arange(m + 1) / m
        close(1 / (drift.quasi_stationary(m) @ (z * (1 - z))), inverse, atol=0.005)


@pytest.mark.parametrize(("n", "pmfs", "above"), [(20, TWO, 4e-4), (12, THREE, 4e-3), (100, TWO, 2e-5)])
def test_smoothed_constant_is_that_of_a_reversible_chain(n, pmfs, above):
    """½ nK (1 − (1−μ)²(1−1/n)) Σ Var(x_i) by the stationary variance and Cauchy–Schwarz, hardly more."""
    k = pmfs.shape[1]
    mu, spread = k / (n + k), (PRIOR @ (pmfs - PRIOR @ pmfs) ** 2).sum()
    least = n * k / 2 * (1 - (1 - mu) ** 2 * (1 - 1 / n)) * spread
    assert 0 <= float(drift.smoothed_information(PRIOR, pmfs, n, 1.0, 0)[0]) / least - 1 < above


def test_gaussian_loops_have_no_rate():
    """Twice the age halves what is left, of a mean and of a log-variance: a generation takes ever less."""
    mean = np.asarray(gaussian.mean_information(50, 20_000))
    np.testing.assert_allclose(mean[[9_999, 19_999]] / mean[[4_999, 9_999]], 0.5, rtol=5e-3)
    variance = np.asarray(gaussian.log_variance_information(5, 100))
    np.testing.assert_allclose(variance[99] / variance[49], 0.5, rtol=2e-2)
