"""Mixtures of two Gaussians of known width in loops; what each fit sees has a likelihood in closed form."""

from functools import cache, partial, reduce
from itertools import starmap
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import xlog1py, xlogy
from jax.scipy.stats import norm

import sandbox
from experiments.continuous_information.setup import Arm, Inputs, Setup, four
from experiments.questions.bracket import Loop, Sampler
from sandbox import GaussianMixture
from sandbox.signals import bernoulli

RATES = 0.95, 0.05  # of the verifier, and of the self-consistency judge
SHARE = 0.2  # of fresh real samples, each sample on its own
STEPS = 20  # of EM, from one start for all: a fit that started from Z_t would remember it beyond D_t
TOGETHER = 4  # densities, of which one logarithm is taken; below 1e-38 (float32) they count as 0, as in an average
HALF_WIDTH = 1.25  # how near to the heaviest component is correct, and how blurred the verifier


class MixtureTask(NamedTuple):
    """A true mixture, and what enters the loop."""

    mixture: GaussianMixture
    inputs: Inputs

    @property
    def target(self) -> Array:
        """The mean of the heaviest component."""
        return self.mixture.means[jnp.argmax(self.mixture.weights), 0]


class JudgedSamples(NamedTuple):
    """A generation's samples, which were accepted, and which are fresh."""

    x: Array  # [n]
    accepted: Array  # [n], 0 or 1
    fresh: Array  # [n], bool


class MixtureJudge(NamedTuple):
    """Accepts x with probability fpr + (tpr − fpr) s(x).

    A verifier is blurred, s = exp(−(x − target)²/2 HALF_WIDTH²): close calls are often errors. To a self-consistency
    judge s = 1 on the side of the model's own heaviest component, 0 on the other.
    """

    inputs: Inputs
    target: Any

    def near(self, x: Array) -> Array:
        """s(x) of the verifier."""
        return jnp.exp(-(((x - self.target) / HALF_WIDTH) ** 2) / 2)

    def acceptance(self, model: GaussianMixture, x: Array) -> Array:
        """The probability to accept each point [n]."""
        return rate(self.inputs, self.near(x), on_side(x, own_side(model)))

    def share_accepted(self, model: GaussianMixture) -> Array:
        """The expected acceptance of the model's samples, by one Gaussian integral a component."""
        means, (middle, gap) = model.means[:, 0], own_side(model)
        own = jnp.where(gap == 0, 1, model.weights @ norm.cdf(jnp.sign(gap) * (means - middle)))
        total = HALF_WIDTH**2 + 1
        near = HALF_WIDTH * total**-0.5 * (model.weights @ jnp.exp(-((means - self.target) ** 2) / (2 * total)))
        return rate(self.inputs, near, own)

    def __call__(self, key: Array, model: GaussianMixture, x: Array, /) -> Array:
        """1 with probability acceptance(x), else 0."""
        return bernoulli(key, self.acceptance(model, x[:, 0]))


def rate(inputs: Inputs, near: Array, own: Array) -> Array:
    """The probability to accept what is so near to the target, or on the model's own side or not."""
    return inputs.fpr + (inputs.tpr - inputs.fpr) * jnp.where(inputs.own, own.astype(near.dtype), near)


def own_side(model: GaussianMixture) -> tuple[Array, Array]:
    """The middle between the two means, and the mean of the heavier component less the other one."""
    (first_weight, first), (second_weight, second) = components(model)
    return (first + second) / 2, jnp.where(first_weight >= second_weight, first - second, second - first)


def on_side(x: Array, side: tuple[Array, Array]) -> Array:
    """Whether each point is on the side of the heavier component."""
    middle, gap = side
    return (x - middle) * gap >= 0


def judge(task: MixtureTask) -> MixtureJudge:
    """Of this task: the verifier, or the self-consistency judge where the inputs are the model's own."""
    return MixtureJudge(task.inputs, task.target)


def components(model: GaussianMixture) -> list[tuple[Array, Array]]:
    """Weights and means [...] of each."""
    return [(model.weights[..., k], model.means[..., k, 0]) for k in (0, 1)]


def density(components: list[tuple[Array, Array]], x: Array) -> Array:
    """At each point."""
    first, second = (weight * jnp.exp(-((x - mean) ** 2) / 2) for weight, mean in components)
    return (first + second) / (2 * np.pi) ** 0.5


def seen(key: Array, model: GaussianMixture, task: MixtureTask, *, num_samples: int) -> JudgedSamples:
    """What the fit sees: accepted samples, each of which is real with probability `share`, which it does not see."""
    own_key, fresh_key, coin_key, signal_key = jax.random.split(key, 4)
    own, real = model.sample(own_key, num_samples), task.mixture.sample(fresh_key, num_samples)
    fresh = jax.random.uniform(coin_key, (num_samples,)) < task.inputs.share
    accepted = judge(task)(signal_key, model, own)
    return JudgedSamples(jnp.where(fresh, real[:, 0], own[:, 0]), jnp.where(fresh, 1.0, accepted), fresh)


class PreparedSamples(NamedTuple):
    """A generation's samples, and what is the same for all models of a task."""

    x: Array  # [n]
    accepted: Array  # [n], 0 or 1
    near: Array  # s(x) of a verifier of each task [n, x]
    real: Array  # the true density of each task [n, x]


