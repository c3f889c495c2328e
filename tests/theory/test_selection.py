"""Selection, filtering, migration and mutation against scipy, enumeration in fractions, and the published numbers."""

from fractions import Fraction
from functools import partial
from itertools import product
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close, starts
from strategies import FEW, RATES, SEEDS, many, pmfs

import theory
from theory import budget, claims, drift

select, migrate, mutate = map(jax.jit, (drift.select, drift.migrate, drift.mutate))


@given(pmfs((4, 3)), st.tuples(RATES, RATES, RATES), RATES, pmfs((3,)))
def test_distributions_of_samples(z, acceptance, share, p):
    """z ↦ z·a / Σ z·a,  z ↦ (1−α) z + α p,  z ↦ (1−μ) z + μ/K: distributions from distributions."""
    a = np.array(acceptance)
    accepted = z * a
    total = accepted.sum(1, keepdims=True)
    expected = np.where(total > 0, accepted / np.where(total > 0, total, 1), z), (1 - share) * z + share * p
    for distributions, probs in zip((select(z, a), migrate(z, share, p)), expected, strict=True):
        close(distributions, probs)
        assert np.min(distributions) >= 0
    close(mutate(z, share), (1 - share) * z + share / 3)


def test_a_pseudocount_is_mutation():
    """Adding λ to each count of n samples is μ = λK/(n+λK)."""
    counts = np.array([[7, 2, 1], [0, 0, 10]])
    close(drift.mutate(counts / 10, 3 * 0.5 / (10 + 3 * 0.5)), (counts + 0.5) / (counts + 0.5).sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("n", "acceptance"), [(6, [0.9, 0.2]), (6, [0.0, 0.5]), (4, [0.3, 0.0, 0.8]), (4, [0.0, 0.0, 0.7]), (3, [0, 0])]
)
def test_selection_kernel(n, acceptance):
    """T(z, ·) = Multinomial(n, z·a / Σ z·a)/n; the row of a state of which nothing is accepted is the identity's."""
    counts, a = np.asarray(drift.lattice(n, len(acceptance))), np.array(acceptance)
    kernel = np.asarray(drift.selection_kernel(n, acceptance))
    accepted = counts * a
    stays = accepted.sum(1) == 0
    assert stays.any() == (0 in acceptance)
    np.testing.assert_array_equal(kernel[stays], np.eye(len(counts))[stays])
    distributions = accepted[~stays] / accepted[~stays].sum(1, keepdims=True)
    close(kernel[~stays], scipy.stats.multinomial.pmf(counts[None], n, distributions[:, None]))


def enumerated(n, probs, acceptance):
    """Where n proposals lead, in fractions: all proposals × all verdicts; None where nothing is accepted."""
    ends = {}
    for ys, accepts in product(product(range(len(probs)), repeat=n), product((0, 1), repeat=n)):
        verdicts = zip(ys, accepts, strict=True)
        weight = prod(probs[y] * (acceptance[y] if accept else 1 - acceptance[y]) for y, accept in verdicts)
        if not weight:
            continue
        counts = [sum(accept for y, accept in zip(ys, accepts, strict=True) if y == k) for k in range(len(probs))]
        end = tuple(Fraction(c, sum(counts)) for c in counts) if sum(counts) else None
        ends[end] = ends.get(end, 0) + weight
    return ends


@pytest.mark.parametrize(("n", "acceptance"), [(4, "9/10 1/5"), (4, "0 1/2"), (3, "1 1"), (2, "1/3 0 3/4")])
def test_filtering_kernel_by_enumeration(n, acceptance):
    """(A, rejected) ~ Multinomial(n, (z·a, 1 − Σ z·a)),  Z' = A/ΣA; the states are all a/b, b ≤ n, ascending."""
    a = [Fraction(x) for x in acceptance.split()]
    distributions = sorted(
        {tuple(Fraction(c, b) for c in row) for b in range(1, n + 1) for row in compositions(b, len(a))}
    )
    kernel, states = map(np.asarray, drift.filtering_kernel(n, [float(x) for x in a]))
    np.testing.assert_array_equal(states, np.array(distributions, float))
    np.testing.assert_array_equal(np.diag(kernel)[states.max(1) == 1], 1)  # a lost symbol does not come back: exactly
    for i, probs in enumerate(distributions):
        ends = enumerated(n, probs, a)
        expected = [float(ends.get(end, 0) + (ends.get(None, 0) if end == probs else 0)) for end in distributions]
        close(kernel[i], expected)


def compositions(n, k):
    return [c for c in np.ndindex(*[n + 1] * k) if sum(c) == n]


