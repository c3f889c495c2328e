"""Judges: signals that read a model, the one that drew the samples, or one that was fitted once."""

from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from sandbox import inputs, noise, spaces, validation
from sandbox.base import Data, Model, Weights
from sandbox.loop import check_model
from sandbox.regions import Denser, Region, Symbols, inside
from sandbox.signals import Rate, Verifier, accepted, bernoulli


class Discriminator(NamedTuple):
    """The probability that x is real and not the model's: σ(ln p_real(x) − ln p_model(x) + noise · N(0, 1)).

    At noise 0 it is the optimal discriminator between equally many of either.

    References:
        Goodfellow et al. (2014), Generative adversarial nets. NeurIPS.
        Azadi et al. (2019), Discriminator rejection sampling. ICLR.
    """

    real: Model
    noise: Annotated[float | Float[Array, ""], validation.nonnegative]

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """The probability of each sample; ½ where both models exclude it, or both are singular there."""
        real, own = self.real.log_prob(x), model.log_prob(x)
        logit = jnp.where(real == own, 0, real - own)
        return jax.nn.sigmoid(logit + self.noise * noise.normal(key, logit.shape, logit.dtype)).astype(float)


class SelfConsistencyJudge(NamedTuple):
    """A Verifier that calls correct what the model itself finds at least as likely as its own average sample.

    LLM-as-judge by self-consistency. The average is of ln p over as many samples of the model's own as there are
    candidates. A function of the model and of noise alone: the loop stays closed.
    """

    tpr: Rate
    fpr: Rate

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 with probability `tpr` where x passes for correct, else with probability `fpr`."""
        space = getattr(model, "space", None)
        x = validation.samples("x", x) if space is None else space.samples("x", x)
        sample_key, verifier_key = jax.random.split(key)
        average = model.log_prob(model.sample(sample_key, x.shape[0])).mean()
        return Verifier(self.tpr, self.fpr, Denser(model, average))(verifier_key, model, x)


class FixedRewardModel(NamedTuple):
    """A fixed reward model: accepts what is in a region that never changes, correct or not."""

    accepts: Region

    @staticmethod
    def trained(key: Array, task: Any, num_real: int, *, level: Rate = 0.1) -> "FixedRewardModel":
        """Accepts what is likely under a fit, started from the task, to `num_real` real samples of the judge's own.

        Likely is ln p at or above the `level` quantile of those samples: the share of them that it would reject.
        """
        validation.key("key", key)
        validation.at_least("num_real", num_real, 1)
        validation.table("num_real", num_real)
        validation.rate("level", level, ())
        return _trained(key, check_model("task", task), num_real, level)

    @staticmethod
    def drawn(key: Array, verifier: Any, num_symbols: int) -> "FixedRewardModel":
        """Accepts the symbols that `verifier` accepts, asked once for each of `num_symbols`.

        `verifier` is a signal with an `acceptance`, such as a Verifier.
        """
        validation.key("key", key)
        validation.at_least("num_symbols", num_symbols, 1)
        verifier = inputs.ready("verifier", verifier, spaces.symbols(num_symbols))
        return FixedRewardModel(Symbols(bernoulli(key, accepted(verifier, jnp.arange(num_symbols), "verifier")) > 0))

    def acceptance(self, x: Data) -> Weights:
        """1 in the region, else 0."""
        return inside("FixedRewardModel.accepts", self.accepts, x).astype(float)

    def __call__(self, key: Array, model: Model, x: Data, /) -> Weights:
        """1 in the region, else 0."""
        return self.acceptance(x)


@partial(jax.jit, static_argnums=2)
def _trained(key: Array, task: Any, num_real: int, level: Rate) -> FixedRewardModel:
    real = task.sample(key, num_real)
    fitted = task.fit(real, jnp.ones(num_real))
    log_prob = fitted.log_prob(real)
    # interpolating between two infinite densities would be NaN
    return FixedRewardModel(Denser(fitted, jnp.quantile(log_prob, jnp.asarray(level, log_prob.dtype), method="lower")))
