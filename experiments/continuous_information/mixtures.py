"""Mixtures of two normal laws of known width in loops; the law of what each fit sees is known in closed form."""

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
from experiments.questions.bracket import Case, Feedback, Loop, four
from sandbox import GaussianMixture
from sandbox.signals import bernoulli

RATES = 0.95, 0.05  # of the verifier, and of the self-judge
SHARE = 0.2  # of fresh real samples, each sample on its own
STEPS = 20  # of EM, from one start for all: a fit that started from Z_t would remember it beyond D_t
TOGETHER = 4  # densities, of which one logarithm is taken; below 1e-38 (float32) they count as 0, as in an average
HALF_WIDTH = 1.25  # how near to the heaviest component is right, and how blurred the verifier


class Task(NamedTuple):
    """A true mixture, and what enters the loop."""

    mixture: GaussianMixture
    feedback: Feedback

    @property
    def target(self) -> Array:
        """The mean of the heaviest component."""
        return self.mixture.means[jnp.argmax(self.mixture.weights), 0]


class Seen(NamedTuple):
    """A generation's samples, which were kept, and which are fresh."""

    x: Array  # [n]
    kept: Array  # [n], 0 or 1
    fresh: Array  # [n], bool


class Judge(NamedTuple):
    """Keeps x with probability fpr + (tpr − fpr) s(x).

    A verifier is blurred, s = exp(−(x − target)²/2 HALF_WIDTH²): close calls are errors often. To a self-judge s = 1 on
    the side of the model's own heaviest component, 0 on the other.
    """

    feedback: Feedback
    target: Any

    def near(self, x: Array) -> Array:
        """s(x) of the verifier."""
        return jnp.exp(-(((x - self.target) / HALF_WIDTH) ** 2) / 2)

    def acceptance(self, model: GaussianMixture, x: Array) -> Array:
        """The probability to keep each point [n]."""
        return accepted(self.feedback, self.near(x), on_side(x, own_side(model)))

    def share_accepted(self, model: GaussianMixture) -> Array:
        """The expected acceptance of the model's samples, by one normal integral a component."""
        means, (middle, gap) = model.means[:, 0], own_side(model)
        own = jnp.where(gap == 0, 1, model.weights @ norm.cdf(jnp.sign(gap) * (means - middle)))
        total = HALF_WIDTH**2 + 1
        near = HALF_WIDTH * total**-0.5 * (model.weights @ jnp.exp(-((means - self.target) ** 2) / (2 * total)))
        return accepted(self.feedback, near, own)

    def __call__(self, key: Array, model: GaussianMixture, x: Array, /) -> Array:
        """1 with probability acceptance(x), else 0."""
        return bernoulli(key, self.acceptance(model, x[:, 0]))


def accepted(feedback: Feedback, near: Array, own: Array) -> Array:
    """The probability to keep what is so near to the target, or on the model's own side or not."""
    return feedback.fpr + (feedback.tpr - feedback.fpr) * jnp.where(feedback.own, own.astype(near.dtype), near)


def own_side(model: GaussianMixture) -> tuple[Array, Array]:
    """The middle between the two means, and the mean of the heavier component less the other one."""
    (first_weight, first), (second_weight, second) = components(model)
    return (first + second) / 2, jnp.where(first_weight >= second_weight, first - second, second - first)


def on_side(x: Array, side: tuple[Array, Array]) -> Array:
    """Whether each point is on the side of the heavier component."""
    middle, gap = side
    return (x - middle) * gap >= 0


def judge(task: Task) -> Judge:
    """Of this task: the verifier, or where the feedback says so the self-judge."""
    return Judge(task.feedback, task.target)


def components(model: GaussianMixture) -> list[tuple[Array, Array]]:
    """Weights and means [...] of each."""
    return [(model.weights[..., k], model.means[..., k, 0]) for k in (0, 1)]


def density(components: list[tuple[Array, Array]], x: Array) -> Array:
    """At each point."""
    first, second = (weight * jnp.exp(-((x - mean) ** 2) / 2) for weight, mean in components)
    return (first + second) / (2 * np.pi) ** 0.5


def seen(key: Array, model: GaussianMixture, task: Task, *, num_samples: int) -> Seen:
    """What the fit sees: the samples that are kept; each is real with probability `share`, which it does not see."""
    own_key, fresh_key, coin_key, signal_key = jax.random.split(key, 4)
    own, real = model.sample(own_key, num_samples), task.mixture.sample(fresh_key, num_samples)
    fresh = jax.random.uniform(coin_key, (num_samples,)) < task.feedback.share
    kept = judge(task)(signal_key, model, own)
    return Seen(jnp.where(fresh, real[:, 0], own[:, 0]), jnp.where(fresh, 1.0, kept), fresh)


class Prepared(NamedTuple):
    """A generation's samples, and what is the same for all models of a task."""

    x: Array  # [n]
    kept: Array  # [n], 0 or 1
    near: Array  # s(x) of a verifier of each task [n, x]
    real: Array  # the true density of each task [n, x]


