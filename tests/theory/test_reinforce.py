"""RLVR on a budget of verdicts: enumeration, a policy of the sandbox that is trained, closed forms, the law."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import EXACT, close
from scipy.optimize import brentq
from scipy.special import expit, logit

from sandbox.policies import GRPO, RLVR, Prompts, Table, train, verdict
from theory import policies

FAIR, STRICT, LENIENT, START = (0.8, 0.4), (0.1, 0.01), (0.99, 0.9), 0.3


def every_group(theta, group, verifier):
    """θ after one round from each θ, of each outcome (y, r) of a group, as autodiff would have it: (probs, moves)."""
    found = []
    for correct in itertools.product((0, 1), repeat=group):
        for accepted in itertools.product((0, 1), repeat=group):
            y, r, z = np.array(correct), np.array(accepted), expit(theta)
            rate = np.where(y, verifier[0], verifier[1])
            prob = np.prod(np.where(y, z, 1 - z)) * np.prod(np.where(r, rate, 1 - rate))
            found.append((prob, ((r - r.mean()) * (y - z)).sum() / (group - 1), r.std()))
    return np.array(found).T


def enumerated(verifier, rounds, group, step, standardised):
    """All paths: θ and its probabilities."""
    theta, probs = np.array([logit(START)]), np.ones(1)
    for _ in range(rounds):
        steps = [every_group(each, group, verifier) for each in theta]
        moves = [np.where(std > 0, c / np.where(std > 0, std, 1), 0) if standardised else c for _, c, std in steps]
        probs = np.concatenate([mass * each[0] for mass, each in zip(probs, steps, strict=True)])
        theta = np.concatenate([each + step * move for each, move in zip(theta, moves, strict=True)])
    return theta, probs


@pytest.mark.parametrize(("group", "rounds"), [(2, 3), (3, 2), (4, 1)])
def test_every_path(group, rounds):
    """E[1 − z] over all outcomes of all groups; a verdict that does not fill a group is not used."""
    theta, probs = enumerated(FAIR, rounds, group, 1.7, standardised=False)
    found = policies.reinforce(FAIR, START, rounds * group + 1, step=1.7, group=group)
    assert found.wrong == pytest.approx(probs @ expit(-theta), abs=EXACT)
    np.testing.assert_allclose(found.probs @ (found.log_odds - logit(START)), probs @ theta - logit(START), atol=1e-11)


def test_every_path_divided_by_sigma():
    """Off the grid mass is split: after a round its sum and the mean of θ are exact, E[1 − z] on a finer grid."""
    theta, probs = enumerated(FAIR, 1, 4, 1.7, standardised=True)
    once = policies.reinforce(FAIR, START, 4, step=1.7, group=4, standardised=True)
    assert once.probs.sum() == pytest.approx(1, abs=EXACT)
    assert once.probs @ (once.log_odds - logit(START)) == pytest.approx(probs @ theta - logit(START), abs=1e-11)
    theta, probs = enumerated(FAIR, 2, 3, 1.7, standardised=True)
    errors = [
        policies.reinforce(FAIR, START, 6, step=1.7, group=3, standardised=True, refine=fine).wrong
        - probs @ expit(-theta)
        for fine in (1, 4, 16, 64)
    ]
    assert abs(errors[0]) < 2e-3 and abs(errors[3]) < 1e-5 and abs(errors[3]) < abs(errors[1]) / 10


@pytest.mark.parametrize(
    ("method", "standardised"), [(RLVR(), False), pytest.param(GRPO(), True, marks=pytest.mark.slow)]
)
def test_chain_is_the_sandbox(method, standardised):
    """A table of two logits that `sandbox.train` trains on sampled groups: step = twice the learning rate."""
    prompts = Prompts(jnp.zeros((1, 1)), jnp.array([1]), jnp.ones((1, 1)), jnp.ones(1))
    table = Table(jnp.log(jnp.array([[[1 - START], [START]]])))
    feedback, step = verdict(2, 1, tpr=FAIR[0], fpr=FAIR[1]), 2.5

    def accuracy(key):
        sizes = {"num_rounds": 12, "num_samples": 4}
        return train(key, table, prompts, feedback, method, learning_rate=step / 2, **sizes).measured[-1]

    wrong = 1 - np.asarray(jax.vmap(accuracy)(jax.random.split(jax.random.key(0), 8_000)))
    exact = policies.reinforce(FAIR, START, 48, step=step, group=4, standardised=standardised, refine=8).wrong
    assert abs(wrong.mean() - exact) < 5 * wrong.std(ddof=1) / len(wrong) ** 0.5
    other = policies.reinforce(FAIR, START, 48, step=step, group=4, standardised=not standardised).wrong
    assert abs(wrong.mean() - other) > 10 * wrong.std(ddof=1) / len(wrong) ** 0.5


def test_groups_and_the_exact_mean():
    """One sample a round with the exact mean as its baseline, simulated at its best step: .0221, .0037 wrong.

    (.8, .4), p = .3, N = 100, 400: groups of 8 leave more, groups of 16 less.
    """
    eight, many = ([policies.best_step(FAIR, START, n, group=g).wrong for n in (100, 400)] for g in (8, 16))
    assert all(low < lead < high for low, lead, high in zip(many, (0.0221, 0.0037), eight, strict=True))


def test_mirrored_verifiers():
    """In pairs (φ, ψ) and (1−ψ, 1−φ) give one chain, and the division by σ is another step; in larger groups not."""
    for step in (0.5, 3.0):
        one, other = (policies.reinforce(rates, START, 300, step=step, group=2).probs for rates in (STRICT, LENIENT))
        np.testing.assert_allclose(one, other, atol=EXACT)
    plain = policies.reinforce(FAIR, START, 60, step=3.0, group=2).wrong
    halved = policies.reinforce(FAIR, START, 60, step=1.5, group=2, standardised=True).wrong
    assert halved == pytest.approx(plain, abs=EXACT)
    one, other = (policies.reinforce(rates, START, 304, step=30.0).wrong for rates in (STRICT, LENIENT))
    assert one > 1.2 * other


def test_long_runs_by_powers():
    """The power of the kernel is the product of its rounds."""
    slow = policies.reinforce(FAIR, START, 400, step=1.0, group=4)
    fast = policies.reinforce(FAIR, START, 40_000, step=4.0, group=2)
    assert slow.probs.sum() == pytest.approx(1) and fast.probs.sum() == pytest.approx(1)
    probs, z = np.zeros(fast.log_odds.size), expit(fast.log_odds)
    probs[fast.log_odds.size // 2] = 1
    up, down = (2 * z * (1 - z) * rate for rate in (0.8 * 0.6, 0.4 * 0.2))
    for _ in range(20_000):  # of pairs, of which one answer each is correct, and one verdict each accepts
        probs = probs * (1 - up - down) + np.roll(probs * up, 1) + np.roll(probs * down, -1)
    np.testing.assert_allclose(fast.probs, probs, atol=1e-11)


@pytest.mark.parametrize("verifier", [FAIR, STRICT, LENIENT, (0.6, 0.5)])
def test_rate_in_pairs(verifier):
    """(φ−ψ) ln[φ(1−ψ)/(ψ(1−φ))] = D(φ‖ψ) + D(ψ‖φ), with and without σ."""
    both = np.array([verifier, [1 - rate for rate in verifier]])
    jeffreys = ((both[:, 0] - both[:, 1]) * np.log(both[:, 0] / both[:, 1])).sum()
    for standardised in (False, True):
        found = policies.reinforce_rate(verifier, group=2, standardised=standardised)
        assert found == pytest.approx(jeffreys, rel=1e-9)


@pytest.mark.parametrize(("verifier", "group"), [(FAIR, 3), (STRICT, 8), (LENIENT, 8)])
def test_rate_in_groups(verifier, group):
    """J (G−1) ln w, w > 1 the root of ((1−φ) w^{G−1} + φ) (1−ψ+ψw)^{G−1} = w^{G−1}: one correct among wrong ones."""
    (phi, psi), m = verifier, group - 1
    power = np.polynomial.Polynomial([0, 1]) ** m
    roots = (((1 - phi) * power + phi) * np.polynomial.Polynomial([1 - psi, psi]) ** m - power).roots()
    (root,) = roots[(abs(roots.imag) < 1e-9) & (roots.real > 1.001)].real
    assert policies.reinforce_rate(verifier, group=group) == pytest.approx((phi - psi) * m * np.log(root), rel=1e-6)


def test_rate_divided_by_sigma():
    """E[c/σ] of three correct and one wrong, by enumeration; where E e^{−yc/σ} = 1 of one correct and three wrong."""

    def moves(correct):
        y, found = np.array(correct), []
        for accepted in itertools.product((0, 1), repeat=4):
            r, rate = np.array(accepted), np.where(y, *STRICT)
            c = ((r - r.mean()) * y).sum() / 3 / (r.std() or 1)
            found.append((np.prod(np.where(r, rate, 1 - rate)), c))
        return np.array(found).T

    (prob, c), (likely, moved) = moves([1, 1, 1, 0]), moves([1, 0, 0, 0])
    root = brentq(lambda y: likely @ np.exp(-y * moved) - 1, 1, 40)
    found = policies.reinforce_rate(STRICT, group=4, standardised=True)
    assert found == pytest.approx(prob @ c * root, rel=1e-9) and found != pytest.approx(likely @ moved * root, rel=1e-3)


@pytest.mark.parametrize(("verdicts", "tolerance"), [(10_000, 0.05), pytest.param(10**6, 0.02, marks=pytest.mark.slow)])
def test_law(verdicts, tolerance):
    """It is reached as N grows; 1/(N m y) alone is slower by far."""
    exact = policies.best_step(FAIR, START, verdicts, group=2)
    law = policies.reinforce_law(FAIR, START, verdicts, group=2)
    assert exact.wrong == pytest.approx(law.wrong, rel=tolerance) and exact.step == pytest.approx(law.step, rel=0.05)
    assert exact.wrong * verdicts * policies.reinforce_rate(FAIR, group=2) > 1.3


def test_the_first_term_of_the_law():
    """Once the answer is found, E e^{−θ} → 1/(N J step/2) in pairs: exact for self-similar walks, whatever the step."""
    for step in (1.0, 2.0):
        found = policies.reinforce((0.9, 0.1), 0.9, 10**5, step=step, group=2)
        assert found.wrong * 10**5 * 0.8 * step / 2 == pytest.approx(1, rel=1e-2)


def test_differing_pairs_are_a_bayesian():
    """All sequences of verdicts on two answers: the posterior that the first is correct, prior p, if it is."""
    phi, psi = FAIR
    wrong = ends = 0.0
    for a in itertools.product((0, 1), repeat=3):
        for b in itertools.product((0, 1), repeat=3):
            likely = [
                math.prod(np.where(a, x, 1 - x)) * math.prod(np.where(b, y, 1 - y)) for x, y in ((phi, psi), (psi, phi))
            ]
            wrong += likely[0] * likely[1] * (1 - START) / (likely[0] * START + likely[1] * (1 - START))
            ends += likely[0] * (sum(a) < sum(b)) + likely[0] * (1 - START) * (sum(a) == sum(b))
    step = 2 * math.log(phi * (1 - psi) / (psi * (1 - phi)))
    assert policies.differing_pairs(FAIR, START, 7, step=step) == pytest.approx(wrong, abs=EXACT)
    assert policies.differing_pairs(FAIR, START, 7) == pytest.approx(ends, abs=EXACT)


def test_limit_of_differing_pairs():
    """Its exponent is Bhattacharyya's, −ln(√(φψ) + √((1−φ)(1−ψ))) a verdict."""
    few, many = (policies.differing_pairs(FAIR, START, n) for n in (1000, 2000))
    slope = math.log(few / many) / 1000
    assert slope == pytest.approx(-math.log(math.sqrt(0.32) + math.sqrt(0.12)), rel=0.01)


