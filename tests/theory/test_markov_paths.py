"""Statistics of paths and how many paths have them, by enumeration, in integers and by hand."""

import itertools
from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from oracles import ALPHA, close, every_path, statistic

from theory import markov
from theory.markov import paths


@pytest.mark.parametrize("n", range(1, 9))
def test_path_counts(n):
    expected = defaultdict(int)
    for path in every_path(n):
        expected[statistic(path)] += 1
    states = markov.path_counts(n)
    found = dict(zip(map(tuple, states.rows().tolist()), np.exp(states.log_paths), strict=True))
    assert set(found) == set(expected)
    assert len(states.first) == n * n - n + 2
    close([found[row] for row in expected], list(expected.values()))
    np.testing.assert_array_equal(states.first, states.rows()[:, 1])


@pytest.mark.parametrize("n", [2, 3, 5])
def test_kept_counts(n):
    patterns = list(itertools.product([0, 1], repeat=n))
    expected = sorted({statistic(path, accepted) for path in every_path(n) for accepted in patterns})
    states = markov.accepted_counts(n)
    np.testing.assert_array_equal(states.rows(), expected)
    np.testing.assert_array_equal(paths.index(states, states.rows()), np.arange(len(expected)))


@pytest.mark.parametrize(("n", "num_real"), [(2, 1), (5, 1), (5, 2), (6, 5)])
def test_fresh_counts(n, num_real):
    expected = {statistic(path) for path in every_path(n)}
    for real, own in itertools.product(every_path(num_real), every_path(n - num_real)):
        expected.add(tuple(np.add(statistic(real), statistic(own)).tolist()))
    states = markov.fresh_counts(n, num_real)
    np.testing.assert_array_equal(states.rows(), sorted(expected))
    np.testing.assert_array_equal(paths.index(states, states.rows()), np.arange(len(expected)))


@pytest.mark.parametrize(("k", "n"), [(2, 1), (2, 7), (3, 1), (3, 2), (3, 5), (3, 7), (4, 5)])
def test_log_num_paths(k, n):
    """Every table of transitions that a path has, with either end moved too."""
    expected = defaultdict(int)
    for path in every_path(n, k):
        counts = np.zeros((k, k), int)
        np.add.at(counts, (path[:-1], path[1:]), 1)
        expected[counts.tobytes(), path[0], path[-1]] += 1
    tables = np.array([np.frombuffer(counts, int).reshape(k, k) for counts in {key[0] for key in expected}])
    for first, last in itertools.product(range(k), repeat=2):
        counts = [expected.get((table.tobytes(), first, last), 0) for table in tables]
        np.testing.assert_allclose(np.exp(markov.log_num_paths(tables, first, last)), counts, rtol=1e-12, atol=0)


def test_log_num_paths_of_tables_without_a_path():
    """Two parts without a transition between them, whose determinant is 1e-7 or 1e5 by rounding."""
    within = scipy.linalg.block_diag([[56, 79], [79, 20]], [[18, 103, 113], [103, 18, 94], [113, 94, 80]])
    assert np.isneginf(markov.log_num_paths([within, 1000 * within], 0, 0)).all()
    apart = [[[0, 1, 0], [1, 0, 0], [0, 0, 2]], [[2, 0, 0], [0, 0, 3], [0, 3, 0]], [[0, 2, 0], [0, 0, 0], [0] * 3]]
    assert np.isneginf(markov.log_num_paths(apart, 0, [0, 0, 1])).all()


def test_log_num_paths_agrees_with_runs():
    states = markov.path_counts(60)
    last = (states.first + states.counts[:, 0, 1] + states.counts[:, 1, 0]) % 2
    np.testing.assert_allclose(markov.log_num_paths(states.counts, states.first, last), states.log_paths, atol=1e-11)


def test_smallest_gap_by_hand():
    """n = 3: rows of sum 0, 1, 2; and brute force over three symbols."""
    values = np.sort([0.3 / 1, 0.3 / 2, 1.3 / 2, 0.3 / 3, 1.3 / 3, 2.3 / 3])
    np.testing.assert_allclose(markov.smallest_gap([0.3, 0.7], 3), np.diff(values).min(), rtol=1e-12)
    alpha = np.array([0.2, 0.5, 1.1])
    counts = [c for c in itertools.product(range(5), repeat=3) if sum(c) <= 4]
    rows = [(c + alpha) / (c + alpha).sum() for c in np.array(counts)]
    gap = min(np.abs(p - q).max() for p, q in itertools.combinations(rows, 2))
    np.testing.assert_allclose(markov.smallest_gap(alpha, 5), gap, rtol=1e-12)


def test_irrational_pseudo_counts_are_injective():
    """No two of 5050 rows are equal, nor of 171,700; equal pseudo-counts, or hundredths, are not so."""
    assert markov.smallest_gap(ALPHA, 100) > 4e-8
    assert markov.smallest_gap([np.sqrt(2) / 2, np.sqrt(3) - 1, np.sqrt(5) - 2], 100) > 7e-6
    assert markov.smallest_gap([0.5, 0.5], 3) < 1e-15
    assert markov.smallest_gap([0.5, 0.5, 0.5], 4) < 1e-15
    assert markov.smallest_gap([0.31, 0.47], 100) < 1e-15


def exact_cofactor(counts, last):
    """det of N_i 1[i=j] − N_ij without the last state, in integers."""
    left = [i for i in range(len(counts)) if i != last]
    matrix = [[Fraction(sum(counts[i]) * (i == j) - counts[i][j]) for j in left] for i in left]
    det = Fraction(1)
    for i in range(len(matrix)):
        det *= matrix[i][i]
        for j in range(i + 1, len(matrix)):
            factor = matrix[j][i] / matrix[i][i]
            matrix[j] = [a - factor * b for a, b in zip(matrix[j], matrix[i], strict=True)]
    return det


def test_log_num_paths_of_nearly_decomposable_tables():
    """Transitions between two halves 1e-12 times as many as within: by elimination in integers; any integer dtype."""
    n = 10**12
    counts = [[n, n, 1, 0], [n, n, 0, 1], [1, 0, n, n], [0, 1, n, n]]
    total = sum(counts[0])
    logs = 4 * (scipy.special.gammaln(total + 1) - 2 * scipy.special.gammaln(n + 1)) - 3 * np.log(total)
    exact = float(np.log(float(exact_cofactor(counts, 0))))
    found = markov.log_num_paths(counts, 0, 0) - logs
    np.testing.assert_allclose(found, exact, atol=0.5)  # 1e-13 of ln N!
    exits = paths._log_last_exits(np.array(counts, float), np.eye(4, dtype=bool)[0])
    np.testing.assert_allclose(exits, exact, rtol=1e-14)
    small = np.array([[255, 1], [1, 3]])
    assert markov.log_num_paths(small.astype(np.uint8), 0, 0) == markov.log_num_paths(small, 0, 0)