@pytest.mark.parametrize("num_real", [4, 3, None])
def test_filtering_initial(num_real):
    """Z_0 ~ Multinomial(m, p)/m on the states of the filtering chain."""
    p, n = [Fraction(3, 10), Fraction(7, 10)], 4
    ends = enumerated(num_real or n, p, [Fraction(1)] * 2)
    states = np.asarray(drift.filtering_kernel(n, [1, 1]).states)
    probs = np.asarray(drift.filtering_initial(n, [0.3, 0.7], num_real=num_real))
    expected = {float(end[0]): float(weight) for end, weight in ends.items()}
    close(probs, [next((w for z, w in expected.items() if abs(z - s) < EXACT), 0.0) for s in states[:, 0]])
    assert probs.sum() == pytest.approx(1, abs=EXACT)


@given(pmfs((2,)), st.tuples(RATES, RATES))
def test_distributions_sum_to_one(p, acceptance):
    """Σ p(z_t) = 1, and the symbol accepted more often does not become rarer on average."""
    kernel, states = drift.filtering_kernel(4, acceptance)
    distributions = np.asarray(drift.distributions(drift.filtering_initial(4, p)[None], kernel, 5))[:, 0]
    assert distributions.min() >= 0
    close(distributions.sum(1), 1)
    assert (np.diff(distributions @ np.asarray(states)[:, 0]) * np.sign(acceptance[0] - acceptance[1]) >= -EXACT).all()


@pytest.mark.slow
def test_published_endings():
    """n = 10, a = (.9, .2), Z_0 from 10 samples at p = .1: ends correct with .475 if filtered, .644 until kept."""
    accepted = starts(10, [[0.1, 0.9]]) @ drift.fixation_probabilities(drift.selection_kernel(10, [0.9, 0.2]))
    np.testing.assert_allclose(accepted[0, -1], 0.644, rtol=0, atol=5e-4)
    kernel, states = drift.filtering_kernel(10, [0.9, 0.2])
    filtered = drift.filtering_initial(10, [0.1, 0.9]) @ drift.fixation_probabilities(kernel)
    np.testing.assert_array_equal(states[-1], [1, 0])
    np.testing.assert_allclose(filtered[-1], 0.4759, rtol=0, atol=5e-5)


def test_blocks_are_lumpable():
    """a(y) = a([y]): the counts of the blocks are a selection chain, and shares within a block are martingales."""
    n, blocks, a = 5, [0, 1, 0, 1], np.array([0.9, 0.2])
    kernel = np.asarray(drift.selection_kernel(n, a[blocks]))
    place = np.asarray(drift.block_states(n, blocks))
    counts = np.asarray(drift.lattice(n, 4))
    np.testing.assert_array_equal(np.asarray(drift.lattice(n, 2))[place], counts[:, :2] + counts[:, 2:])
    lumped = kernel @ np.eye(n + 1)[place]
    np.testing.assert_allclose(lumped, np.asarray(drift.selection_kernel(n, a))[place], rtol=0, atol=4e-15)
    close(theory.coarsen(starts(n, [[0.1, 0.2, 0.3, 0.4]])[0], place, 0), starts(n, [[0.4, 0.6]])[0])
    alive = counts[:, [0, 2]].sum(1) > 0
    share = np.where(alive, counts[:, 0] / np.maximum(counts[:, [0, 2]].sum(1), 1), 0)
    survives = kernel @ alive
    close((kernel @ (share * alive))[alive], (share * survives)[alive])


def test_lumping_twin():
    """Not lumpable where the acceptance differs within a block: sources of one block lead to different targets."""
    place = np.asarray(drift.block_states(5, [0, 1, 0, 1]))
    lumped = np.asarray(drift.selection_kernel(5, [0.9, 0.2, 0.5, 0.2])) @ np.eye(6)[place]
    assert max(np.ptp(lumped[place == b], axis=0).max() for b in range(6)) > 0.1


def test_migration_keeps_information():
    """α > 0 with p_x: a limit > 0; the negative control: fresh samples that do not depend on the task."""
    n, p = 6, np.array([[0.2, 0.8], [0.6, 0.4]])
    z, first = drift.lattice(n, 2) / n, starts(n, p)
    fresh = np.stack([drift.multinomial_kernel(n, drift.migrate(z, 0.2, probs)) for probs in p])
    information = drift.information([0.5, 0.5], first, fresh, 100)
    close(information[-1], information[-2])
    assert information[-1] > 0.01
    closed = drift.multinomial_kernel(n, drift.migrate(z, 0.2, [0.4, 0.6]))
    assert drift.information([0.5, 0.5], first, closed, 60)[-1] < 1e-9


def nats(joint):
    """I of the first axis and the second, in nats."""
    terms = joint / (joint.sum(0, keepdims=True) * joint.sum(1, keepdims=True) + (joint == 0))
    return (joint * np.log(terms + (joint == 0))).sum()


