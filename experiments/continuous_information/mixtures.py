"""Mixtures of normal laws in four loops, with the law of what each fit sees in closed form."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import xlog1py, xlogy
from jax.scipy.stats import norm

import sandbox
from experiments.continuous_information.study import Case, Loop
from sandbox import GaussianMixture
from sandbox.signals import bernoulli

RATES = 0.95, 0.05  # of the verifier, and of the self-judge
SHARE = 0.2  # of fresh real samples, each sample on its own
STEPS = 20  # of EM, from one start for all: a fit that started from Z_t would remember it beyond D_t


class Band(NamedTuple):
    """lower ≤ normal·x ≤ upper."""

    normal: Array  # [dim]
    lower: Array
    upper: Array

    def __call__(self, x: Array) -> Array:
        """Whether each point is inside."""
        height = x @ self.normal
        return (self.lower <= height) & (height <= self.upper)

    def probability(self, mixture: GaussianMixture) -> Array:
        """The mixture's probability of the band, by the normal law of each component's normal·x."""
        centre = mixture.means @ self.normal
        spread = jnp.linalg.norm(jnp.swapaxes(mixture.scales, 1, 2) @ self.normal, axis=1)
        ends = [norm.cdf((end - centre) / spread) for end in (self.upper, self.lower)]
        return mixture.weights @ (ends[0] - ends[1])


class SoftVerifier(NamedTuple):
    """Keeps x with probability fpr + (tpr − fpr) exp(−(normal·x − target)²/2 width²): close calls are errors often."""

    tpr: Any
    fpr: Any
    normal: Array  # [dim], of length 1
    target: Array
    width: Any
    right: Band

    def acceptance(self, x: Array) -> Array:
        """The probability to keep each point [n]."""
        return self.fpr + (self.tpr - self.fpr) * jnp.exp(-(((x @ self.normal - self.target) / self.width) ** 2) / 2)

    def share_kept(self, mixture: GaussianMixture) -> Array:
        """The expected acceptance of the mixture's samples, by one normal integral a component."""
        spread = jnp.linalg.norm(jnp.swapaxes(mixture.scales, 1, 2) @ self.normal, axis=1)
        total = self.width**2 + spread**2
        near = self.width * total**-0.5 * jnp.exp(-((mixture.means @ self.normal - self.target) ** 2) / (2 * total))
        return self.fpr + (self.tpr - self.fpr) * (mixture.weights @ near)

    def __call__(self, key: Array, model: Any, x: Array, /) -> Array:
        """1 with probability acceptance(x), else 0."""
        return bernoulli(key, self.acceptance(x))


class Seen(NamedTuple):
    """A generation's samples, which were kept, and which are fresh."""

    x: Array  # [n, dim]
    kept: Array  # [n], 0 or 1
    fresh: Array  # [n], bool


class OwnSide(NamedTuple):
    """A self-judge: right is what lies on the side of the model's own heaviest component."""

    tpr: float
    fpr: float

    def __call__(self, key: Array, model: GaussianMixture, x: Array, /) -> Array:
        """The verdict on each sample."""
        return sandbox.Verifier(self.tpr, self.fpr, own_side(model))(key, model, x)

    def of(self, model: GaussianMixture) -> "BandRates":
        """Its acceptance where the model is this one."""
        return BandRates(self.tpr, self.fpr, own_side(model))


class BandRates(NamedTuple):
    """The acceptance of a Verifier to whom a band is right, with its expectation under a mixture."""

    tpr: float
    fpr: float
    band: Band

    def acceptance(self, x: Array) -> Array:
        """The probability to keep each point [n]."""
        return jnp.where(self.band(x), self.tpr, self.fpr)

    def share_kept(self, mixture: GaussianMixture) -> Array:
        """Its expectation."""
        return self.fpr + (self.tpr - self.fpr) * self.band.probability(mixture)


def own_side(model: GaussianMixture) -> Band:
    """Beyond the midpoint of the heaviest component's mean and that of the others; all, where these are the same."""
    heavy = jax.nn.one_hot(jnp.argmax(model.weights), model.weights.size, dtype=model.weights.dtype)
    others = model.weights * (1 - heavy)
    others = jnp.where(others.sum() > 0, others, 1 - heavy)
    a, b = heavy @ model.means, others @ model.means / others.sum()
    apart = (a != b).any()
    normal = jnp.where(apart, a - b, 1.0)
    return Band(normal, jnp.where(apart, normal @ (a + b) / 2, -jnp.inf), jnp.asarray(jnp.inf, a.dtype))


