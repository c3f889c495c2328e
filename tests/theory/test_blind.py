"""A verifier with a blind spot: the lattice chain, enumeration, simulation, least action, and a search over all ROC."""

import math
from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest
from oracles import EXACT, close
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from theory import budget, drift

START = (0.2, 0.75, 0.05)


def by_lattice(n, acceptance, initial):
    """All kinds apart, by the kernel of `theory.drift`."""
    a, z = jnp.array(acceptance), drift.lattice(n, len(initial)) / n
    first = drift.multinomial_kernel(n, drift.select(jnp.array([initial]), a))[0]
    return first @ (drift.fixation_probabilities(drift.selection_kernel(n, a)) @ z)


@pytest.mark.parametrize(
    ("acceptance", "initial"),
    [
        ((0.9, 0.3, 1.0), START),
        ((1.0, 0.6, 1.0), START),
        ((0.5, 0.5, 0.5), START),
        ((0.9, 0.3, 0.9), (0.3, 0.3, 0.4)),
    ],
)
def test_ends_with(acceptance, initial):
    """Kinds with equal acceptance are lumped; the chain of all kinds is not."""
    found = budget.ends_with(8, acceptance, initial)
    close(found, by_lattice(8, acceptance, initial))
    close(found.sum(), 1)


def test_ends_with_kinds_that_are_not_there():
    """Of nothing at the start, or never accepted; two kinds are `success`; four by the lattice; many samples."""
    close(budget.ends_with(9, (0.8, 0.4, 1.0), (0.3, 0.7, 0.0))[0], budget.success(9, (0.8, 0.4), 0.3))
    close(budget.ends_with(9, (0.8, 0.0, 0.9), (0.2, 0.5, 0.3))[1], 0)
    close(budget.ends_with(4, (0.0, 1.0), (0.5, 0.5)), [0, 1])
    four = (0.9, 0.2, 0.5, 1.0), (0.1, 0.4, 0.3, 0.2)
    close(budget.ends_with(4, *four), by_lattice(4, *four))
    close(budget.ends_with(200, (1.0, 0.7, 1.0), START), [0.8, 0, 0.2])


def test_ends_with_by_simulation():
    """(.9, .3, 1): 40 000 loops of five samples."""
    rng, rates = np.random.default_rng(3), np.array([0.9, 0.3, 1.0])
    share = np.tile(START, (40_000, 1))
    while (running := share.max(1) < 1).any():
        accepted = share[running] * rates
        share[running] = rng.multinomial(5, accepted / accepted.sum(1, keepdims=True)) / 5
    found = np.asarray(budget.ends_with(5, rates, START))
    assert (abs(share.mean(0) - found) <= 5 * np.sqrt(found * (1 - found) / 40_000)).all()


@pytest.mark.parametrize(("n", "psi"), [(1, 0.3), (3, 0.6), (10, 0.8)])
def test_never_rejecting_is_exactly_a_product(n, psi):
    """φ = β = 1: p/(p+b) times the chance that not all of both are lost, with no term in 1/n; all kinds apart."""
    both = float(budget.success(n, (1.0, psi), 0.25))
    close(by_lattice(n, (1.0, psi, 1.0), START)[jnp.array([0, 2])], [0.8 * both, 0.2 * both])


def test_the_first_numbers():
    """φ = .9: best .705 at n = 5; .97: .766 at 7; φ = 1 has no best n."""
    for tpr, best, most in ((0.9, 5, 0.7049), (0.97, 7, 0.7656)):
        ends = {n: float(budget.ends_with(n, (tpr, 0.3, 1.0), START)[0]) for n in (3, 4, 5, 6, 7, 8, 9, 40)}
        assert max(ends, key=ends.__getitem__) == best
        assert ends[best] == pytest.approx(most, abs=5e-5)
    assert ends[40] == pytest.approx(0.5877, abs=5e-5)
    rises = [float(budget.ends_with(n, (1.0, 0.8, 1.0), START)[0]) for n in (1, 5, 20, 40)]
    assert (np.diff(rises) > 0).all() and rises[3] == pytest.approx(0.7917, abs=5e-5)


