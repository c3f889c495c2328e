"""Mixtures in loops: what is accepted, correct and seen has the probabilities that quadrature gives."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.continuous_information import mixtures
from experiments.continuous_information.setup import Inputs
from sandbox import GaussianMixture

MODEL = GaussianMixture(jnp.array([0.3, 0.7]), jnp.array([[-1.0], [1.5]]), jnp.ones((2, 1, 1)))
MIDDLE = 0.25  # between its means


def panels(*edges):
    """Nodes and weights of Gauss-Legendre quadrature from -12 to 12, between edges."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    ends = itertools.pairwise([-12.0, *edges, 12.0])
    x, w = zip(*[(a + (b - a) * (nodes + 1) / 2, (b - a) * weights / 2) for a, b in ends], strict=True)
    return jnp.asarray(np.concatenate(x)), jnp.asarray(np.concatenate(w))


def expected(function, *edges):
    """Of the model's samples."""
    x, weights = panels(*edges)
    return np.exp(jax.jit(MODEL.log_prob)(x[:, None])) * function(x) @ weights


def task_of(loop, index):
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[index], mixtures.small(2).arms[loop].tasks)


@pytest.mark.parametrize("own", [False, True])
def test_expected_acceptance_is_the_integral(own):
    judge = mixtures.MixtureJudge(Inputs(0.95, 0.05, own), 1.8)
    integral = expected(lambda x: judge.acceptance(MODEL, x), MIDDLE)
    np.testing.assert_allclose(judge.share_accepted(MODEL), integral, atol=1e-12)


@pytest.mark.parametrize(("index", "centre"), [(3, 2.3), (4, -2.3)])
def test_what_is_correct_is_within_a_distance_of_the_heaviest_mean(index, centre):
    integral = expected(lambda x: np.abs(x - centre) < 1.25, centre - 1.25, centre + 1.25)
    np.testing.assert_allclose(mixtures.accuracy(MODEL, task_of("closed", index)), integral, atol=1e-12)


def test_the_own_side_is_that_of_the_heaviest_component():
    judge = mixtures.MixtureJudge(Inputs(1.0, 0.0, own=True), 0.0)
    assert judge.acceptance(MODEL, jnp.array([-1.0, 0.24, 0.26, 9.0])).tolist() == [0, 0, 1, 1]
    same = MODEL._replace(means=jnp.ones((2, 1)))
    assert judge.acceptance(same, jnp.array([-1.0, 9.0])).tolist() == [1, 1] and judge.share_accepted(same) == 1


@pytest.mark.parametrize("loop", ["closed", "self-consistency", "verifier", "fresh data"])
def test_the_likelihood_of_what_is_seen_of_a_mixture_sums_to_one(loop):
    """n = 2: over which samples are accepted, and where; those that were rejected are not seen."""
    sampler, (x, w) = mixtures.small(2).sampler, panels(MIDDLE)
    latents = jax.tree.map(lambda leaf: leaf[None], (MODEL, task_of(loop, 2)))
    log_likelihood = jax.jit(lambda seen: sampler.log_likelihood(sampler.prepare(seen, latents[1]), latents))
    total, dropped = 0.0, (-1.0, 7.0)
    for kept in itertools.product([0, 1], repeat=2) if loop in ("self-consistency", "verifier") else [(1, 1)]:
        axes = [(x, w) if keep else (np.array([away]), np.ones(1)) for keep, away in zip(kept, dropped, strict=True)]
        points = np.stack([grid.ravel() for grid in np.meshgrid(axes[0][0], axes[1][0], indexing="ij")], 1)
        accepted = jnp.broadcast_to(jnp.array(kept, float), points.shape)
        seen = mixtures.JudgedSamples(jnp.asarray(points), accepted, jnp.zeros(points.shape, bool))
        total += np.exp(log_likelihood(seen))[:, 0] @ np.outer(axes[0][1], axes[1][1]).ravel()
    np.testing.assert_allclose(total, 1, atol=1e-8)


def test_a_perfect_judge_makes_no_nan():
    """0 · ln 0 = 0: what is possible under a judge that never errs has a finite likelihood."""
    sampler = mixtures.small().sampler
    tasks = jax.tree.map(jnp.asarray, mixtures.arm(Inputs(1.0, 0.0, own=True)).tasks)
    latents = tasks.mixture, tasks
    seen = jax.jit(jax.vmap(sampler.seen))(jax.random.split(jax.random.key(0), len(tasks.mixture.weights)), *latents)
    log_likelihood = jax.jit(sampler.log_likelihood)(sampler.prepare(seen, tasks), latents)
    assert jnp.isfinite(jnp.diagonal(log_likelihood)).all()
