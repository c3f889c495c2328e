"""How often a 95 % interval of a Monte Carlo information covers the truth, which is known without sampling."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike
from scipy.integrate import cubature, quad
from scipy.stats import beta, multivariate_normal, norm

import theory
from experiments.harness.study import generator, study

LEVEL = 0.95
SNR = 4.0
TASKS = np.linspace(-3.5, 3.5, 8)
ARM, WIDTH = 1.6, 0.5  # z|x ~ ½ N(x − ARM, WIDTH²) + ½ N(x + ARM, WIDTH²)
TABLE = np.array([[0.2, 0.1, 0.0, 0.02], [0.05, 0.25, 0.03, 0.0], [0.0, 0.05, 0.1, 0.2]])
RARE = np.diag([0.98, 0.02])  # a task of 2 %, which the data determine
WEIGHTS = np.array([0.4, 0.6])
MEANS = np.array([[-1.0, 0.5], [1.0, -0.5]])
COVARIANCES = np.array([[[1.0, 0.8], [0.8, 1.5]], [[0.5, -0.4], [-0.4, 1.0]]])
NORMAL, BERNSTEIN, NAIVE = "normal", "Bernstein", "as if independent"


class Coverage(NamedTuple):
    """The intervals of one case."""

    case: str
    interval: str
    truth: float  # nats
    repeats: int
    replicas: int  # data sets an interval
    hits: int  # the intervals that cover the truth
    half_width: float  # the mean, in nats

    @property
    def share(self) -> float:
        """Of the intervals that cover the truth."""
        return self.hits / self.repeats

    @property
    def stderr(self) -> float:
        """Of that share, binomial."""
        return (self.share * (1 - self.share) / self.repeats) ** 0.5

    def between(self, tail: float) -> tuple[float, float]:
        """Where that share lies but for this probability on either side, exactly (Clopper & Pearson, 1934)."""
        missed = self.repeats - self.hits
        return float(beta.ppf(tail, self.hits, missed + 1)), float(beta.isf(tail, self.hits + 1, max(missed, 1e-12)))


class KnownInformation(NamedTuple):
    """Replica values whose mean is a known information."""

    name: str
    truth: float
    values: Callable[[np.random.Generator, int], ArrayLike]  # of so many repeats: [replica or round, repeat]
    replicas: int
    bounds: tuple[float, float] | None = None
    independent: bool = True


def gaussian_channel(rng: np.random.Generator, repeats: int, *, num_tasks: int, times: int = 1) -> np.ndarray:
    """Values of z = x + noise, x ~ N(0, SNR), each x used `times` times: ½ ln(1+SNR) + ½ (z²/(1+SNR) − noise²)."""
    x, noise = SNR**0.5 * rng.standard_normal((num_tasks, 1, repeats)), rng.standard_normal((num_tasks, times, repeats))
    values = 0.5 * np.log1p(SNR) + 0.5 * ((x + noise) ** 2 / (1 + SNR) - noise**2)
    return values.reshape(-1, repeats)


def two_arms(rng: np.random.Generator, repeats: int, *, rounds: int, stratified: bool) -> Array:
    """Values of eight tasks seen through a mixture z: tasks drawn, or each once a round."""
    shape = (rounds, repeats, len(TASKS))
    task = np.broadcast_to(np.arange(len(TASKS)), shape) if stratified else rng.integers(len(TASKS), size=shape)
    z = TASKS[task] + ARM * (2 * rng.integers(2, size=shape) - 1) + WIDTH * rng.standard_normal(shape)
    values = _two_arms(z.astype(np.float32), None if stratified else task)  # 1e-6 nats off, four times as fast
    return values if stratified else values.swapaxes(1, 2).reshape(-1, repeats)


@jax.jit
def _two_arms(z: Array, task: Array | None) -> Array:
    """Of z [round, repeat, data set] of these tasks, or of all tasks in turn."""
    u = (z[..., None] - jnp.asarray(TASKS, z.dtype)[None, None, None]) / WIDTH
    v = jnp.abs(u) * ARM / WIDTH
    log_likelihood = v + jnp.log1p(jnp.exp(-2 * v)) - u**2 / 2  # ln cosh, less what is common to all tasks
    if task is None:
        return theory.stratified_information(log_likelihood)
    return theory.pointwise_information(log_likelihood, task)


def table(rng: np.random.Generator, repeats: int, *, joint: np.ndarray, replicas: int) -> np.ndarray:
    """Values ln p(x,y)/(p(x) p(y)) of cells drawn from a table."""
    return cells(joint)[rng.choice(joint.size, (replicas, repeats), p=joint.ravel())]


def mixture_pair(rng: np.random.Generator, repeats: int, *, replicas: int) -> Array:
    """Values ln p(x,y) − ln p(x) − ln p(y) of a pair from a mixture of two correlated Gaussians."""
    first = rng.random((replicas, repeats)) < WEIGHTS[0]
    u, v = rng.standard_normal((2, replicas, repeats))
    (x, y), (other_x, other_y) = (
        (m[0] + f[0, 0] * u, m[1] + f[1, 0] * u + f[1, 1] * v)
        for m, f in zip(MEANS, np.linalg.cholesky(COVARIANCES), strict=True)
    )
    x, y = np.where(first, x, other_x), np.where(first, y, other_y)
    return _pair_information(x, y)


@jax.jit
def _pair_information(x: Array, y: Array) -> Array:
    return pair_information(x, y, WEIGHTS, MEANS, COVARIANCES)


def pair_information(x: Array, y: Array, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> Array:
    """ln p(x,y) − ln p(x) − ln p(y) [...] for a mixture of two bivariate Gaussians, at points x [...], y [...].

    Each density is the larger component times 1 + e, e ≤ 1, so that the three logarithms are one of a quotient.
    """

    def factors(axes: list[int]) -> tuple[Array, Array]:
        first, second = (
            np.log(w) - 0.5 * np.log(np.linalg.det(2 * np.pi * c)) - 0.5 * _square(axes, mean, np.linalg.inv(c))
            for w, mean, c in zip(weights, means, covariances[:, axes][:, :, axes], strict=True)
        )
        return jnp.maximum(first, second), 1 + jnp.exp(-jnp.abs(first - second))

    def _square(axes: list[int], mean: np.ndarray, precision: np.ndarray) -> Array:
        centred = [(x, y)[i] - mean[i] for i in axes]
        return jnp.asarray(
            sum(p * u * v for row, u in zip(precision, centred, strict=True) for p, v in zip(row, centred, strict=True))
        )

    (top, rest), (top_x, rest_x), (top_y, rest_y) = map(factors, ([0, 1], [0], [1]))
    return top - top_x - top_y + jnp.log(rest / (rest_x * rest_y))


def cells(joint: np.ndarray) -> np.ndarray:
    """ln p(x,y)/(p(x) p(y)) of each cell of a table, 0 where none falls."""
    product = joint.sum(1, keepdims=True) * joint.sum(0)
    return np.log(np.divide(joint, product, out=np.ones_like(joint), where=joint > 0)).ravel()


@cache
def truth_of_two_arms() -> float:
    """Σ_x ∫ p(x) p(z|x) ln(p(z|x)/p(z)) dz, by adaptive quadrature."""

    def integrand(z: float) -> float:
        p = (norm.pdf(z, TASKS - ARM, WIDTH) + norm.pdf(z, TASKS + ARM, WIDTH)) / 2
        return float(np.mean(p * np.log(np.maximum(p, 1e-300) / p.mean())))

    end = TASKS[-1] + ARM + 9 * WIDTH
    return quad(integrand, -end, end, limit=500, points=[*TASKS], epsabs=1e-10)[0]


@cache
def truth_of_mixture_pair() -> float:
    """∫∫ p(x,y) ln(p(x,y)/(p(x) p(y))) dx dy, by adaptive quadrature."""

    def integrand(points: np.ndarray) -> np.ndarray:
        joint, x, y = (
            sum(
                w * multivariate_normal(mean[axes], c[np.ix_(axes, axes)]).pdf(points[:, axes])
                for w, mean, c in zip(WEIGHTS, MEANS, COVARIANCES, strict=True)
            )
            for axes in ([0, 1], [0], [1])
        )
        return joint * (np.log(joint) - np.log(x) - np.log(y))

    return float(cubature(integrand, [-10, -10], [10, 10], rule="gk15", rtol=1e-9).estimate)


@cache
def cases() -> tuple[KnownInformation, ...]:
    """The cases, with the truth of each."""
    channel, arms = float(0.5 * np.log1p(SNR)), truth_of_two_arms()
    exact, rare = (float(theory.mutual_information(joint)) for joint in (TABLE, RARE))
    return (
        KnownInformation("Gaussian channel", channel, partial(gaussian_channel, num_tasks=500), 500),
        KnownInformation("8 tasks, drawn", arms, partial(two_arms, rounds=100, stratified=False), 800),
        KnownInformation("8 tasks, each once a round", arms, partial(two_arms, rounds=100, stratified=True), 800),
        KnownInformation("correlated mixture", truth_of_mixture_pair(), partial(mixture_pair, replicas=500), 500),
        KnownInformation("table", exact, partial(table, joint=TABLE, replicas=500), 500, _ends(TABLE)),
        KnownInformation("rare task", rare, partial(table, joint=RARE, replicas=50), 50, _ends(RARE)),
        KnownInformation(
            "channel, tasks used 4×", channel, partial(gaussian_channel, num_tasks=125, times=4), 500, None, False
        ),
    )


@study("continuous-information/coverage", repeats=10_000, full={"repeats": 80_000})
def covered(key: Array, *, repeats: int) -> tuple[Coverage, ...]:
    """The coverage of all intervals, each of so many independent repeats."""
    block, rows = 500, []
    for case, rng in zip(cases(), generator(key).spawn(len(cases())), strict=True):
        blocks = [theory.estimate(np.asarray(case.values(rng, block))) for _ in range(repeats // block)]
        mean, stderr = (np.concatenate([part[i] for part in blocks]) for i in (0, 1))
        kinds = {NORMAL if case.independent else NAIVE: None} | ({BERNSTEIN: case.bounds} if case.bounds else {})
        for kind, bounds in kinds.items():
            ends = theory.Estimate(mean, stderr, int(blocks[0].count)).interval(LEVEL, bounds=bounds)
            low, high = map(np.asarray, ends)
            hits = int(((low <= case.truth) & (case.truth <= high)).sum())
            rows.append(
                Coverage(case.name, kind, case.truth, repeats, case.replicas, hits, float((high - low).mean() / 2))
            )
    return tuple(rows)


def _ends(joint: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value of a cell that can be drawn."""
    values = cells(joint)[joint.ravel() > 0]
    return float(values.min()), float(values.max())
