"""What people do without infoloop: the alternatives that `infoloop bench` is timed against, in NumPy and SciPy.

Each retrains all replicas at once and keeps the models of every generation, t = 0 … T on axis 0, as `ensemble` does;
`gaussian_loop` alone goes through the replicas one by one, as published code does. Nothing here imports JAX.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp
from scipy.stats import binom, multivariate_normal

_TINY = 10 * np.finfo(float).eps  # a component that has lost all samples divides by this


class Mixtures(NamedTuple):
    """Mixtures of Gaussians, one per replica (and generation)."""

    weights: Float[np.ndarray, "*lead component"]
    means: Float[np.ndarray, "*lead component dim"]
    covariances: Float[np.ndarray, "*lead component dim dim"]


def gaussian(
    rng: np.random.Generator, num_replicas: int, num_samples: int, num_generations: int
) -> tuple[Float[np.ndarray, "t replica"], Float[np.ndarray, "t replica"]]:
    """Means and standard deviations of N(0, 1) retrained on its own samples by maximum likelihood."""
    means, deviations = np.zeros((num_generations + 1, num_replicas)), np.ones((num_generations + 1, num_replicas))
    for t in range(num_generations):
        x = means[t][:, None] + deviations[t][:, None] * rng.standard_normal((num_replicas, num_samples))
        means[t + 1], deviations[t + 1] = x.mean(axis=1), x.std(axis=1)
    return means, deviations


def gaussian_loop(
    seed: int, num_replicas: int, num_samples: int, num_generations: int
) -> tuple[Float[np.ndarray, "t replica"], Float[np.ndarray, "t replica"]]:
    """`gaussian`, one replica after the other."""
    np.random.seed(seed)  # noqa: NPY002  as published code draws
    means, deviations = np.zeros((num_generations + 1, num_replicas)), np.ones((num_generations + 1, num_replicas))
    for replica in range(num_replicas):
        mean, deviation = 0.0, 1.0
        for t in range(num_generations):
            x = np.random.normal(mean, deviation, num_samples)  # noqa: NPY002
            mean, deviation = np.mean(x), np.std(x)
            means[t + 1, replica], deviations[t + 1, replica] = mean, deviation
    return means, deviations


def categorical(
    rng: np.random.Generator,
    probs: Float[np.ndarray, " symbol"],
    num_replicas: int,
    num_samples: int,
    num_generations: int,
) -> Float[np.ndarray, "t replica symbol"]:
    """The probabilities of a categorical model retrained on its own samples: one multinomial draw per generation."""
    trajectory = np.empty((num_generations + 1, num_replicas, probs.size))
    trajectory[0] = probs
    for t in range(num_generations):
        trajectory[t + 1] = rng.multinomial(num_samples, trajectory[t]) / num_samples
    return trajectory


def markov_chain(
    rng: np.random.Generator,
    initial: Float[np.ndarray, " state"],
    transition: Float[np.ndarray, "state next"],
    num_replicas: int,
    num_samples: int,
    num_generations: int,
) -> tuple[Float[np.ndarray, "t replica state"], Float[np.ndarray, "t replica state next"]]:
    """Initial probabilities and transitions of a chain retrained on one path of its own, all replicas step by step."""
    k, replicas = initial.size, np.arange(num_replicas)
    initials = np.empty((num_generations + 1, num_replicas, k))
    transitions = np.empty((num_generations + 1, num_replicas, k, k))
    initials[0], transitions[0] = initial, transition
    path = np.empty((num_samples, num_replicas), int)
    for t in range(num_generations):
        u = rng.random((num_samples, num_replicas, 1))
        cumulative = transitions[t].cumsum(axis=2)
        path[0] = (u[0] >= initials[t].cumsum(axis=1)[:, :-1]).sum(axis=1)
        for i in range(1, num_samples):
            path[i] = (u[i] >= cumulative[replicas, path[i - 1], :-1]).sum(axis=1)
        cell = (replicas * k + path[:-1]) * k + path[1:]
        counts = np.bincount(cell.ravel(), minlength=num_replicas * k * k).reshape(num_replicas, k, k)
        leaving = counts.sum(axis=2, keepdims=True)
        transitions[t + 1] = np.where(leaving > 0, counts / np.maximum(leaving, 1), transitions[t])
        initials[t + 1] = np.eye(k)[path[0]]
    return initials, transitions


def mixture(
    rng: np.random.Generator,
    start: Mixtures,
    num_samples: int,
    num_generations: int,
    *,
    fit: Callable[[Float[np.ndarray, "replica n dim"], Mixtures], Mixtures],
) -> Mixtures:
    """Mixtures retrained on their own samples, each generation by `fit` from the one before."""
    trajectory = [start]
    for _ in range(num_generations):
        trajectory.append(fit(sample(rng, trajectory[-1], num_samples), trajectory[-1]))
    return Mixtures(*map(np.stack, zip(*trajectory, strict=True)))


def sample(rng: np.random.Generator, model: Mixtures, num_samples: int) -> Float[np.ndarray, "replica n dim"]:
    """Samples of each replica's mixture."""
    num_replicas, _, d = model.means.shape
    u = rng.random((num_replicas, num_samples, 1))
    z = rng.standard_normal((num_replicas, num_samples, d))
    feature = (u >= model.weights.cumsum(axis=1)[:, None, :-1]).sum(axis=2)
    points = model.means[:, :, None] + z[:, None] @ np.linalg.cholesky(model.covariances).swapaxes(2, 3)
    return np.take_along_axis(points, feature[:, None, :, None], axis=1)[:, 0]


