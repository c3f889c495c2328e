"""Outputs to several prompts, a distribution over K outputs for each."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, noise, spaces, validation
from sandbox.base import ArrayLike
from sandbox.models.categorical import Categorical, Smoothing, invert


class PromptedCategorical(NamedTuple):
    """p(q, y) = prompts[q] · probs[q, y], output y in {0 … K−1} to prompt q, as the symbol x = q K + y.

    A fit learns each prompt from what was accepted of its own outputs, so that one of which nothing is accepted stays
    as it is, as in rejection-sampling fine-tuning: prompts of unequal difficulty, the hardest never learned. How often
    a prompt is asked does not change. What is correct is a region of the P K symbols, as `Symbols(mask.ravel())` of a
    mask [prompt, output], and the accuracy of a record the mean over all prompts, each with its probability.

    References:
        Yuan et al. (2023), Scaling relationship on learning mathematical reasoning, arXiv:2308.01825.
        Singh et al. (2023), Beyond human data, arXiv:2312.06585: ReST^EM.
    """

    prompts: Annotated[Float[Array, " prompt"], validation.distribution]
    probs: Annotated[Float[Array, "prompt output"], validation.distribution]
    space = property(lambda self: spaces.symbols(int(np.prod(np.shape(self.probs)[-2:]))))

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws n independent outputs, each to a prompt of its own."""
        joint = _joint(inputs.to_sample(self, key, n))
        return invert(jnp.cumsum(joint), noise.uniform(key, (n,), joint.dtype))

    def log_prob(self, x: ArrayLike) -> Float[Array, " n"]:
        """ln p(q, y), in nats; −inf for an output that is lost."""
        joint = _joint(inputs.ready("PromptedCategorical", self))
        return spaces.look_up(jnp.log(joint), self.space.samples("x", x), -jnp.inf)

    def fit(self, x: ArrayLike, weights: ArrayLike = None, *, smoothing: Smoothing = 0.0) -> "PromptedCategorical":
        """Of each prompt the weighted shares of its outputs, with `smoothing`, one number or one an output, added.

        probs[q, y] = (c_qy + α_y) / (Σ_y c_qy + Σ α), c_qy = Σ_i w_i 1[x_i = q K + y], α = smoothing ≥ 0; a prompt
        whose outputs all have weight 0 keeps its distribution, and all keep their probabilities `prompts`.
        """
        self = inputs.ready("PromptedCategorical", self)
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: ArrayLike, weights: ArrayLike = None) -> Float[Array, "prompt output"]:
        """The weighted counts of the outputs to each prompt."""
        x, weights = self.space.weighted(x, weights, self.probs.dtype)
        return spaces.count(jnp.ravel(self.probs), x, weights).reshape(self.probs.shape)

    def fit_statistics(
        self, statistics: Float[Array, "prompt output"], *, smoothing: Smoothing = 0.0
    ) -> "PromptedCategorical":
        """The fit to data with these counts; a prompt without any stays as it is."""

        def refit(probs: Array, counts: Array) -> Array:
            return Categorical(probs).fit_statistics(counts, smoothing=smoothing).probs

        return self._replace(probs=jax.vmap(refit)(jnp.asarray(self.probs), statistics))


def _joint(model: PromptedCategorical) -> Float[Array, " symbol"]:
    """p(q, y) of each symbol."""
    return jnp.ravel(model.prompts[:, None] * model.probs)
