"""Budgets of verdicts: capacity, the converse and its hypotheses, Fano, and the most that a fixed judge carries."""

from functools import partial
from itertools import product

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close, dit_information
from oracles import binary_entropy as h
from strategies import FEW, RATES, SEEDS, joints, many

import theory
from theory import budget, claims, drift

capacity, needed = jax.jit(budget.verifier_capacity), jax.jit(budget.information_needed)
blahut_arimoto = jax.jit(jax.vmap(partial(theory.capacity, max_iterations=1000)))  # its bounds hold all the same


@FEW
@given(SEEDS)
def test_capacity(seed):
    """C(φ,ψ) of the channel with rows (φ, 1−φ), (ψ, 1−ψ), between the bounds of Blahut–Arimoto."""
    channels = many(seed, (2, 2), 64)
    exact, bounds = capacity((channels[:, 0, 0], channels[:, 1, 0])), blahut_arimoto(channels)
    assert (bounds.lower - EXACT <= exact).all() and (exact <= bounds.upper + EXACT).all()


def test_capacity_in_closed_form():
    """Symmetric: ln 2 − h(ε); Z: ln(1 + (1−ψ) ψ^{ψ/(1−ψ)}); perfect: ln 2; none: 0; one call for all of them."""
    flip, psi = np.array([0.01, 0.1, 0.4]), np.array([0.1, 0.5, 0.9])
    close(budget.verifier_capacity((1 - flip, flip)), np.log(2) - h(flip))
    close(budget.verifier_capacity((1.0, psi)), np.log1p((1 - psi) * psi ** (psi / (1 - psi))))
    close(budget.verifier_capacity(([1, 0, 0.3, 0], [0, 1, 0.3, 0])), [np.log(2), np.log(2), 0, 0])
    pairs = budget.verifier_capacity(([[0.9], [0.3]], [0.2, 0.4, 0.6]))
    close(pairs, [[budget.verifier_capacity((a, b)) for b in (0.2, 0.4, 0.6)] for a in (0.9, 0.3)])


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9])
def test_capacity_of_a_small_gap(p):
    """C → (φ−ψ)²/(8p(1−p)) as φ − ψ → 0, and never 0 or NaN, also at 0 and 1, however near the rates are."""
    for gap, rtol in ((1e-7, 1e-8), (1e-11, 1e-4)):  # the gap itself is rounded by 1e-16
        probs = gap**2 / (8 * p * (1 - p))
        np.testing.assert_allclose(budget.verifier_capacity((p + gap / 2, p - gap / 2)), probs, rtol=rtol)
    edges = budget.verifier_capacity(([1, 1 - 2**-53, 0, 1e-300, np.nextafter(p, 1)], [1 - 2**-53, 1, 1e-300, 0, p]))
    assert (np.asarray(edges) > 0).all()


def test_one_verdict():
    """h(pφ+(1−p)ψ) − p h(φ) − (1−p) h(ψ) along logit p_t = logit p_0 + t ln(φ/ψ), and never above the capacity."""
    odds = 3 / 7 * 2.0 ** np.arange(1, 6)
    share = odds / (1 + odds)
    carried = budget.verdict((0.8, 0.4), share)
    close(carried, h(0.8 * share + 0.4 * (1 - share)) - share * h(0.8) - (1 - share) * h(0.4))
    near = partial(np.testing.assert_allclose, rtol=0, atol=5e-6)
    near(carried[:4], [0.08541, 0.08181, 0.06306, 0.04096])
    near(budget.verdict((0.8, 0.4), 0.3), 0.07112)
    grid = np.linspace(0, 1, 1001)
    best, most = budget.verdict((0.9, 0.2), grid).max(), budget.verifier_capacity((0.9, 0.2))
    assert most * (1 - 1e-5) < best <= most + EXACT  # the grid misses the top by 1e-3²