def em(
    x: Float[np.ndarray, "replica n dim"], model: Mixtures, *, steps: int = 10, covariance_floor: float = 1e-6
) -> Mixtures:
    """Expectation-maximisation as in a textbook: whitened residuals, then means, then scatter about the new means."""
    weights, means, covariances = model
    for _ in range(steps):
        whiten = np.linalg.inv(np.linalg.cholesky(covariances))  # [replica, component, dim, dim]
        residual = (x[:, None] - means[:, :, None]) @ whiten.swapaxes(2, 3)
        log_volume = np.log(np.diagonal(whiten, axis1=2, axis2=3)).sum(axis=2)
        responsibility = _softmax((np.log(weights) + log_volume)[:, :, None] - 0.5 * np.square(residual).sum(axis=3))
        size = responsibility.sum(axis=2) + _TINY
        weights, means = size / x.shape[1], responsibility @ x / size[:, :, None]
        residual = x[:, None] - means[:, :, None]
        covariances = (responsibility[..., None] * residual).swapaxes(2, 3) @ residual / size[:, :, None, None]
        covariances += covariance_floor * np.eye(x.shape[2])
    return Mixtures(weights, means, covariances)


def em_by_features(
    x: Float[np.ndarray, "replica n dim"], model: Mixtures, *, steps: int = 10, covariance_floor: float = 1e-6
) -> Mixtures:
    """`em` by one matrix product a step: a normal log-density is linear in 1, x_a and x_a x_b, which stay as they are.

    Faster and less exact: components that are far apart for their widths lose digits.
    """
    weights, means, covariances = model
    d, centre = x.shape[2], x.mean(axis=1, keepdims=True)
    (a, b), x, means = np.triu_indices(d), x - centre, means - centre
    features = np.concatenate([np.ones_like(x[:, :, :1]), x, x[:, :, a] * x[:, :, b]], axis=2)
    transposed = np.ascontiguousarray(features.swapaxes(1, 2))
    for _ in range(steps):
        precisions = np.linalg.inv(covariances)
        linear = (precisions @ means[..., None])[..., 0]
        constant = np.log(weights) - 0.5 * (np.linalg.slogdet(covariances)[1] + (linear * means).sum(axis=2))
        quadratic = -precisions[..., a, b] * np.where(a == b, 0.5, 1.0)
        coefficients = np.concatenate([constant[..., None], linear, quadratic], axis=2)
        sums = _softmax(coefficients @ transposed) @ features
        size = sums[..., 0] + _TINY
        averages = sums / size[..., None]
        weights, means = size / x.shape[1], averages[..., 1 : d + 1]
        covariances = np.empty_like(covariances)
        covariances[..., a, b] = covariances[..., b, a] = averages[..., d + 1 :]
        covariances += covariance_floor * np.eye(d) - means[..., :, None] * means[..., None, :]
    return Mixtures(weights, means + centre, covariances)


