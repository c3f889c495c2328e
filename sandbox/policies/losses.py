"""Losses of a policy: SFT, RFT, RLVR, GRPO and the natural gradient, all of one kind of batch.

A batch holds the mass of each (prompt, output, symbol): under the behaviour policy and the signal where the gradient is
exact, the shares of what was drawn where it is sampled. So each method is written once, for both.
"""

from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from sandbox import validation

Number = float | Float[Array, ""]
LogProbs = Float[Array, "prompt output"]  # ln π(y|q)
ByPrompt = Float[Array, "prompt output symbol"]


class Batch(NamedTuple):
    """The outputs of one round of training, judged."""

    mass: Float[Array, "prompt output symbol"]  # sums to 1
    references: Float[Array, "prompt output"]  # sums to 1
    value: Float[Array, " symbol"]  # in [0, 1]
    behaviour: LogProbs  # of the policy that the outputs were drawn from
    start: LogProbs  # of the policy before the first round
    group: Number  # G/(G−1) where G outputs were drawn for each prompt, 1 where the gradient is exact


@runtime_checkable
class Method(Protocol):
    """How the signal enters: a loss whose gradient is taken in the policy's parameters."""

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """The loss, from ln π of the policy that is trained and the batch of the round."""
        ...


class SFT(NamedTuple):
    """Supervised fine-tuning: raises the likelihood of references, −E ln π(reference|q)."""

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """−Σ references ln π."""
        return -(batch.references * _finite(log_probs)).sum()


class RFT(NamedTuple):
    """Rejection fine-tuning: raises the likelihood of its own outputs that the signal accepted.

    References:
        Yuan et al. (2023), Scaling relationship on learning mathematical reasoning, arXiv:2308.01825.
    """

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """−Σ accepted ln π / Σ accepted, accepted = Σ_s mass value(s); 0 where nothing was accepted."""
        accepted = (batch.mass * batch.value[None, None, :]).sum(2)
        total = accepted.sum()
        return -(accepted * _finite(log_probs)).sum() / jnp.where(total > 0, total, 1)


class RLVR(NamedTuple):
    """Policy gradient of the value, less `kl` · KL(π‖start), with the mean over the prompt as its baseline.

    The ratio to the behaviour is clipped to 1 ± `clip`, where there is a clip: the surrogate of PPO and GRPO. In the
    first update of a round the ratio is 1, and the gradient that of the expected value less the KL; later the KL is
    still that of the behaviour.

    References:
        Williams (1992), Simple statistical gradient-following algorithms. Machine Learning 8.
        Schulman, Wolski, Dhariwal, Radford & Klimov (2017), Proximal policy optimization, arXiv:1707.06347.
        Liu et al. (2025), Understanding R1-Zero-like training, arXiv:2503.20783: GRPO without its division (Dr. GRPO).
    """

    kl: Annotated[Number, validation.nonnegative] = 0.0
    clip: Number = jnp.inf

    def check(self) -> None:
        """Raises ValueError unless `clip` is above 0."""
        _check_clip(self)

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """−Σ mass min(ρ A, clip(ρ, 1 ± clip) A), ρ = π/behaviour."""
        return _surrogate(log_probs, batch, batch.value[None, None, :], self)


class GRPO(NamedTuple):
    """RLVR with values divided by σ, their standard deviation among the outputs to a prompt.

    A = (value − E[value|prompt])/σ · G/(G−1), 0 where σ is, less the KL of RLVR, which is not divided. σ is over the G
    outputs of a group, without Bessel's correction, or under the policy itself where the gradient is exact: of accept
    or reject √(p(1−p)), p the share accepted. Nothing is added to it. Shao et al. have no factor G/(G−1), and verl
    divides by σ √(G/(G−1)) + 1e-6: but for the 1e-6, for one G both are another learning rate.

    References:
        Shao et al. (2024), DeepSeekMath, arXiv:2402.03300, section 4.1.
    """

    kl: Annotated[Number, validation.nonnegative] = 0.0
    clip: Number = jnp.inf

    def check(self) -> None:
        """Raises ValueError unless `clip` is above 0."""
        _check_clip(self)

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """That of RLVR with values divided by σ."""
        return _surrogate(log_probs, batch, _standardised(batch), self)


class NaturalGradient(NamedTuple):
    """Natural policy gradient: the gradient of RLVR, multiplied by the inverse of the Fisher information.

    References:
        Kakade (2001), A natural policy gradient. NIPS 14.
    """

    kl: Annotated[Number, validation.nonnegative] = 0.0

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """That of RLVR without a clip."""
        return RLVR(self.kl).loss(log_probs, batch)


