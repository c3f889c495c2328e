"""Entropy, divergence and information against dit, 50-digit arithmetic, finite differences and the theorems."""

from decimal import Decimal, getcontext

import dit
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from oracles import EXACT, as_dit, close, dit_information
from strategies import FEW, SEEDS, joints, many, pmfs

import theory

entropy, kl, mi, cmi = map(
    jax.jit, (theory.entropy, theory.kl_divergence, theory.mutual_information, theory.conditional_mutual_information)
)


def random_joint(shape, seed, zeros=0.3):
    rng = np.random.default_rng(seed)
    table = rng.gamma(0.5, size=shape) * (rng.random(shape) > zeros)
    return table / table.sum()


@pytest.mark.parametrize("seed", range(5))
def test_dit_agrees(seed):
    joint = random_joint((3, 4, 2), seed)
    close(entropy(joint), dit.shannon.entropy(as_dit(joint)) * np.log(2))
    close(mi(joint.sum(2)), dit_information(joint, [0], [1]))
    close(cmi(joint), dit_information(joint, [0], [1], [2]))
    p, q = random_joint((5,), seed, zeros=0.4), random_joint((5,), seed + 100, zeros=0)
    close(kl(p, q), dit.divergences.kullback_leibler_divergence(as_dit(p), as_dit(q)) * np.log(2))


def test_known_values():
    close(theory.entropy([[0.25, 0.25], [0.25, 0.25]]), 2 * np.log(2))
    assert theory.entropy([1, 0]) == 0
    close(theory.kl_divergence([0.5, 0.5], [0.25, 0.75]), np.log(2) - np.log(3) / 2)
    assert theory.kl_divergence([0.5, 0.5], [1, 0]) == np.inf
    close(theory.kl_divergence([1, 0], [0.5, 0.5]), np.log(2))
    xor = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]]]) / 4
    assert theory.mutual_information(xor.sum(2)) == 0
    close(theory.conditional_mutual_information(xor), np.log(2))


@pytest.mark.parametrize("excess", ["1e-2", "1e-4", "3e-5", "1e-7"])
def test_small_information_keeps_its_digits(excess):
    """I of the table ¼ ± e, about 8e²: down to 8e-14, where a difference of entropies has no digit left."""
    getcontext().prec = 50
    e = Decimal(float(excess))
    up, down = (Decimal(1) / 4 + e), (Decimal(1) / 4 - e)
    expected = float(2 * up * (4 * up).ln() + 2 * down * (4 * down).ln())
    up, down = 0.25 + float(excess), 0.25 - float(excess)
    # the table itself is rounded to 1e-17, which moves the information by 1e-17/e relatively
    close(mi(jnp.array([[up, down], [down, up]])), expected, rtol=4e-16 / float(excess), atol=0)


def test_far_tails_keep_their_digits():
    """A cell whose probability is 1e-30 of the product of its marginals counts q, and no less."""
    joint = jnp.array([[0.5, 1e-30], [1e-30, 0.5]])
    close(mi(joint), np.log(2))
    close(kl(jnp.array([1e-30, 1.0]), jnp.array([0.5, 0.5])), np.log(2))


@pytest.mark.parametrize(("dtype", "tiny"), [("float32", 1e-40), ("float64", 1e-310), ("float16", 6e-8)])
def test_subnormal_probabilities_are_not_zero(dtype, tiny):
    """D((½,½)‖(1,ε)) = ½ ln ½ + ½ ln ½/ε, 45.36 at ε = 1e-40 in float32, and D((1,ε)‖(½,½)) = ln 2."""
    even, rare = np.array([0.5, 0.5], dtype), np.array([1, tiny], dtype)
    expected = np.log(0.5) - np.log(float(rare[1])) / 2
    found = theory.kl_divergence(even, rare), theory.kl_divergence(rare, even)
    assert {f.dtype for f in found} == {np.result_type(dtype, "float32")}
    np.testing.assert_allclose(found, [expected, np.log(2)], rtol=4 * np.finfo(dtype).eps)
    assert dtype != "float32" or round(float(found[0]), 2) == 45.36