def _softmax(logits: Float[np.ndarray, "replica component n"]) -> Float[np.ndarray, "replica component n"]:
    """Shares over the components, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def em_of_scikit_learn(
    x: Float[np.ndarray, "n dim"], start: Mixtures, *, steps: int, covariance_floor: float = 1e-6
) -> Mixtures:
    """All `steps` of scikit-learn's EM from `start`; it adds the floor to the diagonal."""
    from sklearn.exceptions import ConvergenceWarning  # 1 s, and only installed with the extra `dev`
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(
        start.weights.size,
        tol=0,  # never converged: all steps run
        max_iter=steps,
        reg_covar=covariance_floor,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=np.linalg.inv(start.covariances),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(x)
    return Mixtures(*map(np.asarray, (mixture.weights_, mixture.means_, mixture.covariances_)))


def information(
    prior: Float[np.ndarray, " x"],
    initial: Float[np.ndarray, "x s"],
    kernel: Float[np.ndarray, "s s"],
    num_generations: int,
) -> Float[np.ndarray, " t"]:
    """I(X;Z_t) in nats, t = 0 … T, from p(z_t|x): one matrix product per generation."""
    nats, distributions = np.empty(num_generations + 1), initial
    for t in range(num_generations + 1):
        marginal = prior @ distributions
        reached = distributions > 0
        ratio = np.divide(distributions, marginal, out=np.ones_like(distributions), where=reached)
        nats[t] = prior @ (distributions * np.log(ratio)).sum(axis=1)
        distributions = distributions @ kernel
    return nats


def last_distributions(
    initial: Float[np.ndarray, "x s"], kernels: Float[np.ndarray, "*x s s"], num_generations: int
) -> Float[np.ndarray, "x s"]:
    """p(z_T|x): the matrix products of a chain and nothing else."""
    distributions = initial[:, None] if kernels.ndim == 3 else initial
    for _ in range(num_generations):
        distributions = distributions @ kernels
    return distributions.reshape(initial.shape)


def fixation(sizes: Int[np.ndarray, " n"], ratios: Float[np.ndarray, " ratio"], initial: float) -> np.ndarray:
    """P(ends correct) [ratio, n], ratios fpr/tpr, by rejection sampling: one linear system per cell."""
    ends = np.empty((len(ratios), len(sizes)))
    for i, ratio in enumerate(ratios):
        for j, n in enumerate(sizes):
            z = np.append(np.arange(1, n) / n, initial)
            rows = binom.pmf(np.arange(n + 1)[None], n, (z / (z + (1 - z) * ratio))[:, None])
            inside, start = rows[:-1], rows[-1]
            correct = np.linalg.solve(np.eye(n - 1) - inside[:, 1:-1], inside[:, -1])
            ends[i, j] = start[1:-1] @ correct + start[-1]
    return ends


def pair_information(points: Float[np.ndarray, "n 2"], mixture: Mixtures) -> Float[np.ndarray, " n"]:
    """ln p(x,y) − ln p(x) − ln p(y) under a mixture of two Gaussians, with SciPy."""
    weights, means, covariances = mixture

    def log_density(axes: list[int]) -> np.ndarray:
        components = zip(weights, means[:, axes], covariances[:, axes][:, :, axes], strict=True)
        terms = [np.log(w) + multivariate_normal.logpdf(points[:, axes], m, c) for w, m, c in components]
        return np.asarray(logsumexp(terms, axis=0))

    return log_density([0, 1]) - log_density([0]) - log_density([1])


def pair_information_by_hand(
    x: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    mixture: Mixtures,
    add: Callable[[np.ndarray, np.ndarray], np.ndarray] = np.logaddexp,
) -> Float[np.ndarray, " n"]:
    """`pair_information` in plain NumPy; `add` is ln(eᵃ + eᵇ)."""
    joint, first, second = [], [], []
    for w, (mean_x, mean_y), covariance in zip(*mixture, strict=True):
        u, v, p = x - mean_x, y - mean_y, np.linalg.inv(covariance)
        square = p[0, 0] * u * u + 2 * p[0, 1] * u * v + p[1, 1] * v * v
        joint.append(np.log(w) - 0.5 * np.log(np.linalg.det(2 * np.pi * covariance)) - 0.5 * square)
        for logs, centred, variance in ((first, u, covariance[0, 0]), (second, v, covariance[1, 1])):
            logs.append(np.log(w) - 0.5 * np.log(2 * np.pi * variance) - 0.5 / variance * centred * centred)
    return add(*joint) - add(*first) - add(*second)


def log_add(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """ln(eᵃ + eᵇ) by the vectorised exp and log1p, several times as fast as `numpy.logaddexp`."""
    return np.maximum(a, b) + np.log1p(np.exp(-np.abs(a - b)))