def soft_verifier(right: Band, tpr: float, fpr: float) -> SoftVerifier:
    """As wide as what is right."""
    centre, half_width = (right.lower + right.upper) / 2, (right.upper - right.lower) / 2
    return SoftVerifier(tpr, fpr, right.normal, centre, half_width, right)


def near_heaviest(task: GaussianMixture, half_width: float) -> Band:
    """What is right: within `half_width` of the heaviest component's mean, seen from the mean of the mixture."""
    heavy = task.means[jnp.argmax(task.weights)]
    direction = heavy - task.weights @ task.means
    normal = direction / jnp.linalg.norm(direction)
    return Band(normal, heavy @ normal - half_width, heavy @ normal + half_width)


def four_loops(
    tasks: GaussianMixture,
    start: GaussianMixture,
    num_samples: int,
    half_width: float,
    *,
    rates: tuple[float, float] = RATES,
    share: float = SHARE,
    **options: Any,
) -> Case:
    """Four loops of these tasks.

    Args:
        tasks: The true mixtures, [x, …].
        start: Where EM starts from, always.
        num_samples: n.
        half_width: How near to the heaviest component is right, and how blurred the verifier.
        rates: (tpr, fpr) of the verifier and of the self-judge.
        share: The share of fresh real samples.
        options: Those of `GaussianMixture.fit`.
    """

    def fit(_: GaussianMixture, x: Array, weights: Array) -> GaussianMixture:
        return start.fit(x, weights, steps=STEPS, **options)

    right = partial(near_heaviest, half_width=half_width)
    loops = {
        "closed": closed(num_samples),
        "self-judge": self_judged(num_samples, OwnSide(*rates)),
        "verifier": verified(num_samples, lambda task: soft_verifier(right(task), *rates)),
        "fresh data": with_fresh(num_samples, share),
    }
    of_real = pairwise(lambda x, task: task.log_prob(x).sum())
    share_right = lambda model, task: right(task).probability(model)  # noqa: E731
    return Case(tasks, num_samples, fit, features, share_right, lambda x, tasks: of_real(x, (tasks,)), loops)


def closed(num_samples: int) -> Loop:
    """No signal."""
    keep = sandbox.KeepAll()
    of_samples = pairwise(lambda seen, model, _: model.log_prob(seen.x).sum())
    return Loop(keep, sandbox.Replace(), _judged(num_samples, lambda _: keep), of_samples)


def self_judged(num_samples: int, judge: OwnSide) -> Loop:
    """A judge that looks at the model alone."""
    of_kept = pairwise(lambda seen, model, _: kept_log_prob(seen, model, judge.of(model)))
    return Loop(judge, sandbox.Replace(), _judged(num_samples, lambda _: judge), of_kept)


def verified(num_samples: int, verifier: Callable[[GaussianMixture], Any]) -> Loop:
    """A verifier made from the task: a signal with acceptance(x) and share_kept(mixture)."""
    of_kept = pairwise(lambda seen, model, task: kept_log_prob(seen, model, verifier(task)))

    def of_verdicts(seen: Seen, task: GaussianMixture) -> Array:
        accepted = verifier(task).acceptance(seen.x)
        return (xlogy(seen.kept, accepted) + xlog1py(1 - seen.kept, -accepted)).sum()

    signal = lambda _, task: verifier(task)  # noqa: E731
    return Loop(signal, sandbox.Replace(), _judged(num_samples, verifier), of_kept, of_verdicts)


def with_fresh(num_samples: int, share: float) -> Loop:
    """Each sample is real with probability `share`, which the fit does not see."""

    def mixed(key: Array, model: GaussianMixture, task: GaussianMixture) -> Seen:
        own_key, fresh_key, coin_key = jax.random.split(key, 3)
        fresh = jax.random.uniform(coin_key, (num_samples,)) < share
        x = jnp.where(fresh[:, None], task.sample(fresh_key, num_samples), model.sample(own_key, num_samples))
        return Seen(x, jnp.ones(num_samples), fresh)

    def pooled(seen: Seen, model: GaussianMixture, task: GaussianMixture) -> Array:
        own, fresh = model.log_prob(seen.x), task.log_prob(seen.x)
        return jnp.logaddexp(own + jnp.log1p(-share), fresh + jnp.log(share)).sum()

    def of_fresh(seen: Seen, task: GaussianMixture) -> Array:
        return jnp.where(seen.fresh, task.log_prob(seen.x), 0).sum()

    regime = sandbox.Fresh(None, share, stratified=False)
    return Loop(sandbox.KeepAll(), regime, mixed, pairwise(pooled), of_fresh)