def test_information_is_finite_where_a_product_underflows():
    """p(x)p(y) = 1e-310 is zero on most machines, p(x,y) = 1e-160 is not; the cell counts next to nothing."""
    joint = jnp.array([[1.0, 0.0], [0.0, 1e-160]])
    close([mi(joint), cmi(joint[:, :, None])], 0)
    assert np.isfinite(jax.grad(mi)(joint)).all()


@pytest.mark.parametrize(("dtype", "most"), [(float, 1e-28), (np.float32, 1e-12)])
@FEW
@given(seed=SEEDS)
def test_independence(seed, dtype, most):
    """I(X;Y) = 0 where X ⟂ Y, from above: never negative, which a difference of entropies is for a third of them."""
    x, y = (many(s, (n,)).astype(dtype) for s, n in ((seed, 5), (seed + 1, 6)))
    values = jax.vmap(mi)(x[:, :, None] * y[:, None, :])
    assert values.min() >= 0 and values.max() < most


@given(joints((3, 4)))
def test_information_is_symmetric_and_bounded(joint):
    """0 ≤ I(X;Y) = I(Y;X) ≤ min(H(X), H(Y))."""
    value = mi(joint)
    assert value >= 0
    close(value, mi(joint.T))
    assert value <= min(entropy(joint.sum(0)), entropy(joint.sum(1))) + EXACT


@given(joints((3, 4)))
def test_information_from_entropies(joint):
    """I(X;Y) = H(X) + H(Y) − H(X,Y)."""
    close(mi(joint), entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint))


@given(joints((2, 3, 4)))
def test_chain_rule(joint):
    """I(X;Y,Z) = I(X;Z) + I(X;Y|Z)."""
    close(mi(joint.reshape(2, 12)), mi(joint.sum(1)) + cmi(joint))


@given(joints((2, 3, 4)))
def test_conditional_information_is_an_average(joint):
    """I(X;Y|Z) = Σ_z p(z) I(X;Y|Z=z)."""
    mass = joint.sum((0, 1))
    average = sum(m * mi(joint[:, :, z] / m) for z, m in enumerate(mass) if m > 0)
    close(cmi(joint), average)


@given(pmfs((2, 5)))
def test_gibbs_and_pinsker(distributions):
    """D(p‖q) ≥ ½ ‖p−q‖₁², and D(p‖p) = 0."""
    p, q = distributions
    assert kl(p, q) >= np.abs(p - q).sum() ** 2 / 2 - EXACT
    assert kl(p, p) == 0


@given(pmfs((2, 5)), pmfs((2, 5)))
def test_divergence_is_jointly_convex(p, q):
    """D(½(p+p')‖½(q+q')) ≤ ½ D(p‖q) + ½ D(p'‖q')."""
    assert kl(p.mean(0), q.mean(0)) <= (kl(p[0], q[0]) + kl(p[1], q[1])) / 2 + EXACT


@given(pmfs((6,)))
def test_entropy_bounds(pmf):
    """0 ≤ H(X) ≤ ln |X|."""
    assert 0 <= entropy(pmf) <= np.log(6) + EXACT


@given(joints((3, 5)))
def test_coarsening_loses(joint):
    """I(X;[Y]) ≤ I(X;Y),  and  I(X;Y) = I(X;[Y]) + I(X;Y|[Y])."""
    blocks = np.array([0, 2, 1, 0, 2])
    coarse = theory.coarsen(jnp.asarray(joint), blocks, 1)
    within = cmi(jnp.asarray(joint[:, :, None] * (blocks[:, None] == np.arange(3))[None]))
    assert mi(coarse) <= mi(joint) + EXACT
    close(mi(joint), mi(coarse) + within)


def test_coarsen():
    joint = random_joint((3, 4, 2), 1)
    coarse = theory.coarsen(joint, [1, 0, 1, 1], axis=-2)
    close(coarse, np.stack([joint[:, 1], joint[:, [0, 2, 3]].sum(1)], 1))
    close(theory.coarsen([[0.25, 0.75]], [7, 3], 1), [[0, 0, 0, 0.75, 0, 0, 0, 0.25]])  # eight blocks