def test_item_capacities_and_their_twin():
    """Σ_i C(φ_i,ψ_i), of the rates of each item; those of the averaged rates are less, since C is convex."""
    a = np.array([[0.9, 0.3, 0.5], [0.2, 0.8, 0.5], [0.4, 0.6, 0.5]])
    items = budget.item_capacities(a)
    close(items, [theory.capacity([[p, 1 - p], [q, 1 - q]]).lower for p, q in ((0.9, 0.2), (0.8, 0.3), (0.5, 0.5))])
    high, low = a.max(0), a.min(0)
    assert items.mean() > budget.verifier_capacity((high.mean(), low.mean())) + 0.05


def test_shared_noise_twin():
    """The converse fails if verdicts share their noise: each alone carries nothing about the task, both together ln 2.

    Right are {1} or {1, 2}; one fair coin flips both verdicts.
    """
    together = np.zeros((2, 2, 2))  # [x, S_1, S_2]
    for task, correct in enumerate([(1, 0), (1, 1)]):
        for coin in (0, 1):
            together[task, correct[0] ^ coin, correct[1] ^ coin] += 1 / 4
    fresh = [0.5, 0.5]  # P(S_i = 1 | x), whatever the task
    close(budget.item_capacities([fresh, fresh]), 0)
    close([theory.mutual_information(together.sum(axis)) for axis in (1, 2)], 0)
    close(theory.mutual_information(together.reshape(2, 4)), np.log(2))


@pytest.mark.parametrize("verifier", [(0.9, 0.2), (0.6, 0.5), (0.2, 0.9)])
def test_verdicts(verifier):
    """⌈(I* − I_0)/C⌉: exact multiples are not rounded up, and nothing missing costs nothing."""
    nats = float(budget.verifier_capacity(verifier))
    for k in (1, 2, 3, 7, 1000):
        assert budget.verdicts(k * nats, verifier) == k
        assert budget.verdicts((k - 0.5) * nats + 0.1, verifier, start=0.1) == k
        assert budget.verdicts(k * nats + 1e-6, verifier) == k + 1
    assert budget.verdicts(0.3, verifier, start=0.3) == budget.verdicts(0.2, verifier, start=0.3) == 0
    assert type(budget.verdicts(np.float32(0.3), verifier)) is int
    single = np.float32(verifier)
    for k in (1, 3, 1000):  # exact multiples to the rounding of their dtype
        assert budget.verdicts(k * np.float32(budget.verifier_capacity(single)), single) == k


@given(joints((3, 4)))
def test_fano(joint):
    """I(X;Y) ≥ H(X) − h(P_e) − P_e ln(m−1), P_e the error of the best guess from Y."""
    error = max(0.0, 1 - joint.max(0).sum())
    assert needed(error, joint.sum(1)) <= theory.mutual_information(joint) + 1e-9  # h has slope 20 at a rounded error


def test_information_needed():
    """H(X) without error; ln 2 − h(P_e) for two equal tasks; 0 at a blind guess or worse; tight if symmetric."""
    prior = np.array([0.2, 0.3, 0.5])
    close(needed(0.0, prior), -(prior * np.log(prior)).sum())
    close(needed(0.1, [0.5, 0.5]), np.log(2) - h(0.1))
    symmetric = np.full((4, 4), 0.1 / 3) + (0.9 - 0.1 / 3) * np.eye(4)
    close(needed(0.1, np.full(4, 0.25)), theory.mutual_information(symmetric / 4))
    close([needed(0.75, np.full(4, 0.25)), needed(0.0, [1.0]), needed(1.0, [0.5, 0.5])], [0, 0, 0])


def judges(a):
    """P(J|x), J over all ways to accept or not, bit k for symbol k."""
    bits = np.array([b[::-1] for b in product((0, 1), repeat=a.shape[1])])
    return np.where(bits[None], a[:, None], 1 - a[:, None]).prod(2), bits


@given(st.lists(st.tuples(RATES, RATES, RATES), min_size=2, max_size=2), st.floats(1e-9, 1))
def test_fixed_total(acceptances, w):
    """I(X;J) ≤ H(X), J ∈ {0,1}^K one verdict on each symbol: P(J|x) = Π_k a_xk^{J_k} (1−a_xk)^{1−J_k}."""
    prior, a = np.array([w, 1 - w]), np.array(acceptances)
    probs, _ = judges(a)
    close(judge_distribution(a), probs)
    joint = prior[:, None] * probs
    product_law = np.broadcast_to(joint.sum(1, keepdims=True) * joint.sum(0), joint.shape)
    seen = joint > 0
    total = fixed_judge_total(prior, a)
    close(total, (joint[seen] * np.log(joint[seen] / product_law[seen])).sum())
    assert total <= -(prior * np.log(np.where(prior > 0, prior, 1))).sum() + EXACT


