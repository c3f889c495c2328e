"""How loops end: exact values against explicit kernels, hand iteration, closed forms and the published numbers."""

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close
from oracles import binary_entropy as h

from theory import budget, claims, drift


def explicit(n, phi, psi, share, until_kept):
    """correct, wrong, generations, verdicts from Z_0 ~ Binomial(n, share)/n, by iterating the chain."""
    if until_kept:
        kernel, z = drift.selection_kernel(n, [phi, psi]), np.arange(n + 1) / n
        probs = scipy.stats.binom.pmf(np.arange(n + 1), n, share)
        cost = n / (z * phi + (1 - z) * psi)
    else:
        kernel, states = drift.filtering_kernel(n, [phi, psi])
        z, probs = np.asarray(states)[:, 0], np.asarray(drift.filtering_initial(n, [share, 1 - share]))
        cost = np.full(len(z), float(n))
    kernel, moving = np.asarray(kernel), (z > 0) & (z < 1)
    generations = verdicts = 0.0
    for _ in range(1000):  # at most e^−50 is left
        generations, verdicts = generations + probs @ moving, verdicts + probs @ (cost * moving)
        probs = probs @ kernel
    return [probs[z == 1].sum(), probs[z == 0].sum(), generations, verdicts]


@pytest.mark.parametrize("until_kept", [True, False])
@pytest.mark.parametrize("verifier", [(0.9, 0.2), (0.3, 0.8), (1.0, 1.0)])
def test_fixation(verifier, until_kept):
    """P(correct), P(wrong), E τ and E N, each a sum over p(z_t); B and τ of the kernel itself."""
    end = budget.fixation(6, verifier, 0.3, num_real=6, until_kept=until_kept)
    np.testing.assert_allclose(np.stack(end), explicit(6, *verifier, 0.3, until_kept), rtol=1e-11)
    close(end.correct + end.wrong, 1)
    if until_kept:
        kernel, first = drift.selection_kernel(6, verifier), drift.initial(6, [0.3, 0.7])
    else:
        kernel, first = drift.filtering_kernel(6, verifier).kernel, drift.filtering_initial(6, [0.3, 0.7])
    close(end.correct, (first @ drift.fixation_probabilities(kernel))[-1])
    np.testing.assert_allclose(end.generations, first @ drift.fixation_time(kernel), rtol=1e-11)


@pytest.mark.parametrize("until_kept", [True, False])
def test_one_sample(until_kept):
    """n = 1: pφ/(pφ+(1−p)ψ) under both protocols, at 1/(pφ+(1−p)ψ) verdicts; φ = ψ: the start, for every n."""
    p, phi, psi = np.array([0.1, 0.5, 0.8]), 0.7, 0.2
    end = budget.fixation(1, (phi, psi), p, until_kept=until_kept)
    accepted = p * phi + (1 - p) * psi
    close(end.correct, p * phi / accepted)
    close(end.verdicts, 1 / accepted)
    close(end.generations, 1 if until_kept else 1 / accepted)
    close(budget.success(4, (0.3, 0.3), p, num_real=4, until_kept=until_kept), p)


def test_perfect_verifier():
    """ψ = 0: correct whenever one correct sample is there, 1 − (1−p)^m; until kept in one round of n/z verdicts."""
    m = np.array([1, 3, 8])
    for until_kept in (True, False):
        close(budget.success(4, (0.5, 0.0), 0.3, num_real=m, until_kept=until_kept), 1 - 0.7**m)
    end = budget.fixation(4, (0.5, 0.0), 0.3)
    close([end.correct, end.wrong, end.generations, end.verdicts], [1, 0, 1, 4 / 0.15])
    close(budget.success(4, (0.0, 0.5), [0.0, 0.3, 1.0]), [0, 0, 1])  # a share of 1 has nothing to lose to