def differences(f, table, cells, step=1e-6):
    """Central differences in the given cells; the error of the scheme is step², that of rounding 1e-16/step."""
    result = []
    for cell in cells:
        up, down = table.copy(), table.copy()
        up[cell] += step
        down[cell] -= step
        result.append((f(up) - f(down)) / (2 * step))
    return np.array(result)


@pytest.mark.parametrize(("f", "shape"), [(entropy, (3, 4)), (mi, (3, 4)), (cmi, (3, 4, 2))])
def test_gradients(f, shape):
    table = random_joint(shape, 3)
    table = (table + (table > 0) / (table > 0).sum()) / 2  # bounded below, so step² f‴ stays under 1e-8
    gradient = np.asarray(jax.grad(f)(jnp.asarray(table)))
    cells = [tuple(c) for c in np.argwhere(table > 0)]
    assert np.isfinite(gradient).all() and len(cells) < table.size
    expected = differences(f, table, cells)
    np.testing.assert_allclose([gradient[c] for c in cells], expected, atol=1e-7)


def test_gradient_at_structural_zeros():
    """A cell of probability 0 moves I through the marginals only: Σ_q (1 − p/q) ∂q."""
    joint = random_joint((3, 4), 3)
    gradient = np.asarray(jax.grad(mi)(jnp.asarray(joint)))
    x, y = joint.sum(1), joint.sum(0)
    slope = 1 - joint / np.outer(x, y)
    through_marginals = (slope @ y)[:, None] + (x @ slope)[None]
    np.testing.assert_allclose(gradient[joint == 0], through_marginals[joint == 0], atol=EXACT)
    assert (np.asarray(jax.grad(entropy)(jnp.asarray(joint)))[joint == 0] == 0).all()


def test_conditional_gradient_at_structural_zeros():
    """∂I(X;Y|Z)/∂p(x,y,z) at p(x,y,z) = 0, by the differences of D(p‖q) with q from tables that have mass there."""
    joint = random_joint((3, 4, 2), 3)
    joint = (joint + (joint > 0) / (joint > 0).sum()) / 2

    def only_through_marginals(table):
        """Σ p ln(p/q) − p + q, with the cells of `joint` in place of p and the marginals of `table` in q."""
        z = table.sum((0, 1), keepdims=True)
        q = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / z
        return (scipy.special.rel_entr(joint, q) - joint + q).sum()

    gradient = np.asarray(jax.grad(cmi)(jnp.asarray(joint)))
    cells = [tuple(c) for c in np.argwhere(joint == 0)]
    assert len(cells) > 3
    expected = differences(only_through_marginals, joint, cells)
    np.testing.assert_allclose([gradient[c] for c in cells], expected, atol=1e-7)


def test_gradient_of_divergence():
    p, q = np.array([0.3, 0, 0.6, 0, 0, 0.1]), np.array([0.2, 0, 0.1, 0.3, 0.1, 0.3])  # one cell that neither reaches
    to_p, to_q = jax.grad(kl, argnums=(0, 1))(jnp.asarray(p), jnp.asarray(q))
    assert (np.asarray(to_p)[p == 0] == 0).all() and (p == 0).sum() > 1
    cells = [(i,) for i in np.flatnonzero(q > 0)]  # also where p = 0: the term there is q
    assert to_q[1] == 1  # p = q = 0: the term is q
    np.testing.assert_allclose(to_q[q > 0], differences(lambda t: kl(p, t), q, cells), atol=1e-7)
    cells = [(i,) for i in np.flatnonzero(p > 0)]
    np.testing.assert_allclose(to_p[p > 0], differences(lambda t: kl(t, q), p, cells), atol=1e-7)


def test_gradient_survives_the_tails():
    joint = jnp.array([[0.5, 1e-200], [1e-250, 0.5]])
    assert np.isfinite(jax.grad(mi)(joint)).all()
    assert np.isfinite(jax.hessian(kl)(jnp.array([0.3, 0.7, 0.0]), jnp.array([0.5, 0.5, 0.0]))).all()


def test_second_derivative():
    """∂²D/∂p² = 1/p."""
    p, q = jnp.array([0.3, 0.6, 0.1]), jnp.array([0.5, 0.2, 0.3])
    np.testing.assert_allclose(jax.hessian(kl)(p, q), np.diag(1 / p), atol=EXACT)
