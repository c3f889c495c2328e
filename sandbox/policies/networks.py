"""Policies: for each prompt a distribution over outputs, class × surface form."""

import hashlib
from typing import Annotated, Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from sandbox import inputs, validation
from sandbox.models.linalg import conjugate_gradients

Features = Num[Array, "prompt _feature"]
Logits = Float[Array, "prompt cls form"]


@runtime_checkable
class Policy(Protocol):
    """A pytree of parameters that gives logits; the softmax over class and form together is its distribution.

    The natural gradient also wants `natural(features, probs, gradient)`: F⁻¹ gradient, with the Fisher information
    F = Σ_q probs(q) E[∇ln π ∇ln πᵀ].
    """

    def __call__(self, features: Features, /) -> Logits:
        """The logits of each prompt."""
        ...


class Table(NamedTuple):
    """A logit for each prompt, class and form: prompts share nothing, and their features are ignored."""

    logits: Annotated[Logits, validation.finite]

    def __call__(self, features: Features, /) -> Logits:
        """The logits, a row for each prompt."""
        features = inputs.numbers("features", features, "prompt feature")
        if self.logits.shape[0] != features.shape[0]:
            accepted = f"{features.shape[0]} rows, one a prompt"
            raise validation.refuse("Table.logits", f"{self.logits.shape[0]} rows", accepted)
        return self.logits

    def natural(self, features: Features, probs: Float[Array, " prompt"], gradient: "Table") -> "Table":
        """The natural gradient, gradient / (probs π): exact up to a constant a prompt, which the softmax does not see.

        F_q = probs(q) (diag π − ππᵀ), and a gradient of logits sums to 0 in each prompt. Where probs(q) π is 0, so is
        the gradient, and the logit stays.
        """
        mass = probs[:, None, None] * jax.nn.softmax(self.logits, axis=(1, 2))
        return Table(jnp.where(mass > 0, gradient.logits / jnp.where(mass > 0, mass, 1), 0))


class Layer(NamedTuple):
    """x W + b."""

    bias: Float[Array, "*outputs"]
    kernel: Float[Array, "inputs *outputs"]


class Network(NamedTuple):
    """A multilayer perceptron of the prompt's features: tanh(x W + b) in each layer but the last, the head.

    The head has W [width, class, form]. All prompts share all weights.
    """

    layers: tuple[Layer, ...]

    def check(self) -> None:
        """Raises ValueError unless the weights are finite floats of one dtype, and each layer fits the one before."""
        inputs = None
        for i, (bias, kernel) in enumerate(self.layers):
            head = i == len(self.layers) - 1
            if kernel.ndim != (3 if head else 2) or bias.shape != kernel.shape[1:] or inputs not in (None, len(kernel)):
                accepted = f"a kernel [{inputs or 'inputs'}, {'class, form' if head else 'width'}] and a bias"
                raise validation.refuse(f"Network.layers[{i}]", f"{kernel.shape} and {bias.shape}", accepted)
            inputs = kernel.shape[1]
        dtypes = {leaf.dtype for leaf in jax.tree.leaves(self)}
        if len(dtypes) != 1 or not all(jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes):
            raise validation.refuse("Network.layers", sorted(map(str, dtypes)), "floats of one dtype")
        validation.finite("Network", self)

    def __call__(self, features: Features, /) -> Logits:
        """The logits of each prompt, in the dtype of the weights."""
        *hidden, head = self.layers
        x = inputs.numbers("features", features, "prompt feature")
        if x.shape[1] != (wanted := len(self.layers[0].kernel)):
            raise validation.refuse("features", f"{x.shape[1]} a prompt", f"{wanted} a prompt, as the network takes")
        x = x.astype(head.bias.dtype)
        for bias, kernel in hidden:
            x = jnp.tanh(x @ kernel + bias[None])
        return jnp.tensordot(x, head.kernel, 1) + head.bias[None]

    def natural(
        self,
        features: Features,
        probs: Float[Array, " prompt"],
        gradient: "Network",
        *,
        damping: float = 1e-3,
        steps: int = 10,
    ) -> "Network":
        """(F + damping)⁻¹ gradient, by `steps` conjugate-gradient products with F.

        The default steps are as few as in practice: the result lies between the gradient and what more steps give.

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
    dtype: Any = jnp.float32,
) -> Network:
    """A network with LeCun's random weights and biases 0; hidden = () is linear."""
    validation.key("key", key)
    validation.floating("dtype", dtype)
    if not isinstance(hidden, tuple):
        raise validation.refuse("hidden", repr(hidden), "a tuple of widths")
    sizes = {"num_features": num_features, "num_classes": num_classes, "num_forms": num_forms}
    for name, value in (*sizes.items(), *((f"hidden[{i}]", width) for i, width in enumerate(hidden))):
        validation.at_least(name, value, 1)
    validation.table("hidden", max(*hidden, num_features, 1) * max(*hidden, num_classes * num_forms, 1))
    shapes = [(width,) for width in hidden] + [(num_classes, num_forms)]
    inputs = (num_features, *hidden)
    names = [f"Dense_{i}" for i in range(len(hidden))] + ["head"]
    return Network(tuple(_layer(key, *layer, dtype) for layer in zip(names, inputs, shapes, strict=True)))


def _layer(key: Array, name: str, inputs: int, outputs: tuple[int, ...], dtype: Any) -> Layer:
    """One layer; its key comes from its name as in flax, so that seeds keep the networks they had when it drew them."""
    fold = int.from_bytes(hashlib.sha1(name.encode() + b"\x01").digest()[:4], "big")
    bias = jnp.zeros(outputs, dtype)
    kernel = jax.nn.initializers.lecun_normal()(jax.random.fold_in(key, jnp.uint32(fold)), (inputs, bias.size), dtype)
    return Layer(bias, kernel.reshape(inputs, *outputs))


def log_probs(policy: Policy, features: Features) -> Float[Array, "prompt output"]:
    """ln π(y|q) of each prompt q and output y = class · M + form, in nats."""
    logits = checked_logits(policy, features)
    return jax.nn.log_softmax(logits.reshape(logits.shape[0], -1), axis=1)


def ready_policy(policy: Any) -> Any:
    """`policy` in the form that JAX takes; raises unless it is a function whose leaves are numbers that make sense."""
    if isinstance(policy, type) or not callable(policy):
        raise validation.refuse("policy", validation.shown(policy), "a Table, a Network, or another Policy")
    policy = inputs.ready("policy", policy)
    validation.leaves("policy", policy)
    return policy


def checked_logits(policy: Any, features: Features) -> Logits:
    """The logits of each prompt; raises unless they are that."""
    logits = ready_policy(policy)(features)
    if np.ndim(logits) != 3 or not jnp.issubdtype(getattr(logits, "dtype", int), jnp.floating):
        given = f"one that gives {validation.shown(logits)}"
        raise validation.refuse("policy", given, "one that gives float logits [prompt, class, form]")
    return logits
