"""The models under test, one line each, and how far apart two numbers may be."""

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import sandbox


class Case(NamedTuple):
    name: str
    model: Any
    options: dict[str, Any]
    path: bool = False  # the data are one path, rather than independent samples

    def sample(self, seed, n, model=None, key=jax.random.key):
        return sampler(type(self.model), n)(self.model if model is None else model, key(seed))

    def fit(self, x, weights=None, model=None):
        weights = jnp.ones(x.shape[0]) if weights is None else weights
        return fitter(type(self.model), tuple(self.options.items()))(self.model if model is None else model, x, weights)

    @property
    def loop_fit(self):
        """What `run` takes as its fit, the same object at each call."""
        return bound(type(self.model), tuple(self.options.items()))


@cache
def bound(family, options):
    return partial(family.fit, **dict(options)) if options else None


@cache
def fitter(family, options):
    return jax.jit(partial(family.fit, **dict(options)))


@cache
def sampler(family, n):
    return jax.jit(lambda model, key: family.sample(model, key, n))


def array(values):
    return jnp.asarray(values, jnp.float64)


PROBS = array([0.5, 0.3, 0.15, 0.05])
GAUSSIAN_1 = sandbox.Gaussian(array([1.5]), array([[0.7]]))
GAUSSIAN_3 = sandbox.Gaussian(array([1.0, -2.0, 0.5]), array([[1.0, 0, 0], [0.6, 0.8, 0], [-0.3, 0.5, 1.2]]))
MIXTURE_1 = sandbox.GaussianMixture(array([0.3, 0.7]), array([[-2.0], [1.0]]), array([[[0.5]], [[0.8]]]))
FULL = sandbox.GaussianMixture(
    array([0.35, 0.65]), array([[-3.0, 0.0], [3.0, 1.0]]), array([[[1.0, 0], [0.5, 0.7]], [[0.8, 0], [-0.4, 1.1]]])
)
DIAGONAL = FULL._replace(scales=array([[[1.0, 0], [0, 0.7]], [[0.8, 0], [0, 1.1]]]))
PROMPTED = sandbox.PromptedCategorical(array([0.5, 0.3, 0.2]), array([[0.6, 0.4], [0.9, 0.1], [0.25, 0.75]]))
CHAIN = sandbox.MarkovChain(array([0.6, 0.3, 0.1]), array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.25, 0.25, 0.5]]))

CASES = [
    Case("categorical", sandbox.Categorical(PROBS), {}),
    Case("categorical smoothed", sandbox.Categorical(PROBS), {"smoothing": 0.5}),
    Case("gaussian d=1", GAUSSIAN_1, {}),
    Case("gaussian d=3", GAUSSIAN_3, {}),
    Case("gaussian unbiased", GAUSSIAN_3, {"unbiased": True}),
    Case("mixture d=1", MIXTURE_1, {}),
    Case("mixture full", FULL, {}),
    Case("mixture diagonal", DIAGONAL, {"diagonal": True}),
    Case("chain", CHAIN, {}, path=True),
    Case("chain smoothed", CHAIN, {"smoothing": 0.5}, path=True),
    Case("prompted", PROMPTED, {}),
]
FAMILIES = ["categorical smoothed", "gaussian d=3", "mixture full", "chain"]  # one model of each; the others are slow
FLOAT32 = 1e-6  # noise is drawn in float32, so that two programs may differ in its last bit


def every(condition=lambda case: True):
    """A parameter `case` for each model."""
    slow = {case.name: [pytest.mark.slow] * (case.name not in FAMILIES) for case in CASES}
    cases = [pytest.param(case, marks=slow[case.name]) for case in CASES if condition(case)]
    return pytest.mark.parametrize("case", cases, ids=names)


def half_weights(n, seed=0):
    """Weights in [0, 1], some of them 0 and some 1."""
    return array(np.clip(np.random.default_rng(seed).uniform(-0.3, 1.3, n), 0, 1))


def names(case):
    return case.name.replace(" ", "-")


def at(tree, *index):
    return jax.tree.map(lambda leaf: leaf[index], tree)


def own_fit(model, x, weights):
    """The model's own fit in disguise: a loop cannot see that statistics would do."""
    return type(model).fit(model, x, weights)


def compiled():
    """How many programs of the loop there are."""
    return sandbox.loop._run._cache_size()


def same(a, b):
    """Bit for bit."""
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def close(a, b, tolerance=1e-12):
    """To rounding."""
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=tolerance, atol=tolerance)


def densities(model, x):
    """The weighted density of each component [component, n], by scipy; a Gaussian is its own."""
    parts = model if isinstance(model, sandbox.GaussianMixture) else [np.ones(1), *(leaf[None] for leaf in model)]
    return np.stack(
        [
            weight * np.atleast_1d(scipy.stats.multivariate_normal(mean, scale @ scale.T).pdf(x))
            for weight, mean, scale in zip(*map(np.asarray, parts), strict=True)
        ]
    )


def errors(samples, expected):
    """How many standard errors the mean over axis 0 is from `expected`."""
    samples = np.asarray(samples, np.float64)
    stderr = samples.std(0, ddof=1) / np.sqrt(samples.shape[0])
    gap = samples.mean(0) - expected
    with np.errstate(divide="ignore"):
        return np.where(np.abs(gap) <= 1e-12, 0, gap / np.where(stderr > 0, stderr, 1e-300))


def agrees(samples, expected):
    """The mean of `samples` is within 5 standard errors of `expected`."""
    z = errors(samples, expected)
    assert np.all(np.abs(z) <= 5), f"{z} standard errors from {expected}"


def differs(samples, wrong):
    """The opposite of `agrees`: more than 5 standard errors away."""
    z = errors(samples, wrong)
    assert np.all(np.abs(z) > 5), f"only {z} standard errors from {wrong}"