def kept_log_prob(seen: Seen, model: GaussianMixture, signal: Any) -> Array:
    """ln Π_kept z(x) a(x) · (1 − E_z a)^(n − kept): the dropped are seen in their number alone."""
    kept = seen.kept * model.log_prob(seen.x) + xlogy(seen.kept, signal.acceptance(seen.x))
    return kept.sum() + xlog1py((1 - seen.kept).sum(), -signal.share_kept(model))


def _judged(num_samples: int, signal: Callable[[GaussianMixture], Any]) -> Callable[..., Seen]:
    def seen(key: Array, model: GaussianMixture, task: GaussianMixture) -> Seen:
        sample_key, signal_key = jax.random.split(key)
        x = model.sample(sample_key, num_samples)
        return Seen(x, signal(task)(signal_key, model, x), jnp.zeros(num_samples, bool))

    return seen


def pairwise(log_prob):
    """(seen, *latent) -> number, made (seen [b, …], latent [l, …]) -> [b, l]."""
    return jax.vmap(lambda seen, latent: jax.vmap(lambda z: log_prob(seen, *z))(latent), (0, None))


def features(model: GaussianMixture) -> Array:
    """Weights, means and scales, in the order of the components, which is that of the start."""
    weights = model.weights[..., 1:]
    return jnp.concatenate([weights, model.means.reshape(*weights.shape[:2], -1), scale_features(model.scales)], -1)


def scale_features(scales: Array) -> Array:
    """The lower triangles, with logarithms of the diagonal; nothing where all scales are the same."""
    row, column = jnp.tril_indices(scales.shape[-1])
    entries = scales[..., row, column]
    entries = jnp.where(row == column, jnp.log(jnp.where(row == column, entries, 1)), entries)
    return entries.reshape(*scales.shape[:2], -1)


def small(num_samples: int = 20, **options: Any) -> Case:
    """Weight and two means are refitted: the heavier component is the left or the right one, each mean moved by ∓0.3.

    `options` are those of `four_loops`.
    """
    grid = [(weight, left, right) for weight in (0.4, 0.6) for left in (-0.3, 0.3) for right in (-0.3, 0.3)]
    weights = jnp.array([[weight, 1 - weight] for weight, _, _ in grid])
    means = jnp.array([[[-2 + left], [2 + right]] for _, left, right in grid])
    unit = jnp.ones((8, 2, 1, 1))
    start = GaussianMixture(jnp.array([0.5, 0.5]), jnp.array([[-2.0], [2.0]]), unit[0])
    return four_loops(GaussianMixture(weights, means, unit), start, num_samples, 1.25, known_scales=True, **options)


def full() -> Case:
    """All 17 parameters, n = 50: three components in the plane, the first or the second one the heaviest.

    Two more bits move the first component by ∓0.3 outwards, and stretch the third one along one axis or the other.
    """
    grid = [(heavy, moved, axis) for heavy in (0, 1) for moved in (-0.3, 0.3) for axis in (0, 1)]
    corners = 2.5 * jnp.array([[jnp.cos(angle), jnp.sin(angle)] for angle in (jnp.pi / 2, -jnp.pi / 6, 7 * jnp.pi / 6)])
    weights = jnp.stack([jnp.full(3, 0.25).at[heavy].set(0.5) for heavy, _, _ in grid])
    means = jnp.stack([corners.at[0].multiply(1 + moved / 2.5) for _, moved, _ in grid])
    stretched = [jnp.diag(jnp.array([1.3, 0.7])), jnp.diag(jnp.array([0.7, 1.3]))]
    scales = jnp.stack([jnp.stack([jnp.eye(2), jnp.eye(2), stretched[axis]]) for _, _, axis in grid])
    start = GaussianMixture(jnp.full(3, 1 / 3), corners, jnp.broadcast_to(jnp.eye(2), (3, 2, 2)))
    return four_loops(GaussianMixture(weights, means, scales), start, 50, 1.5, covariance_floor=0.05)