def least_action(acceptance, initial, rounds=14):
    """min Σ_t KL(z_{t+1}‖select(z_t)) + V(b'): paths of some rounds, after which hardly any other wrong output is left.

    Over log odds, by the gradient; V, of the two kinds that are left, by its series in s.
    """
    rates, s = np.array(acceptance), math.log(acceptance[2] / acceptance[0])

    def left(odds):
        q = expit(odds)
        value = 2 * s * q + s * s * q * (1 - q) / 3 + s**3 * (q / 9 - 7 * q * q * (3 - 2 * q) / 54)
        return value, q * (1 - q) * (2 * s + s * s * (1 - 2 * q) / 3 + s**3 * (1 / 9 - 7 * q * (1 - q) / 9))

    def action(free):
        logits = np.insert(free.reshape(rounds, 2), 0, 0.0, axis=1)
        path = np.exp(log_softmax(logits, axis=1))
        before = np.vstack([initial, path[:-1]])
        total = before @ rates
        log_ratio = np.log(path) - np.log(before * rates) + np.log(total)[:, None]
        slope = log_ratio + 1
        slope[:-1] += (rates / total[:, None] - path / before)[1:]
        slope = path * (slope - (path * slope).sum(1, keepdims=True))
        value, rise = left(free[-1])
        slope[-1, 2] += rise
        return (path * log_ratio).sum() + value, slope[:, 1:].ravel()

    odds = np.log(np.array(initial)[1:] / initial[0]) + np.arange(1, rounds + 1)[:, None] * np.log(rates[1:] / rates[0])
    return minimize(action, odds.ravel(), jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000}).fun


@pytest.mark.parametrize("rates", [(0.95, 0.3, 1.0), (0.9, 0.1, 1.0), (0.9, 0.3, 1.0), (0.85, 0.3, 0.95)])
def test_exponent_is_the_least_action(rates):
    """The large-deviation problem of three kinds, solved over paths."""
    strength = math.log(rates[2] / rates[0])
    found = budget.blind_exponent(rates[:2], START, blind=rates[2])
    close(found, least_action(rates, START), atol=0.12 * strength**3)
    without = float(budget.wrong_exponent((rates[2], rates[0]), 0.2))
    assert without - found > strength**3  # the other wrong outputs matter


def test_exponent_at_its_ends():
    """Two kinds alone; a blind spot that is accepted no more often than correct outputs; none."""
    close(budget.blind_exponent((0.9, 0.3), (0.8, 0.0, 0.2)), budget.wrong_exponent((1, 0.9), 0.2))
    for blind in (0.9, 0.5, 0.0):
        assert budget.blind_exponent((0.9, 0.3), START, blind=blind) == 0
    assert budget.blind_exponent((0.9, 0.3), (0.2, 0.8, 0.0)) == 0


@pytest.mark.parametrize("blind", [0.86, 0.9, 0.92])
def test_near_equal_acceptance_what_counts_is_n_times_the_selection(blind):
    """Kimura's u of the blind spot and the correct outputs, once the others are lost: n = 30, within .02."""
    found = budget.ends_with(30, (0.9, 0.1, blind), (0.3, 0.4, 0.3))[0]
    assert abs(found - budget.kimura(30, math.log(0.9 / blind), 0.5)) < 0.02


def test_roc():
    """Its area, and chance at ψ = φ; the ends of the curve."""
    fpr = np.linspace(0, 1, 100_001)
    for auc in (0.6, 0.9):
        assert np.trapezoid(np.asarray(budget.roc(auc, fpr)), fpr) == pytest.approx(auc, abs=1e-5)
    np.testing.assert_array_equal(budget.roc(0.9, [0.0, 1.0]), [0, 1])


