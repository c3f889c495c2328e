"""One of c candidates is correct: no policy beats the lower bound, and a judge of c candidates against its table."""

from functools import cache

import jax
import numpy as np
import pytest
from oracles import EXACT, close
from scipy.integrate import quad
from scipy.special import rel_entr

from theory import budget


def best_policy(c, verifier, price, horizon):
    """E[N] and the error of the policy that minimises E[N] + price · error, by dynamic programming over the counts.

    A state is how often each candidate was accepted and rejected, in order, since candidates are exchangeable.
    """
    rates = np.array(verifier), 1 - np.array(verifier)  # [correct, wrong] to be accepted, rejected

    @cache
    def value(state, left):
        weight = np.array([np.prod([(r[0] / r[1]) ** k for r, k in zip(rates, each, strict=True)]) for each in state])
        post = weight / weight.sum()
        options = [(price * (1 - post.max()), 0.0, 1 - post.max())]
        for i in range(c if left else 0):
            total = np.array([1.0, 1.0, 0.0])
            for verdict in (0, 1):
                chance = post[i] * rates[verdict][0] + (1 - post[i]) * rates[verdict][1]
                after = list(state)
                after[i] = tuple(k + (j == verdict) for j, k in enumerate(after[i]))
                total = total + chance * np.array(value(tuple(sorted(after)), left - 1))
            options.append(tuple(total))
        return min(options)

    return value(((0, 0),) * c, horizon)[1:]


@pytest.mark.parametrize(("c", "horizon"), [(2, 12), (3, 8), (4, 6)])
@pytest.mark.parametrize("verifier", [(0.9, 0.3), (0.98, 0.05), (0.6, 0.01), (0.1, 0.8)])
def test_no_policy_needs_fewer_verdicts(c, horizon, verifier):
    """The best policies of all errors, and what they reach."""
    found = [best_policy(c, verifier, price, horizon) for price in (3.0, 10.0, 40.0, 1000.0)]
    used, wrong = np.array(found).T
    assert used[-1] > used[0] and wrong[-1] < wrong[0]
    assert (used >= np.asarray(budget.candidate_verdicts(c, verifier, wrong)) - EXACT).all()


@pytest.mark.parametrize("c", [2, 3, 4])
def test_the_best_policy_of_a_perfect_verifier(c):
    """One candidate after the other, the last unseen: (c+2)(c−1)/2c verdicts, at most (c+2)/(c−1) the bound."""
    used, _ = best_policy(c, (1 - 1e-12, 1e-12), 1e6, c)
    close(used, (c + 2) * (c - 1) / (2 * c), atol=1e-9)
    close(budget.candidate_verdicts(c, (1.0, 0.0), 0.0), (c - 1) ** 2 / (2 * c))


def test_a_policy_on_sets_of_candidates_needs_fewer():
    """A perfect verifier and sets: ln c/ln 2 verdicts, where one candidate each takes at least (c−1)²/2c."""
    assert np.log2(64) < budget.candidate_verdicts(64, (1.0, 0.0), 0.0) / 5


def test_the_bound_is_the_integral():
    """c/D(ψ‖φ) ∫ d(1/c‖s) ds by quadrature, and c (1 − δ + δ ln δ)/D for many candidates."""
    for c, phi, psi, delta in ((2, 0.9, 0.3, 0.01), (64, 0.9, 0.3, 0.05), (1000, 0.6, 0.5, 0.2)):
        nats = rel_entr(psi, phi) + rel_entr(1 - psi, 1 - phi)

        def divergence(s, q=1 / c):
            return rel_entr(q, s) + rel_entr(1 - q, 1 - s)

        area = quad(divergence, 1 / c, 1 - delta)[0]
        expected = max(c * area / nats, (c * (1 - delta) - 1) ** 2 / (2 * c))
        np.testing.assert_allclose(budget.candidate_verdicts(c, (phi, psi), delta), expected, rtol=1e-9)
    nats = rel_entr(0.3, 0.9) + rel_entr(0.7, 0.1)
    many = budget.candidate_verdicts(10**6, (0.9, 0.3), 0.05) / 1e6
    np.testing.assert_allclose(many, (0.95 + 0.05 * np.log(0.05)) / nats, rtol=1e-4)


def test_nothing_is_asked_for_a_guess():
    """δ ≥ 1 − 1/c; and a verifier that carries nothing reaches nothing more."""
    close(budget.candidate_verdicts(4, (0.5, 0.5), [0.75, 1.0]), 0)
    close(budget.candidate_verdicts(1, (0.9, 0.3), 0.0), 0)
    with pytest.raises(ValueError, match="verifier: tpr = fpr was given"):
        budget.candidate_verdicts(4, (0.5, 0.5), 0.1)


@pytest.mark.parametrize(
    "verifier", [(0.9, 0.2), (0.2, 0.9), (0.5, 0.0), (1.0, 0.3), (1.0, 0.0), (0.4, 0.4), (0.0, 0.7)]
)
def test_a_judge_of_candidates_against_the_table_of_all_judges(verifier):
    for c in (1, 2, 5):
        table = np.where(np.eye(c) > 0, *verifier)
        close(budget.candidate_judge_total(verifier, c), budget.fixed_judge_total(np.full(c, 1 / c), table))


def test_many_candidates_are_worth_the_divergence():
    """I(X;J)/C at (.9, .2): 1.53, 2.25, 2.68, 3.41, 3.79, 4.07, → D(φ‖ψ)/C = 4.155; at (.99, .01) → 7.1; never more."""
    total = jax.jit(budget.candidate_judge_total, static_argnums=1)
    for verifier, limit in (((0.9, 0.2), 4.155), ((0.99, 0.01), 7.1)):
        most = float(rel_entr(*verifier) + rel_entr(1 - verifier[0], 1 - verifier[1]))
        capacity = float(budget.verifier_capacity(verifier))
        assert most / capacity == pytest.approx(limit, rel=0.01)
        worth = np.array([total(verifier, c) for c in (2, 3, 4, 8, 16, 64, 10_000)])
        assert (np.diff(worth) > 0).all() and most * 0.99 < worth[-1] < most
        if limit < 5:
            np.testing.assert_allclose(worth[:6] / capacity, [1.527, 2.25, 2.68, 3.41, 3.79, 4.07], atol=5e-3)