class Weighted(NamedTuple):
    """Several losses as one, Σ_i weights[i] loss_i, on judged outputs, and on references where SFT is one of them.

    With one weight of 1 it is that method, and all choices of the weights are one program.
    """

    methods: tuple[Method, ...]
    weights: tuple[Number, ...]

    def check(self) -> None:
        """Raises ValueError unless each method passes its own check and has a weight of 0 or more."""
        if not isinstance(self.methods, tuple) or not isinstance(self.weights, tuple):
            raise validation.refuse("Weighted", validation.shown(self), "a tuple of methods and one of weights")
        if len(self.methods) != len(self.weights):
            raise validation.refuse("weights", len(self.weights), f"{len(self.methods)}, one a method")
        for method, weight in zip(self.methods, self.weights, strict=True):
            if not hasattr(method, "loss") or isinstance(method, type | NaturalGradient):  # which is a direction
                raise validation.refuse("methods", repr(method), "losses, as RFT() or RLVR()")
            validation.scalar("weights", weight)
            validation.nonnegative("weights", weight)

    def loss(self, log_probs: LogProbs, batch: Batch, /) -> Float[Array, ""]:
        """The sum."""
        pairs = zip(self.methods, self.weights, strict=True)
        return sum((weight * method.loss(log_probs, batch) for method, weight in pairs), jnp.zeros((), log_probs.dtype))


def advantage(value: Float[Array, "#prompt 1 symbol"], batch: Batch, kl: Number) -> ByPrompt:
    """A = (g − E[g|prompt]) G/(G−1), with the grade g = value(s) − kl · ln(behaviour/start).

    `kl` is the price of a nat of KL(π‖start). The factor leaves an output itself out of the mean of its group.

    References:
        Ahmadian et al. (2024), Back to basics: revisiting REINFORCE style optimization, arXiv:2402.14740.
    """
    away = jnp.where(jnp.isfinite(batch.start), batch.behaviour - batch.start, 0)
    grade = value - jnp.asarray(kl, away.dtype) * _finite(away)[:, :, None]
    total = batch.mass.sum((1, 2), keepdims=True)
    baseline = (batch.mass * grade).sum((1, 2), keepdims=True) / jnp.where(total > 0, total, 1)
    return (grade - baseline) * batch.group


def _standardised(batch: Batch) -> Float[Array, "prompt 1 symbol"]:
    """value(s)/σ of each prompt, 0 where all its outputs have one value."""
    share, value = batch.mass.sum(1), batch.value
    total = share.sum(1, keepdims=True)
    share = share / jnp.where(total > 0, total, 1)
    gaps = (value[:, None] - value[None, :]) ** 2
    # ½ Σ p p' (v − v')², since E[v²] − E[v]² is a rounding error, not 0, where all values are equal
    variance = ((share[:, :, None] * share[:, None, :] * gaps[None]).sum((1, 2)) / 2)[:, None, None]
    varies = variance > 0
    return jnp.where(varies, value[None, None, :] / jnp.sqrt(jnp.where(varies, variance, 1)), 0)


def _surrogate(log_probs: LogProbs, batch: Batch, value: Float[Array, "#prompt 1 symbol"], method: Any) -> Array:
    """−Σ mass min(ρ A, clip(ρ, 1 ± clip) A), ρ = π/behaviour."""
    gain = batch.mass * advantage(value, batch, method.kl)
    up, down = jnp.maximum(gain, 0).sum(2), jnp.minimum(gain, 0).sum(2)
    seen = (up > 0) | (down < 0)  # elsewhere the ratio might overflow, and 0 · ∞ is no number
    ratio = jnp.exp(jnp.where(seen, _finite(log_probs) - _finite(batch.behaviour), 0))
    clip = jnp.asarray(method.clip, ratio.dtype)
    return -(jnp.minimum(ratio, 1 + clip) * up + jnp.maximum(ratio, 1 - clip) * down).sum()


def _check_clip(method: Any) -> None:
    if validation.concrete(method.clip) and not np.all(np.asarray(method.clip) > 0):
        raise validation.refuse(f"{type(method).__name__}.clip", method.clip, "a number > 0")


def _finite(log_probs: LogProbs) -> LogProbs:
    """ln 0 as a large negative number, since 0 · ln 0 is 0."""
    return jnp.maximum(log_probs, jnp.finfo(log_probs.dtype).min / 4)