@pytest.mark.slow
def test_broadcasting():
    """One call for a phase diagram gives what single calls give, whatever the dtypes and ranks."""
    n, phi, share = np.array([[2], [5]]), np.array([0.9, 0.6, 0.3]), 0.4
    many = budget.fixation(n, (phi, 0.3), share, num_real=3)
    for i, j in np.ndindex(2, 3):
        one = budget.fixation(int(n[i, 0]), (phi[j], 0.3), share, num_real=3)
        close([leaf[i, j] for leaf in many], np.stack(one))
    close(budget.success(5, (np.float32([0.5]), [0.25]), np.array([0.3])), budget.success(5, (0.5, 0.25), [0.3]))
    assert budget.kimura([[5], [6]], [0.1, 0.2, 0.3], 0.3, num_real=4).shape == (2, 3)


@given(st.floats(0.05, 1), st.floats(0.05, 0.9))
def test_only_the_ratio_matters_and_more_of_it_is_better(phi, ratio):
    """Until kept, P(correct) depends on ψ/φ alone, and falls in it; so does filtering's, at φ = 1."""
    correct = np.asarray(budget.success(5, ([1.0, phi, 1.0], [ratio, phi * ratio, ratio + 0.1]), 0.3, num_real=5))
    close(correct[0], correct[1])
    assert correct[0] > correct[2]


def test_published_numbers():
    """φ = 1, ψ = .99, n = 50, p = .6: .7122; ψ/φ at which a loop breaks even at p = .6: .884, .951 at n = 5, 50."""
    np.testing.assert_allclose(budget.success(50, (1, 0.99), 0.6, num_real=50), 0.7122, rtol=0, atol=5e-5)
    ratios = budget.break_even([5, 50], 0.6)
    np.testing.assert_allclose(ratios, [0.884, 0.951], rtol=0, atol=5e-4)
    for n, ratio in zip((5, 50), ratios, strict=True):
        table = scipy.stats.binom.pmf(np.arange(n + 1), n, [[0.6], [0.4]]) / 2
        seen = table.sum(0)
        start = (table * np.log(2 * table / seen)).sum()  # I(X; Binomial(n, ·))
        # 1e-9: one bisection of a slope of about one
        close(np.log(2) - h(budget.success(n, (1, ratio), 0.6, num_real=n)), start, atol=1e-9)


@pytest.mark.slow
def test_break_even_tends():
    """.975 at n = 400, nearer to the limit, .983, than n = 50."""
    limit, ratios = budget.break_even_limit(0.6), budget.break_even([50, 400], 0.6)
    np.testing.assert_allclose(ratios[1], 0.975, rtol=0, atol=5e-4)
    assert limit - ratios[1] < (limit - ratios[0]) / 3


@pytest.mark.slow
def test_break_even_of_filtering():
    """At that ratio the filtering chain, run to its end, knows what it knew initially."""
    n, p = 5, 0.6
    ratio = float(budget.break_even(n, p, until_kept=False))
    chains = [drift.filtering_kernel(n, np.array(a)).kernel for a in ((1, ratio), (ratio, 1))]
    starts = np.stack([drift.filtering_initial(n, probs) for probs in ([p, 1 - p], [1 - p, p])])
    information = drift.information([0.5, 0.5], starts, np.stack(chains), 2000)
    close(information[-1], information[0])
    assert ratio < float(budget.break_even(n, p))


def test_break_even_limit():
    """Both missing informations fall with one exponent; 1 at p = ½; under jit 0 where there is none."""
    for p in (0.21, 0.3, 0.95):
        limit = float(budget.break_even_limit(p))
        few, many = -np.log(budget.fixation([100, 200], (1, limit), p, num_real=[100, 200]).wrong)
        close((many - few) / 100, -np.log(4 * p * (1 - p)) / 2, atol=3e-5)
    close(budget.break_even_limit([0.5, 0.6]), [1, 0.98303857597], atol=1e-10)
    close(jax.jit(budget.break_even_limit)(np.array([0.1, 0.2, 0.25, 1.0])), [0, 0, 0.69542472716, 0], atol=1e-10)