def test_best_step():
    """No step nearby, and none of a wide scan, leaves less wrong."""
    best = policies.best_step((0.5, 0.1), START, 200)
    scan = [policies.reinforce((0.5, 0.1), START, 200, step=s).wrong for s in np.geomspace(best.step / 3, 200, 40)]
    assert best.wrong <= min(scan) * 1.0005
    assert best.wrong == pytest.approx(policies.reinforce((0.5, 0.1), START, 200, step=best.step).wrong, abs=EXACT)


def test_perfect_verifiers():
    """No update goes the wrong way where tpr = 1 or fpr = 0: large steps, and less than 1/N is left wrong."""
    for verifier in ((1.0, 0.4), (0.8, 0.0)):
        assert policies.best_step(verifier, START, 400).wrong < 1e-3


def test_rates_without_a_wrong_way():
    """A verifier that rejects nothing correct, or accepts nothing wrong: a lone correct answer never loses."""
    rates = [policies.reinforce_rate(verifier, group=2) for verifier in ((1.0, 0.3), (0.9, 0.0), (1.0, 0.0))]
    assert rates == [np.inf] * 3
    phi, psi = 1 - 1e-9, 0.3
    close(
        policies.reinforce_rate((phi, psi), group=2),
        (phi - psi) * np.log(phi * (1 - psi) / (psi * (1 - phi))),
        rtol=1e-6,
    )
    assert policies.reinforce_law((0.51, 0.5), 0.3, 100).wrong <= 1