@pytest.mark.parametrize(("auc", "n", "initial"), [(0.9, 6, START), (0.75, 3, (0.3, 0.5, 0.2))])
def test_best_threshold_against_all(auc, n, initial):
    """A fine grid of thresholds finds no better one, and one as good where it says."""
    best = budget.best_threshold(n, auc, initial)
    fpr = np.linspace(0.002, 0.998, 100)
    ends = [float(budget.ends_with(n, (t, f, 1.0), initial)[0]) for t, f in zip(budget.roc(auc, fpr), fpr, strict=True)]
    assert max(ends) <= best.accuracy + 1e-9
    assert best.accuracy - max(ends) < 1e-3 and abs(fpr[int(np.argmax(ends))] - best.fpr) < 0.02
    close(budget.roc(auc, best.fpr), best.tpr, atol=1e-9)
    close(budget.ends_with(n, (best.tpr, best.fpr, 1.0), initial)[0], best.accuracy, atol=1e-9)


def test_without_a_blind_spot_the_strictest_threshold_is_best():
    """Also if it is accepted as the other wrong outputs are at that threshold; not if it is always accepted."""
    strictest = 0.0013498980316300933  # Φ(−3)
    assert budget.best_threshold(8, 0.8, (0.25, 0.75, 0.0)).fpr == pytest.approx(strictest, rel=1e-9)
    assert budget.best_threshold(8, 0.8, START, blind=0.0).fpr == pytest.approx(strictest, rel=1e-9)
    assert budget.best_threshold(8, 0.8, START).fpr > 0.4


def test_what_the_statement_prints():
    """n = 20, AUC .9, at the best threshold (the rows find it) and others: with a blind spot, and without."""
    assert float(budget.roc(0.9, 0.677)) == pytest.approx(0.988, abs=5e-4)
    assert float(budget.success(20, (0.98846, 0.677), 0.25)) == pytest.approx(0.98, abs=1e-3)
    for fpr, ends in ((0.677, 0.759), (0.182, 0.24), (0.02, 0.0006)):
        rates = (float(budget.roc(0.9, fpr)), fpr, 1.0)
        assert float(budget.ends_with(20, rates, START)[0]) == pytest.approx(ends, rel=0.06)


@pytest.mark.parametrize("n", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_rule_at_many_samples(n):
    """The threshold with the largest product of the two chances, in chains of two kinds; AUC .9."""
    p, _, b = START
    tpr, fpr = budget.threshold_rule(n, 0.9, START)
    grid = fpr + np.linspace(-0.4, 0.4, 17) * (1 - fpr)
    rates = np.asarray(budget.roc(0.9, grid))
    ends = budget.success(n, (1.0, grid), p + b) * budget.success(n, (rates, 1.0), p / (p + b))
    assert 0.75 < (1 - tpr) / (1 - rates[int(np.argmax(ends))]) < 1.33


def test_rule_in_the_limit():
    """n (1 − φ) falls, yet more slowly than any power, and n (1 − ψ) grows."""
    small, large = (n * (1 - budget.threshold_rule(n, 0.9, START)[0]) for n in (10**4, 10**8))
    assert large < small / 10 and large > small * 1e-4
    reached = [n * (1 - budget.threshold_rule(n, 0.9, START)[1]) for n in (10**4, 10**8)]
    assert reached[1] > reached[0]


def test_the_worst_blind_spot_is_always_accepted_and_largest():
    """Every smaller one, or one that is accepted less often, leaves more accuracy: on a grid, not a proof."""
    for n, verifier in product((2, 9), ((0.9, 0.3), (0.6, 0.5), (1.0, 0.7))):
        ends = np.array(
            [
                [float(budget.ends_with(n, (*verifier, beta), (0.2, 0.8 - b, b))[0]) for beta in (0, 0.2, 0.55, 0.8, 1)]
                for b in (0.01, 0.05, 0.2, 0.5)
            ]
        )
        assert (np.diff(ends, axis=1) <= EXACT).all()
        assert (np.diff(ends[:, -1]) <= EXACT).all()
