"""The classifier's bound against exact information: normal laws by their densities, finite ones by their tables."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from jax.scipy.special import logsumexp

import theory
from theory.estimators import classifier, classifier_bound

QUICK = {"hidden": 16, "num_steps": 100, "batch_size": 64, "learning_rate": 1e-2}


def gaussian(seed, tasks, replicas, size, *, spread=0.7, same_covariance=True):
    """Features [x, replica, size] of normal laws, and their ln p(z_xr|x') [x, replica, x']."""
    rng = np.random.default_rng(seed)
    means = spread * rng.normal(size=(tasks, size))
    roots = np.eye(size) + (0 if same_covariance else 0.6) * rng.normal(size=(tasks, size, size))
    z = means[:, None] + np.einsum("xij,xrj->xri", roots, rng.normal(size=(tasks, replicas, size)))
    white = np.einsum("yij,xryj->xryi", np.linalg.inv(roots), z[:, :, None] - means)
    return z, -(white**2).sum(-1) / 2 - np.log(np.abs(np.linalg.det(roots)))


def sets(seed, tasks, replicas, elements=3, size=2):
    """A normal law for each element, in random order, and the density of the set."""
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(elements, size)) * 2 + 0.7 * rng.normal(size=(tasks, elements, size))
    order = rng.permuted(np.tile(np.arange(elements), (tasks, replicas, 1)), axis=-1)
    z = means[np.arange(tasks)[:, None, None], order] + 0.7 * rng.normal(size=(tasks, replicas, elements, size))
    orders = [list(o) for o in itertools.permutations(range(elements))]
    terms = [-((z[:, :, None] - means[:, o]) ** 2).sum((-1, -2)) / 2 / 0.49 for o in orders]
    return z, np.asarray(logsumexp(jnp.asarray(terms), 0))


def exact_values(log_density, prior=None):
    """H(X) + Σ_x p(x) ln p(x|z_xr): an average over replicas estimates the information without bias."""
    p = np.full(len(log_density), 1 / len(log_density)) if prior is None else np.asarray(prior)
    log_joint = log_density + np.log(p)
    posterior = log_joint - np.asarray(logsumexp(jnp.asarray(log_joint), -1, keepdims=True))
    return float(theory.entropy(p)) + np.einsum("xrx,x->r", posterior, p)


def gap(found, log_density, prior=None):
    """Exact minus bound on the same replicas, which are the last ones."""
    return theory.estimate(exact_values(log_density, prior)[-len(found.values) :] - np.asarray(found.values))


def is_tight(found, log_density, tolerance, prior=None):
    difference = gap(found, log_density, prior)
    assert -5 * difference.stderr < difference.mean < tolerance + 3 * difference.stderr


@pytest.mark.slow
def test_never_above_the_truth_on_finite_laws():
    """40 random channels of 3 inputs and 4 outputs with random priors, told as one-hot features: the truth is exact."""
    rng = np.random.default_rng(1)
    channels, priors = rng.dirichlet(np.ones(4), (40, 3)), rng.dirichlet(np.full(3, 3.0), 40)
    outputs = (rng.random((40, 3, 1000, 1)) > channels.cumsum(-1)[:, :, None]).sum(-1).clip(max=3)
    features = jnp.asarray(np.eye(4)[outputs])
    keys = jax.random.split(jax.random.key(0), 40)
    found = jax.vmap(lambda k, z, p: classifier_bound(k, z, p, **QUICK))(keys, features, jnp.asarray(priors))
    truth = np.array([theory.mutual_information(p[:, None] * c) for p, c in zip(priors, channels, strict=True)])
    bound = [theory.estimate(v) for v in found.values]
    excess = np.array([(b.mean - t) / b.stderr for b, t in zip(bound, truth, strict=True)])
    assert (excess < 5).all()
    assert abs(excess.mean()) < 1  # nor far below: the posterior of a finite law is linear in its one-hot code
    np.testing.assert_allclose(np.mean([b.mean for b in bound]), truth.mean(), rtol=0.06)


@pytest.mark.slow
def test_never_above_the_truth_on_normal_laws():
    """The gap to the exact posterior on the same replicas is a mean divergence, so positive but for sampling error."""
    cases = [gaussian(seed, 4, 500, 2, same_covariance=seed % 2 == 0) for seed in range(30)]
    keys = jax.random.split(jax.random.key(0), 30)
    found = jax.vmap(lambda k, z: classifier_bound(k, z, **QUICK))(keys, jnp.asarray([z for z, _ in cases]))
    gaps = [gap(jax.tree.map(lambda a, i=i: a[i], found), log_density) for i, (_, log_density) in enumerate(cases)]
    assert all(g.mean > -5 * g.stderr for g in gaps)
    assert np.mean([g.mean for g in gaps]) < 0.06


@pytest.mark.parametrize(
    ("case", "tolerance"),
    [
        (gaussian(0, 8, 4000, 3), 0.005),
        (gaussian(1, 8, 4000, 3, spread=0.5, same_covariance=False), 0.02),
        pytest.param(gaussian(2, 8, 4000, 18, spread=0.3), 0.02, marks=pytest.mark.slow),
        pytest.param(sets(3, 8, 4000), 0.05, marks=pytest.mark.slow),
    ],
    ids=["normal", "covariances", "wide", "sets"],
)
def test_tight(case, tolerance):
    z, log_density = case
    found = classifier_bound(jax.random.key(0), z)
    is_tight(found, log_density, tolerance)
    assert theory.estimate(found.values).mean > 0.8 * exact_values(log_density).mean()


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [50, 200])
def test_few_replicas_do_not_mislead_it(replicas):
    """Without information the bound is about zero, and with some it does not fall below zero."""
    cases = [gaussian(seed, 8, replicas, 3, spread=0.7 * (seed % 2)) for seed in range(8)]
    options = {"num_steps": 300, "hidden": 32}
    z, keys = np.stack([z for z, _ in cases]), jax.random.split(jax.random.key(0), 8)
    values = jax.vmap(lambda k, z: classifier_bound(k, z, **options))(keys, z).values
    none = theory.estimate(values[::2].ravel())
    assert -0.02 - 5 * none.stderr < none.mean < 5 * none.stderr
    assert values[1::2].mean() > 0.6 * np.mean([exact_values(density).mean() for _, density in cases[1::2]])


@pytest.mark.slow
def test_order_of_elements_is_not_seen():
    """Bit by bit, through the whole training; the twin: with the order of the features changed, bits do differ."""
    z, _ = sets(0, 3, 60)
    order = np.random.default_rng(0).permuted(np.tile(np.arange(3), (3, 60, 1)), axis=-1)
    shuffled = np.take_along_axis(z, order[..., None], 2)
    here, there, other = (classifier_bound(jax.random.key(0), a, **QUICK) for a in (z, shuffled, z[..., ::-1]))
    np.testing.assert_array_equal(here.log_posterior, there.log_posterior)
    assert (here.log_posterior != other.log_posterior).any()


def test_leak():
    """The twin: a classifier judged on replicas it was trained on finds information where there is none."""
    noise = np.random.default_rng(0).normal(size=(4, 60, 10))
    train, validated, tested = np.split(noise, [36, 48], 1)
    options = {"num_steps": 500, "learning_rate": 1e-2}
    leaked = classifier_bound(jax.random.key(0), np.concatenate([train, train[:, :12], train[:, 12:24]], 1), **options)
    honest = classifier_bound(jax.random.key(0), np.concatenate([train, validated, tested], 1), **options)
    leaked, honest = theory.estimate(leaked.values), theory.estimate(honest.values)
    assert leaked.mean > 5 * leaked.stderr and leaked.mean > 0.1
    assert honest.mean < 5 * honest.stderr


@pytest.mark.slow
def test_only_the_last_replicas_are_averaged():
    """What the held-out replicas are like reaches neither the training nor the standardisation."""
    z, _ = gaussian(0, 3, 100, 2)
    far = z.copy()
    far[:, 90:] *= 1000
    here, there = (classifier_bound(jax.random.key(0), a, **QUICK) for a in (z, far))
    assert here.values.shape == (20,)
    np.testing.assert_array_equal(here.values[:10], there.values[:10])
    assert np.isfinite(there.values).all()


@pytest.mark.slow
def test_vmap_is_the_single_runs():
    z = np.stack([gaussian(seed, 3, 100, 2)[0] for seed in range(3)])
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.vmap(lambda k, z: classifier_bound(k, z, **QUICK))(keys, z)
    for i in range(3):
        alone = classifier_bound(keys[i], z[i], **QUICK)
        np.testing.assert_allclose(together.log_posterior[i], alone.log_posterior, atol=1e-3)


@pytest.mark.slow
def test_prior():
    """A skew prior: the bound stays tight; a task of probability zero takes no part and spoils nothing."""
    prior = np.array([0.7, 0.2, 0.1])
    z, log_density = gaussian(5, 3, 4000, 2)
    found = classifier_bound(jax.random.key(0), z, prior)
    is_tight(found, log_density, 0.005, prior)
    two = classifier_bound(jax.random.key(0), z, [0.5, 0.5, 0.0])
    is_tight(two, log_density[:2, :, :2], 0.005)
    np.testing.assert_array_equal(two.log_posterior[..., 2], -np.inf)


@pytest.mark.slow
def test_log_posterior():
    """Rows are distributions, and the values are made of them."""
    z, _ = gaussian(0, 3, 100, 2)
    prior = np.array([0.5, 0.3, 0.2])
    found = classifier_bound(jax.random.key(0), z, prior, **QUICK)
    assert found.log_posterior.shape == (3, 20, 3) and found.values.dtype == z.dtype
    np.testing.assert_allclose(np.exp(found.log_posterior).sum(-1), 1, atol=1e-12)
    values = theory.entropy(prior) + np.einsum("xrx,x->r", found.log_posterior, prior)
    np.testing.assert_allclose(found.values, values, atol=1e-12)
    narrow = classifier_bound(jax.random.key(0), z.astype(np.float32), held_out=0.35, **QUICK)
    assert narrow.values.shape == (35,) and narrow.values.dtype == np.float32


def test_constant_features():
    """They say nothing, and divide nothing by zero."""
    found = classifier_bound(jax.random.key(0), np.ones((3, 100, 2)), **QUICK)
    np.testing.assert_allclose(found.values, 0, atol=1e-12)


def test_no_unit_is_too_large_or_too_small():
    """Powers of two change no bit."""
    z, _ = gaussian(0, 2, 40, 2)
    found = [classifier_bound(jax.random.key(0), np.ldexp(z, power), **QUICK).log_posterior for power in (0, 600, -600)]
    np.testing.assert_array_equal(found[1], found[0])
    np.testing.assert_array_equal(found[2], found[0])


def test_a_very_rare_task_does_not_spoil_the_bound():
    """p = 1e-50 is 0 in float32, and its replicas weigh 1e-50."""
    z, _ = gaussian(0, 2, 40, 2)
    three = np.concatenate([z, z[:1]])
    found = classifier_bound(jax.random.key(0), three, [0.5, 0.5, 1e-50], **QUICK)
    assert np.isfinite(found.values).all() and np.isfinite(found.log_posterior[:2]).all()


def test_the_pool_has_nearly_the_best_weights():
    """Within 1e-3 nats of the optimum by scipy, where 50 steps of EM are far from it, and log q(x|z) sums to one."""
    rng = np.random.default_rng(0)
    q = rng.dirichlet(np.full(3, 30.0), (3, 3, 60))  # experts that are nearly alike
    q[0, :, :, 0] *= 1.03
    log_q = jnp.log(jnp.asarray(q / q.sum(-1, keepdims=True)))
    prior = jnp.full(3, 1 / 3)
    pooled = classifier._pooled(prior, jnp.log(prior), jnp.concatenate([log_q, log_q], 2), 60)
    own = jnp.concatenate([jnp.exp(jnp.diagonal(log_q, axis1=1, axis2=3)), jnp.full((1, 60, 3), 1 / 3)])

    def loss(weights):
        weights = np.exp(weights - weights.max())
        return -float(np.log(np.einsum("e,erx->rx", weights / weights.sum(), own)).mean())

    best = min(
        scipy.optimize.minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000}).fun
        for start in np.eye(4) * 3
    )
    assert -float(jnp.diagonal(pooled, axis1=0, axis2=2).mean()) < best + 1e-3
    np.testing.assert_allclose(jnp.exp(pooled).sum(-1), 1, atol=1e-12)