judge_distribution, fixed_judge_total = jax.jit(budget.judge_distribution), jax.jit(budget.fixed_judge_total)


def test_fixed_total_with_a_start():
    """I(X;J) = .4210 for (.9,.2) on the one or the other of two symbols; I(X;J|Z_0) against dit."""
    prior, a = np.array([0.5, 0.5]), np.array([[0.9, 0.2], [0.2, 0.9]])
    np.testing.assert_allclose(fixed_judge_total(prior, a), 0.4210, rtol=0, atol=5e-5)
    prior, first = np.array([0.3, 0.7]), np.array([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8]])
    table = prior[:, None, None] * judges(a)[0][:, :, None] * first[:, None]
    close(fixed_judge_total(prior, a, first), dit_information(table, [0], [1], [2]), atol=1e-9)  # dit's own rounding
    close(fixed_judge_total(prior, a, np.ones((2, 1))), fixed_judge_total(prior, a))
    assert fixed_judge_total(prior, a, np.eye(2)) == 0  # nothing is left to carry


def test_the_bound_of_a_fixed_judge():
    """I(X;Z_t) ≤ I(X;Z_0) + I(X;J|Z_0) for every t, in the mixture over J of selection chains, and near it at t = 1.

    Then the judges that accept or reject both symbols drift to one of them. Negative control: fresh verdicts pass it.
    """
    n, prior, a = 6, np.array([0.5, 0.5]), np.array([[0.9, 0.2], [0.2, 0.9]])
    probs, bits = judges(a)
    for starts in ([[0.5, 0.5], [0.5, 0.5]], [[0.7, 0.3], [0.4, 0.6]]):
        first = np.stack([drift.initial(n, p) for p in starts])
        each = np.stack([drift.distributions(first, drift.selection_kernel(n, b), 40) for b in bits])  # [j, t, x, s]
        joints = prior[:, None] * np.einsum("xj,jtxs->txs", probs, each)
        total = budget.fixed_judge_total(prior, a, first)
        slack = claims.fixed_reward_model(jax.vmap(theory.mutual_information)(joints), total)
        assert slack.min() >= -EXACT
        assert slack.min() < 0.2 * total
    first, soft = first[[0, 0]], np.array([[0.6, 0.4], [0.4, 0.6]])
    fresh = drift.information(prior, first, np.stack([drift.selection_kernel(n, row) for row in soft]), 40)
    assert claims.fixed_reward_model(fresh, budget.fixed_judge_total(prior, soft, first)).min() < -0.05


CASES = [(n, share) for n in (2, 5, 12) for share in (0.2, 0.5, 0.9)]


@FEW
@given(st.floats(0.05, 1), st.floats(0, 0.98))
def test_converse(phi, ratio):
    """The exact expected number of verdicts is at least (I_∞ − I_0)/C: no learner does better, nor does this one."""
    psi = phi * ratio
    sizes, shares = np.array(CASES).T
    end = budget.fixation(sizes.astype(int), (phi, psi), shares)
    correct = np.asarray(end.correct)
    # X says which of two symbols is correct, Z_0 has the same share of the correct one, so it knows X unless both are ½
    start = np.where(shares == 0.5, 0, np.log(2))
    final = np.log(2) - np.where((correct > 0) & (correct < 1), h(np.clip(correct, 1e-300, 1 - 1e-16)), 0)
    missing, spent = np.maximum(final - start, 0), np.asarray(end.verdicts) * (1 + EXACT)
    assert (missing <= float(budget.verifier_capacity((phi, psi))) * spent).all()
    tightest = (missing / spent).argmax()
    assert budget.verdicts(final[tightest], (phi, psi), start=start[tightest]) <= np.ceil(spent[tightest])