def verdict_nats(prior, probs, states, a, n, candidates):
    """I(X;S|Z,D), or I(X;S|Z), by enumeration of ordered proposals and verdicts."""
    proposals, total = list(product(range(states.shape[1]), repeat=n)), 0.0
    bits = np.array(list(product((0, 1), repeat=n)))
    for s, z in enumerate(states):
        tables = []  # [x, d, s] given z
        for ys in proposals:
            accept, here = a[:, None, list(ys)], (prior * probs[:, s])[:, None] * z[list(ys)].prod()
            tables.append(here * np.where(bits[None], accept, 1 - accept).prod(2))
        tables = np.stack(tables, 1)
        for part in np.moveaxis(tables, 1, 0) if candidates else [tables.sum(1)]:
            if part.sum() > 0:
                total += part.sum() * nats(part / part.sum())
    return total


@pytest.mark.parametrize("candidates", [True, False])
@pytest.mark.parametrize("n", [2, 3])
def test_verdict_information_by_enumeration(n, candidates):
    """I(X;S_t|Z_t,D_t) and I(X;S_t|Z_t), over all proposals in order, and all verdicts."""
    prior, a = np.array([0.4, 0.6]), np.array([[0.9, 0.2], [0.3, 0.7]])
    states = np.asarray(drift.lattice(n, 2)) / n
    kernels = np.stack([drift.selection_kernel(n, row) for row in a])
    distributions = np.asarray(drift.distributions(starts(n, [[0.2, 0.8], [0.6, 0.4]]), kernels, 2))
    found = drift.verdict_information(prior, distributions, states, a, n, candidates=candidates)
    close(found, [verdict_nats(prior, probs, states, a, n, candidates) for probs in distributions])


N, STATES = 4, drift.filtering_kernel(4, [1, 1]).states


@jax.jit
@jax.vmap
def open_loop(prior, p, a):
    """I(X;Z_t), t = 0 … 3, and what entered, of one filtering loop with two tasks."""
    first = jax.vmap(partial(drift.filtering_initial, N))(p)
    kernels = jax.vmap(lambda a: drift.filtering_kernel(N, a).kernel)(a)
    distributions = drift.distributions(first, kernels, 3)
    seen = drift.verdict_information(prior, distributions, STATES, a, N)
    unseen = drift.verdict_information(prior, distributions, STATES, a, N, candidates=False)
    return drift.information(prior, first, kernels, 3), seen, unseen, budget.item_capacities(a)


@FEW
@given(SEEDS)
def test_injection(seed):
    """C4: I(X;Z_{t+1}) ≤ I(X;Z_t) + I(X;S_t|Z_t,D_t), and I(X;S|Z) ≤ I(X;S|Z,D) ≤ min(Σ_i n_i C_i, H(X))."""
    prior, p, a = many(seed, (2,), 32), many(seed + 1, (2, 2), 32), many(seed + 2, (2, 2, 2), 32)[..., 0]
    information, seen, unseen, capacities = map(np.asarray, open_loop(prior, p, a))
    for nats, entered in zip(information, seen, strict=True):
        assert claims.injection(nats, entered[:-1]).min() >= -EXACT
    assert (unseen <= seen + EXACT).all()
    assert (seen <= N * capacities.max(1, keepdims=True) + EXACT).all()
    entropies = -(prior * np.log(np.where(prior > 0, prior, 1))).sum(1)
    assert (seen <= entropies[:, None] + EXACT).all()


def test_injection_twin():
    """C4 fails without the candidates: Z_0 = ½, a = (1,.2) or (.2,1): I(X;S|Z) = 0, and yet Z_1 knows the task."""
    prior, a = [0.5, 0.5], [[1, 0.2], [0.2, 1]]
    first = np.zeros((2, 3))
    first[:, 1] = 1
    states = drift.lattice(2, 2) / 2
    information = drift.information(prior, first, np.stack([drift.selection_kernel(2, row) for row in a]), 1)
    blind = drift.verdict_information(prior, first[None], states, a, 1, candidates=False)
    close(blind, 0)
    assert information[1] > 0.1
    assert claims.injection(information, blind).min() < -0.1


def test_a_sweep_over_acceptances_is_one_call():
    a = jnp.array([[0.9, 0.2], [0.0, 0.5], [1.0, 1.0]])
    for kernel in (drift.selection_kernel, lambda n, a: drift.filtering_kernel(n, a).kernel):
        close(jax.vmap(partial(kernel, 3))(a), np.stack([kernel(3, row) for row in a]))
    close(drift.select([[0.5, 0.5]], np.float32([0.5, 1])), [[1 / 3, 2 / 3]])