def test_break_even_where_nearly_nothing_is_missing():
    """(p/(1−p))^n overflows at p = .95, n = 300; the ratio still rises to its limit."""
    ratios = np.asarray(budget.break_even([150, 250], 0.95))
    assert ratios[0] < ratios[1] and 0.62 < ratios[1] < float(budget.break_even_limit(0.95))


@pytest.mark.parametrize("until_kept", [True, False])
def test_accuracy(until_kept):
    """The largest ψ/φ that ends correct as often as is wanted: the inverse of `success`; 1 where none is needed."""
    wanted = np.array([0.5, 0.8, 0.2])
    ratio = budget.accuracy(4, 0.3, wanted, num_real=9, until_kept=until_kept)
    back = budget.success(4, (1.0, ratio), 0.3, num_real=9, until_kept=until_kept)
    close(back[:2], wanted[:2])
    assert ratio[2] == 1 and (ratio[:2] < 1).all()


def kimura(n, s, p, m=None):
    """In long double, where e^{±2ns} is finite."""
    n, s, p = map(np.longdouble, (n, s, p))
    start = np.exp(-2 * n * s * p) if m is None else (1 - p + p * np.exp(-2 * n * s / m)) ** m
    return float((1 - start) / (1 - np.exp(-2 * n * s)))


def test_kimura():
    """u = (1 − e^{−2nsp})/(1 − e^{−2ns}), its average over Binomial(m, p)/m, for either sign, 0, and huge n s."""
    for s in (0.3, -0.3, 1e-3, -1e-3, 2.0, -2.0):
        np.testing.assert_allclose(budget.kimura(30, s, 0.2), kimura(30, s, 0.2), rtol=1e-12)
        np.testing.assert_allclose(budget.kimura(30, s, 0.2, num_real=7), kimura(30, s, 0.2, 7), rtol=1e-10)
    close(budget.kimura(10**9, [5.0, -5.0, 0.0], 0.3), [1, 0, 0.3])
    close(budget.kimura(10**9, [5.0, -5.0, 0.0], 0.3, num_real=2), [1 - 0.7**2, 0.3**2, 0.3])
    close(budget.kimura(5, [1.0, 1.0, -1.0], [0.0, 1.0, 1.0]), [0, 1, 1])
    close(budget.kimura(5, [1e308, 1e308, -1e308], [0.0, 0.3, 1.0]), [0, 1, 1])  # where n s overflows


def test_kimura_is_near_and_its_twin():
    """Within .007 of the exact value for s ≤ .12; at s = 1.1 it is not, but within .06."""
    share = np.array([0.02, 0.1, 0.3, 0.6, 0.9])
    selection = np.array([[0.02], [0.12], [1.1]])
    exact = budget.success(50, (1.0, np.exp(-selection)), share)
    error = np.abs(exact - budget.kimura(50, selection, share)).max(1)
    assert error[:2].max() < 0.007 < error[2] < 0.06


@given(st.floats(0, 1), st.floats(0.01, 1), st.floats(0.01, 1))
def test_candidates(p, phi, psi):
    """C6: P(the correct symbol is in the support of Z_0) ≥ P(the loop ends at it)."""
    correct = budget.success(5, (phi, psi), p, num_real=5)
    assert claims.candidates(correct, 1 - (1 - p) ** 5) >= -EXACT


def test_candidates_twin():
    """C6 fails with fresh candidates: a loop that a share of real samples enters regains what Z_0 had lost."""
    states = drift.lattice(5, 2) / 5
    kernel = drift.multinomial_kernel(5, drift.migrate(drift.select(states, [1.0, 0.1]), 0.1, [0.2, 0.8]))
    probs = drift.distributions(drift.initial(5, [0.2, 0.8])[None], kernel, 50)[-1, 0]
    assert claims.candidates(probs @ states[:, 0], 1 - 0.8**5) < -0.1
    close(claims.candidates([[0.1], [0.2]], [0.3, 0.4]), [[0.2, 0.3], [0.1, 0.2]])
