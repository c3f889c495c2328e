"""Policies: their distributions, and natural gradients against dense Fisher matrices; conjugate gradients."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import array, at, close, errors, same
from jax.flatten_util import ravel_pytree

from sandbox.models.linalg import conjugate_gradients
from sandbox.policies import Network, Table, log_probs, network

RNG = np.random.default_rng(0)
KEY = jax.random.key(1)
K, M, P, D = 3, 2, 4, 3
FEATURES = array(RNG.normal(size=(P, D)))
PROBS = array([0.4, 0.3, 0.3, 0.0])
TABLE = Table(array(RNG.normal(size=(P, K, M))))


@cache
def net(hidden=(2,), dtype=jnp.float64):
    """With biases that are not 0."""
    made = network(KEY, D, K, M, hidden=hidden, dtype=dtype)
    return jax.tree.map(lambda x: x + jnp.asarray(np.random.default_rng(x.size).normal(size=x.shape), dtype) / 4, made)


def like(policy, seed=0):
    """Random numbers of the policy's shape."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), policy)


def test_a_table_is_its_logits_and_outputs_run_over_forms_first():
    """π(class · M + form|q) ∝ e^{logit[q, class, form]}."""
    weights = np.exp(np.asarray(TABLE.logits))
    expected = (weights / weights.sum((1, 2), keepdims=True)).reshape(P, K * M)
    close(jnp.exp(log_probs(TABLE, FEATURES)), expected)
    assert np.abs(expected - np.exp(np.asarray(TABLE.logits)).reshape(P, -1)).max() > 0.1


@pytest.mark.parametrize("hidden", [(), (2,), (3, 2)])
def test_a_network_by_hand(hidden):
    """tanh(x W + b) for each hidden layer, then x · W + b with W [width, class, form]."""
    policy = net(hidden)
    *layers, head = jax.tree.map(np.asarray, policy.layers)
    assert len(layers) == len(hidden)
    x = np.asarray(FEATURES)
    for bias, kernel in layers:
        x = np.tanh(x @ kernel + bias)
    found = jax.jit(Network.__call__)(policy, FEATURES)
    close(found, np.einsum("qi,ikm->qkm", x, head.kernel) + head.bias)
    same(policy(FEATURES.astype(jnp.float32)).dtype, found.dtype)  # features may have another dtype


def test_a_fresh_network():
    """Weights of variance 1/inputs, no bias, the key decides, the dtype is asked for."""
    fresh = jax.jit(jax.vmap(lambda key: network(key, 100, 3, 5, hidden=(40,))))(jax.random.split(KEY, 50))
    for (bias, kernel), inputs in zip(fresh.layers, (100, 40), strict=True):
        assert not bias.any()
        squares = np.asarray(kernel) ** 2 * inputs
        assert np.abs(errors(squares.reshape(-1), 1)) < 5 < np.abs(errors(squares.reshape(-1), 1.1))
    assert {leaf.dtype for leaf in jax.tree.leaves(fresh)} == {jnp.dtype(jnp.float32)}
    assert not np.array_equal(fresh.layers[1].kernel[0], fresh.layers[1].kernel[1])
    assert {leaf.dtype for leaf in jax.tree.leaves(net())} == {jnp.dtype(jnp.float64)}


def fisher(policy, probs):
    """Σ_q probs(q) Σ_y π(y|q) ∇ln π(y|q) ∇ln π(y|q)ᵀ, by enumeration."""
    flat, unravel = ravel_pytree(policy)
    scores = np.asarray(jax.jit(jax.jacrev(lambda x: log_probs(unravel(x), FEATURES)))(flat))
    p = np.exp(np.asarray(log_probs(policy, FEATURES)))
    return np.einsum("q,qy,qyi,qyj->ij", np.asarray(probs), p, scores, scores)


def gradient_of(policy, seed=0):
    """The gradient of a random function of π, Σ_q probs(q) Σ_y π(y|q) r(q, y)."""
    reward = np.random.default_rng(seed).normal(size=(P, K * M))
    return jax.jit(jax.grad(lambda p: (PROBS[:, None] * jnp.exp(log_probs(p, FEATURES)) * reward).sum()))(policy)


def test_the_natural_gradient_of_a_table_is_dense():
    """F⁺ g, up to a constant a prompt; a prompt of probability 0 stays."""
    gradient = gradient_of(TABLE)
    moved = TABLE.natural(FEATURES, PROBS, gradient).logits
    dense = np.linalg.pinv(fisher(TABLE, PROBS), rcond=1e-10) @ np.asarray(gradient.logits).reshape(-1)
    centred = moved - moved.mean((1, 2), keepdims=True)
    close(centred, dense.reshape(P, K, M), 1e-10)
    same(moved[3], np.zeros((K, M)))
    assert np.abs(TABLE.natural(FEATURES, array([0.3, 0.4, 0.3, 0]), gradient).logits[0] - moved[0]).max() > 0.1