@jax.jit
def prepare(seen: JudgedSamples, tasks: MixtureTask) -> PreparedSamples:
    """Of what is seen [..., n], and tasks [x]."""

    def tables(task: MixtureTask) -> tuple[Array, Array]:
        return judge(task).near(seen.x), density(components(task.mixture), seen.x)

    return PreparedSamples(seen.x, seen.accepted, *jax.vmap(tables, out_axes=-1)(tasks))


def seen_log_likelihood(seen: PreparedSamples, latent: tuple[GaussianMixture, MixtureTask]) -> Array:
    """ln Π_accepted (share p(x) + (1 − share) z(x) a(x)) · ((1 − share) (1 − E_z a))^rejected: these are but counted.

    Of what is seen [b], for models and tasks [l], as many models of each task, one task after the other: [b, l].
    """
    shape = 1, seen.near.shape[-1], -1
    accepts = jax.vmap(lambda model, task: judge(task).share_accepted(model))(*latent).reshape(shape)
    columns = components(latent[0]), own_side(latent[0]), latent[1].inputs
    model, side, inputs = jax.tree.map(lambda leaf: leaf.reshape(shape), columns)  # [1, x, model], each by itself
    share = inputs.share

    def factor(x: Array, accepted: Array, near: Array, real: Array) -> Array:
        x, near, real = x[:, None, None], near[:, :, None], real[:, :, None]
        own = rate(inputs, near, on_side(x, side)) * density(model, x)
        return jnp.where(accepted[:, None, None] > 0, share * real + (1 - share) * own, 1)

    def add(total: Array, samples: PreparedSamples) -> tuple[Array, None]:
        return total + jnp.log(reduce(jnp.multiply, starmap(factor, zip(*samples, strict=True)))), None

    together = TOGETHER if seen.x.shape[1] % TOGETHER == 0 else 1
    groups = [jnp.moveaxis(leaf, 1, 0) for leaf in seen]
    groups = PreparedSamples(*(leaf.reshape(-1, together, *leaf.shape[1:]) for leaf in groups))
    rejected = (1 - seen.accepted).sum(1)[:, None, None]
    start = jnp.where(rejected > 0, rejected * jnp.log1p(-(share + (1 - share) * accepts)), 0)
    return jax.lax.scan(add, start, groups)[0].reshape(len(seen.x), -1)


def signal_log_prob(seen: JudgedSamples, task: MixtureTask) -> Array:
    """ln p of the verdicts, unless they are the model's own, and of the fresh samples."""
    rates = judge(task).acceptance(task.mixture, seen.x)
    verdicts = xlogy(seen.accepted, rates) + xlog1py(1 - seen.accepted, -rates)
    verdicts = jnp.where(task.inputs.own, 0, verdicts)
    return jnp.where(seen.fresh, jnp.log(density(components(task.mixture), seen.x)), verdicts).sum()


def real_log_likelihood(x: Array, tasks: MixtureTask) -> Array:
    """ln p of real samples [b, n, 1] under each task [b, x]."""
    return jax.vmap(lambda mixture: jnp.log(density(components(mixture), x[..., 0])).sum(1), out_axes=1)(tasks.mixture)


def accuracy(model: GaussianMixture, task: MixtureTask) -> Array:
    """The probability of what is correct: within HALF_WIDTH of the heaviest component's mean."""
    ends = [norm.cdf(task.target + end - model.means[:, 0]) for end in (HALF_WIDTH, -HALF_WIDTH)]
    return model.weights @ (ends[0] - ends[1])


def features(model: GaussianMixture) -> Array:
    """Weights and means, in the order of the components, which is that of the start."""
    return jnp.concatenate([model.weights[..., 1:], model.means[..., 0]], -1)


@cache
def small(num_samples: int = 20) -> Setup:
    """Weight and two means are refitted: the heavier component is left or right, each mean moved by ∓0.3."""

    def fit(_: GaussianMixture, x: Array, weights: Array) -> GaussianMixture:
        start = GaussianMixture(jnp.array([0.5, 0.5]), jnp.array([[-2.0], [2.0]]), jnp.ones((2, 1, 1)))
        return start.fit(x, weights, steps=STEPS, known_scales=True)

    loop = Loop(
        num_samples,
        signal=judge,
        regime=lambda task: sandbox.Fresh(task.mixture, task.inputs.share, stratified=False),
        fit=fit,
        truth=lambda task: task.mixture,
        features=features,
        accuracy=accuracy,
    )
    draw = partial(seen, num_samples=num_samples)
    sampler = Sampler(draw, seen_log_likelihood, real_log_likelihood, signal_log_prob, prepare)
    inputs = four(*RATES, SHARE) | {"equal rates": Inputs(0.5, 0.5)}
    return Setup(loop, sampler, {name: arm(one) for name, one in inputs.items()})


def arm(inputs: Inputs) -> Arm:
    """The eight tasks with these inputs."""
    grid = [(weight, left, right) for weight in (0.4, 0.6) for left in (-0.3, 0.3) for right in (-0.3, 0.3)]
    weights = np.array([[weight, 1 - weight] for weight, _, _ in grid])
    means = np.array([[[-2 + left], [2 + right]] for _, left, right in grid])
    tasks = GaussianMixture(weights, means, np.ones((8, 2, 1, 1)))  # pyright: ignore[reportArgumentType]
    return Arm(MixtureTask(tasks, inputs.of(len(grid))), inputs.closed)
