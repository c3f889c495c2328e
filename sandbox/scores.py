"""Signals that rank or compare the proposals of a batch by a score: best of n, a tilt, raters' preferences.

A `score` is a function x -> numbers [n]. With `noise`, the standard deviation of a Gaussian error that is independent
at each look, one proposal may be ranked differently each time. Errors that persist stand in the score itself: a `Rates`
table of true scores plus errors that were drawn once. What a proposal gets depends on its batch, so that none of these
signals has an `acceptance`; and proposals are compared across prompts, so that to compare within a prompt takes a loop
for each.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from sandbox import noise, validation
from sandbox.base import Data, Model, Weights
from sandbox.signals import Rate, bernoulli

Score = Callable[[Any], Float[Array, " n"]]
Noise = Annotated[float | Float[Array, ""], validation.nonnegative]


class TopFraction(NamedTuple):
    """Accepts the round(fraction · n) best of a batch by score + noise · N(0, 1), one at least; of equals the first."""

    fraction: Rate
    score: Score
    noise: Noise = 0.0

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 for the best, else 0; NaN where the score is."""
        score = _seen(key, self, x)
        rank = jnp.argsort(jnp.argsort(-score))
        count = jnp.round(jnp.asarray(self.fraction) * score.size).astype(rank.dtype)
        return jnp.where(jnp.isnan(score), jnp.nan, (rank < jnp.maximum(count, 1)).astype(float))


class BestOfN(NamedTuple):
    """Accepts the best of each n proposals in turn by score + noise · N(0, 1), of equals the one drawn first.

    Best-of-n sampling. Of N proposals ⌊N/n⌋ are accepted: the last ones, where they are fewer than n, are rejected, so
    that whatever is accepted is the best of n, and of a batch smaller than n nothing is.

    References:
        Beirami et al. (2024), Theoretical guarantees on the best-of-n alignment policy, arXiv:2401.01879.
    """

    n: int | Int[Array, ""]
    score: Score
    noise: Noise = 0.0

    def check(self) -> None:
        """Raises ValueError unless n is a whole number of 1 or more."""
        validation.integers("BestOfN.n", self.n, 1)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 for the best of each n, else 0; NaN where the score is."""
        score, n = _seen(key, self, x), jnp.asarray(self.n).astype(int)
        place = jnp.arange(score.size)
        group = place // n  # a traced n, so that all n are one program
        best = jax.ops.segment_max(score, group, score.size)[group]
        first = jax.ops.segment_min(jnp.where(score == best, place, score.size), group, score.size)[group]
        won = (place == first) & (group < score.size // n)
        return jnp.where(jnp.isnan(score), jnp.nan, won.astype(float))


class ExponentialTilt(NamedTuple):
    """Weighs by exp((s − m)/temperature), s = score + noise · N(0, 1), m the larger of `largest` and the batch's best.

    With many samples a fit turns p into p(x) e^{score(x)/temperature}/Z, the optimum of RLHF with a KL penalty of
    `temperature` a nat: max_q E_q[score] − temperature · KL(q‖p). A fit does not feel m, nor, on average over many
    samples, the noise. Sampling until n are accepted does feel m: its odds are exact where no score, noise included,
    is above `largest`, which is then rejection sampling; else those of each batch are relative to its own best.

    References:
        Korbak, Perez & Buckley (2022), RL with KL penalties is better viewed as Bayesian inference, arXiv:2205.11275.
        Rafailov et al. (2023), Direct preference optimization, arXiv:2305.18290, eq. 4: the optimum.
        Liu et al. (2023), Statistical rejection sampling improves preference optimization, arXiv:2309.06657.
    """

    temperature: Annotated[float | Float[Array, ""], validation.positive]
    score: Score
    largest: float | Float[Array, ""] = -jnp.inf
    noise: Noise = 0.0

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The weight of each sample: 1 for the best of a batch, unless `largest` is more; NaN if that is infinite."""
        score = _seen(key, self, x)
        top = jnp.maximum(score.max(), jnp.asarray(self.largest, score.dtype))
        return jnp.exp((score - top) / jnp.asarray(self.temperature, score.dtype))


class BradleyTerry(NamedTuple):
    """Raters compare each two proposals in turn; rater j prefers the first with chance σ((s_1 − s_2)/temperature_j).

    Their errors are independent, of each other and at each look. The two weights are 1 and 0 for what most raters
    prefer and for the other, ½ each at a tie; or, where `majority` is False, the shares of raters that prefer either.
    Of an odd number of proposals the last is rejected.

    References:
        Bradley & Terry (1952), Rank analysis of incomplete block designs. Biometrika 39.
        Christiano et al. (2017), Deep reinforcement learning from human preferences, arXiv:1706.03741.
    """

    temperature: Annotated[Float[Array, " rater"], validation.positive]
    score: Score
    majority: Annotated[bool | Bool[Array, ""], validation.rate] = True

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The weights of each two, which sum to 1; NaN where a score of the two is."""
        score, temperature = _scores(self, x), jnp.asarray(self.temperature)
        one, other = jnp.pad(score, (0, score.size % 2)).reshape(-1, 2).T
        gap = jnp.where(one == other, 0, one - other)  # where both are infinite, too
        chance = jax.nn.sigmoid(gap[None, :] / temperature.astype(score.dtype)[:, None])
        votes, raters = bernoulli(key, chance).sum(0), temperature.size
        first = jnp.where(self.majority, (1 + jnp.sign(2 * votes - raters)) / 2, votes / raters)
        weights = jnp.stack([first, 1 - first], axis=1).ravel()[: score.size]
        return jnp.where(jnp.arange(score.size) < score.size // 2 * 2, weights, 0)


def _scores(signal: Any, x: Data) -> Float[Array, " n"]:
    """The score of each sample; raises unless it is one number each."""
    x = validation.samples("x", x)
    return validation.one_each(f"{type(signal).__name__}.score", signal.score(x), x.shape[0]).astype(float)


def _seen(key: Array, signal: Any, x: Data) -> Float[Array, " n"]:
    """The score of each sample with the error of this look."""
    score = _scores(signal, x)
    return score + jnp.asarray(signal.noise, score.dtype) * noise.normal(key, score.shape, score.dtype)
