"""Policies: a law over outputs (class × surface form) for each prompt."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import Array
from jaxtyping import Float

from sandbox import validation
from sandbox.models.linalg import conjugate_gradients

Features = Float[Array, "prompt feature"]
Logits = Float[Array, "prompt cls form"]


@runtime_checkable
class Policy(Protocol):
    """A pytree of parameters that gives logits; its law is their softmax over class and form together.

    One that is to be trained by the natural gradient also has `natural(features, law, gradient)`: F⁻¹ gradient, with
    F = Σ_q law(q) E[∇ln π ∇ln πᵀ] its Fisher information.
    """

    def __call__(self, features: Features, /) -> Logits:
        """The logits of each prompt."""
        ...


class Table(NamedTuple):
    """A logit for each prompt, class and form: prompts share nothing, and their features are not looked at."""

    logits: Logits

    def check(self) -> None:
        """Raises ValueError unless there are logits [prompt, class, form], all finite."""
        validation.arrays(self)
        if self.logits.ndim != 3 or not jnp.issubdtype(self.logits.dtype, jnp.floating):
            raise ValueError(
                "Table.logits: floats [prompt, class, form] are accepted, "
                f"got {self.logits.dtype} of shape {self.logits.shape}"
            )
        validation.finite("Table.logits", self.logits)

    def __call__(self, features: Features, /) -> Logits:
        """Its logits.

        Raises:
            ValueError: There is not a row for each prompt.
        """
        if self.logits.shape[0] != features.shape[0]:
            rows = f"{features.shape[0]} rows, one a prompt, are accepted"
            raise ValueError(f"Table.logits: {rows}, got {self.logits.shape[0]}")
        return self.logits

    def natural(self, features: Features, probs: Float[Array, " prompt"], gradient: "Table") -> "Table":
        """gradient / (law π): exact up to a constant a prompt, which the softmax does not see.

        F_q = law(q) (diag π − ππᵀ), and a gradient of logits sums to 0 in each prompt. Where law(q) π is 0, so is the
        gradient, and the logit stays.

        Args:
            features: Not looked at.
            probs: How often each prompt is asked.
            gradient: That of a loss.

        Returns:
            The natural gradient.
        """
        mass = probs[:, None, None] * jax.nn.softmax(self.logits, axis=(1, 2))
        return Table(jnp.where(mass > 0, gradient.logits / jnp.where(mass > 0, mass, 1), 0))


class MLP(nn.Module):
    """Dense layers with tanh between them; the last gives logits [class, form]."""

    hidden: tuple[int, ...]
    outputs: tuple[int, int]

    @nn.compact
    def __call__(self, x: Features) -> Logits:
        """The logits."""
        for width in self.hidden:
            x = jnp.tanh(nn.Dense(width, param_dtype=x.dtype)(x))
        return nn.DenseGeneral(self.outputs, param_dtype=x.dtype, name="head")(x)


class Network(NamedTuple):
    """A multilayer perceptron on the prompt's features; prompts share all of its weights."""

    variables: Any  # as flax keeps them

    def check(self) -> None:
        """Raises ValueError unless every weight is finite."""
        validation.finite("Network.variables", self.variables)

    def __call__(self, features: Features, /) -> Logits:
        """The logits of each prompt.

        Raises:
            ValueError: The prompts do not have as many features as the network takes.
        """
        layers = self.variables["params"]
        wanted = layers["Dense_0" if len(layers) > 1 else "head"]["kernel"].shape[0]
        if features.shape[1] != wanted:
            raise ValueError(
                f"features: {wanted} a prompt, as the network takes, are accepted, got {features.shape[1]}"
            )
        hidden = tuple(layers[f"Dense_{i}"]["bias"].size for i in range(len(layers) - 1))
        outputs: Any = layers["head"]["bias"].shape
        return MLP(hidden, outputs).apply(self.variables, features)  # pyright: ignore[reportReturnType]

    def natural(
        self,
        features: Features,
        probs: Float[Array, " prompt"],
        gradient: "Network",
        *,
        damping: float = 1e-3,
        steps: int = 10,
    ) -> "Network":
        """(F + damping)⁻¹ gradient, by conjugate gradients with products of F alone.

        The default steps are as few as in practice: the result lies between the gradient and what more steps give.

        Args:
            features: The prompts.
            probs: How often each is asked.
            gradient: That of a loss.
            damping: Added to the diagonal of F.
            steps: Products with F.

        Returns:
            The natural gradient, nearly.

        References:
            Kakade (2001), A natural policy gradient. NIPS 14.
            Schulman, Levine, Moritz, Jordan & Abbeel (2015), Trust region policy optimization, arXiv:1502.05477.
        """

        def logits_of(policy: "Network") -> Logits:
            return policy(features)

        logits, pull = jax.vjp(logits_of, self)
        p = jax.nn.softmax(logits, axis=(1, 2))

        def fisher(v: "Network") -> "Network":
            moved = jax.jvp(logits_of, (self,), (v,))[1]
            centred = p * (moved - (p * moved).sum((1, 2), keepdims=True))
            return jax.tree.map(lambda a, b: a + damping * b, pull(probs[:, None, None] * centred)[0], v)

        return conjugate_gradients(fisher, gradient, steps)


def network(
    key: Array,
    num_features: int,
    num_classes: int,
    num_forms: int,
    *,
    hidden: tuple[int, ...] = (32,),
    dtype=jnp.float32,
) -> Network:
    """A network with random weights (LeCun) and biases 0.

    Args:
        key: The randomness.
        num_features: Of a prompt.
        num_classes: K.
        num_forms: M, the surface forms of a class.
        hidden: Widths of the hidden layers; () is linear.
        dtype: Of the weights.

    Returns:
        The network.

    Raises:
        ValueError: A size is below 1.
    """
    if not isinstance(hidden, tuple):
        raise ValueError(f"hidden: a tuple of widths is accepted, got {hidden!r}")
    sizes = {"num_features": num_features, "num_classes": num_classes, "num_forms": num_forms}
    for name, value in (*sizes.items(), *((f"hidden[{i}]", width) for i, width in enumerate(hidden))):
        validation.at_least(name, value, 1)
    return Network(MLP(hidden, (num_classes, num_forms)).init(key, jnp.zeros((1, num_features), dtype)))


def log_probs(policy: Policy, features: Features) -> Float[Array, "prompt output"]:
    """ln π(y|q) of each prompt q and output y = class · M + form, in nats.

    Args:
        policy: What answers.
        features: The prompts.

    Returns:
        The logarithms.
    """
    logits = policy(features)
    return jax.nn.log_softmax(logits.reshape(logits.shape[0], -1), axis=1)