@jax.jit
def prepare(seen: Seen, tasks: Task) -> Prepared:
    """Of what is seen [..., n], and tasks [x]."""

    def tables(task: Task) -> tuple[Array, Array]:
        return judge(task).near(seen.x), density(components(task.mixture), seen.x)

    return Prepared(seen.x, seen.kept, *jax.vmap(tables, out_axes=-1)(tasks))


def seen_log_likelihood(seen: Prepared, latent: tuple[GaussianMixture, Task]) -> Array:
    """ln Π_kept (share p(x) + (1 − share) z(x) a(x)) · ((1 − share) (1 − E_z a))^dropped: these are but a number.

    Of what is seen [b], for models and tasks [l], as many models of each task, one task after the other: [b, l].
    """
    shape = 1, seen.near.shape[-1], -1
    passed = jax.vmap(lambda model, task: judge(task).share_accepted(model))(*latent).reshape(shape)
    columns = components(latent[0]), own_side(latent[0]), latent[1].feedback
    model, side, feedback = jax.tree.map(lambda leaf: leaf.reshape(shape), columns)  # [1, x, model], each by itself
    share = feedback.share

    def factor(x: Array, kept: Array, near: Array, real: Array) -> Array:
        x, near, real = x[:, None, None], near[:, :, None], real[:, :, None]
        own = accepted(feedback, near, on_side(x, side)) * density(model, x)
        return jnp.where(kept[:, None, None] > 0, share * real + (1 - share) * own, 1)

    def add(total: Array, samples: Prepared) -> tuple[Array, None]:
        return total + jnp.log(reduce(jnp.multiply, starmap(factor, zip(*samples, strict=True)))), None

    together = TOGETHER if seen.x.shape[1] % TOGETHER == 0 else 1
    groups = [jnp.moveaxis(leaf, 1, 0) for leaf in seen]
    groups = Prepared(*(leaf.reshape(-1, together, *leaf.shape[1:]) for leaf in groups))
    dropped = (1 - seen.kept).sum(1)[:, None, None]
    start = jnp.where(dropped > 0, dropped * jnp.log1p(-(share + (1 - share) * passed)), 0)
    return jax.lax.scan(add, start, groups)[0].reshape(len(seen.x), -1)


def signal_log_prob(seen: Seen, task: Task) -> Array:
    """ln p of the verdicts, unless they are the model's own, and of the fresh samples."""
    keeps = judge(task).acceptance(task.mixture, seen.x)
    verdicts = xlogy(seen.kept, keeps) + xlog1py(1 - seen.kept, -keeps)
    verdicts = jnp.where(task.feedback.own, 0, verdicts)
    return jnp.where(seen.fresh, jnp.log(density(components(task.mixture), seen.x)), verdicts).sum()


def log_likelihood(x: Array, tasks: Task) -> Array:
    """ln p of real samples [b, n, 1] under each task [b, x]."""
    return jax.vmap(lambda mixture: jnp.log(density(components(mixture), x[..., 0])).sum(1), out_axes=1)(tasks.mixture)


def accuracy(model: GaussianMixture, task: Task) -> Array:
    """The probability of what is right: within HALF_WIDTH of the heaviest component's mean."""
    ends = [norm.cdf(task.target + end - model.means[:, 0]) for end in (HALF_WIDTH, -HALF_WIDTH)]
    return model.weights @ (ends[0] - ends[1])


def features(model: GaussianMixture) -> Array:
    """Weights and means, in the order of the components, which is that of the start."""
    return jnp.concatenate([model.weights[..., 1:], model.means[..., 0]], -1)


@cache
def small(num_samples: int = 20) -> tuple[Case, dict[str, Loop]]:
    """Weight and two means are refitted: the heavier component is left or right, each mean moved by ∓0.3."""

    def fit(_: GaussianMixture, x: Array, weights: Array) -> GaussianMixture:
        start = GaussianMixture(jnp.array([0.5, 0.5]), jnp.array([[-2.0], [2.0]]), jnp.ones((2, 1, 1)))
        return start.fit(x, weights, steps=STEPS, known_scales=True)

    case = Case(
        num_samples,
        fit,
        features,
        accuracy,
        log_likelihood,
        partial(seen, num_samples=num_samples),
        seen_log_likelihood,
        signal=judge,
        regime=lambda task: sandbox.Fresh(task.mixture, task.feedback.share, stratified=False),
        signal_log_prob=signal_log_prob,
        truth=lambda task: task.mixture,
        prepare=prepare,
    )
    feedback = four(*RATES, SHARE) | {"equal rates": Feedback(0.5, 0.5)}
    return case, {name: loop(one) for name, one in feedback.items()}


def loop(feedback: Feedback) -> Loop:
    """The eight tasks with this feedback."""
    grid = [(weight, left, correct) for weight in (0.4, 0.6) for left in (-0.3, 0.3) for correct in (-0.3, 0.3)]
    weights = np.array([[weight, 1 - weight] for weight, _, _ in grid])
    means = np.array([[[-2 + left], [2 + correct]] for _, left, correct in grid])
    tasks = GaussianMixture(weights, means, np.ones((8, 2, 1, 1)))  # pyright: ignore[reportArgumentType]
    return Loop(Task(tasks, feedback.of(len(grid))), feedback.closed)