def test_the_natural_gradient_of_a_table_where_probabilities_underflow():
    """An output of probability 0 stays, and nothing is no number."""
    table = Table(jnp.array([[[0.0, 1.0], [-2000.0, 0.0]]]))
    moved = table.natural(jnp.zeros((1, 0)), jnp.ones(1), Table(jnp.array([[[1.0, -1.0], [0.0, 0.0]]]))).logits
    assert bool(jnp.isfinite(moved).all()) and float(moved[0, 1, 0]) == 0


@cache
def natural(steps, damping):
    return jax.jit(partial(Network.natural, steps=steps, damping=damping))


@pytest.mark.parametrize(("hidden", "damping"), [((2,), 0.1), pytest.param((3, 2), 0.01, marks=pytest.mark.slow)])
def test_the_natural_gradient_of_a_network_is_dense(hidden, damping):
    """(F + damping)⁻¹ g, in as many steps as there are parameters; in one step it is not."""
    policy, gradient = net(hidden), like(net(hidden))
    flat, _ = ravel_pytree(gradient)
    matrix = fisher(policy, PROBS) + damping * np.eye(flat.size)
    expected = np.linalg.solve(matrix, np.asarray(flat))
    found, _ = ravel_pytree(natural(2 * flat.size, damping)(policy, FEATURES, PROBS, gradient))
    close(found, expected, 1e-8)
    rough, _ = ravel_pytree(natural(1, damping)(policy, FEATURES, PROBS, gradient))
    assert np.abs(rough - expected).max() > 1e-3 * np.abs(expected).max()
    other = np.linalg.solve(fisher(policy, jnp.full(P, 0.25)) + damping * np.eye(flat.size), np.asarray(flat))
    assert np.abs(other - expected).max() > 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("dtype", [pytest.param(jnp.float32, marks=pytest.mark.slow), jnp.float64])
def test_natural_gradients_in_a_batch_equal_one_by_one(dtype):
    """Also inside a scan, where jax.scipy's conjugate gradients gave other numbers."""
    features, probs = FEATURES.astype(dtype), PROBS.astype(dtype)

    def descend(policy):
        def step(policy, _):
            moved = policy.natural(features, probs, jax.tree.map(jnp.tanh, policy), damping=0.1, steps=5)
            return jax.tree.map(lambda x, d: x - 0.1 * d, policy, moved), None

        return jax.lax.scan(step, policy, length=3)[0]

    many = [jax.tree.map(lambda x, i=i: x * (1 + i / 2), net((2,), dtype)) for i in range(3)]
    batch = jax.jit(jax.vmap(descend))(jax.tree.map(lambda *x: jnp.stack(x), *many))
    alone = jax.jit(descend)
    for i, policy in enumerate(many):
        one = alone(policy)
        assert {leaf.dtype for leaf in jax.tree.leaves(one)} == {jnp.dtype(dtype)}
        close(at(batch, i), one, 1e-3 if dtype == jnp.float32 else 1e-10)
        assert not np.allclose(ravel_pytree(one)[0], ravel_pytree(policy)[0], atol=1e-2)


MATRICES = [RNG.normal(size=(6, 9)) for _ in range(5)]
MATRICES = np.stack([a @ a.T / 9 + 0.1 * np.eye(6) for a in MATRICES])
SIDES = RNG.normal(size=(5, 6))


@partial(jax.jit, static_argnums=2)
@partial(jax.vmap, in_axes=(0, 0, None))
def solved(matrix, b, steps):
    """On a pytree, of a matrix of 2 and one of 4."""

    def product(x):
        y = matrix @ jnp.concatenate([x["a"], x["b"].reshape(4)])
        return {"a": y[:2], "b": y[2:].reshape(2, 2)}

    x = conjugate_gradients(product, {"a": b[:2], "b": b[2:].reshape(2, 2)}, steps)
    return jnp.concatenate([x["a"], x["b"].reshape(4)])


@pytest.mark.parametrize("steps", [6, 30])
def test_conjugate_gradients_solve(steps):
    """In as many steps as there are unknowns, and no further one spoils it."""
    expected = np.linalg.solve(MATRICES, SIDES[:, :, None])[:, :, 0]
    close(solved(MATRICES, SIDES, steps), expected, 1e-9)


def test_each_step_is_the_best_of_its_krylov_space():
    """x_k minimises xᵀAx/2 − bᵀx over span{b, Ab, …, A^{k−1}b}."""
    found = np.asarray(solved(MATRICES, SIDES, 3))
    for matrix, b, x in zip(MATRICES, SIDES, found, strict=True):
        krylov = np.stack([b, matrix @ b, matrix @ matrix @ b], axis=1)
        best = krylov @ np.linalg.solve(krylov.T @ matrix @ krylov, krylov.T @ b)
        close(x, best, 1e-8)
        assert np.abs(x - np.linalg.solve(matrix, b)).max() > 1e-3


def test_conjugate_gradients_of_nothing():
    """Right side 0, and a residual that is 0 after one step of the identity."""
    same(solved(MATRICES, 0 * SIDES, 3), np.zeros((5, 6)))
    close(solved(np.stack([np.eye(6)] * 5), SIDES, 3), SIDES, 1e-15)
