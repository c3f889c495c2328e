"""What a policy is asked: prompts of several domains, the class of outputs that is right, how references are worded.

A prompt is a content in a domain. What is right depends on the content alone; the domain is how it is asked. An output
is a class and a surface form, y = class · M + form, and the task cares for the class alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation
from sandbox.models.categorical import invert

MOST_BITS = 20  # all contents are listed, to draw some of them


class Prompts(NamedTuple):
    """Prompts, and how often each is asked."""

    features: Float[Array, "prompt feature"]  # what a network sees: the content's features, then the domain's
    correct: Int[Array, " prompt"]  # the class that is right
    wording: Float[Array, "prompt form"]  # the law of a reference's form
    probs: Float[Array, " prompt"]  # how often each is asked in training; 0: never

    def check(self) -> None:
        """Raises ValueError unless the laws are laws and each prompt has a right class."""
        validation.arrays(self)
        if not jnp.issubdtype(self.correct.dtype, jnp.integer):
            raise ValueError(f"Prompts.correct: integers are accepted, got {self.correct.dtype}")
        for name, rows in self._asdict().items():
            if rows.ndim != 1 + (name in ("features", "wording")) or rows.shape[0] != self.probs.size:
                raise ValueError(
                    f"Prompts.{name}: one row for each of {self.probs.size} prompts is accepted, got {rows.shape}"
                )
        validation.distribution("Prompts.probs", self.probs)
        validation.distribution("Prompts.wording", self.wording)
        validation.finite("Prompts.features", self.features)
        validation.nonnegative("Prompts.correct", self.correct)

    def references(self, num_classes: int) -> Float[Array, "prompt output"]:
        """The law of a reference: its class is right, its form has the law `wording`.

        Args:
            num_classes: K, more than the largest class that is right.

        Returns:
            p(reference | prompt), over outputs y = class · M + form.
        """
        correct = jax.nn.one_hot(self.correct, num_classes, dtype=self.wording.dtype)
        return (correct[:, :, None] * self.wording[:, None, :]).reshape(self.correct.size, -1)

    def worded_once(self, key: Array) -> "Prompts":
        """The same prompts with one reference each, whose form is drawn now and then stays.

        Args:
            key: The randomness.

        Returns:
            Prompts whose `wording` has all its mass on one form.
        """
        u = noise.uniform(key, self.correct.shape, self.wording.dtype)[:, None]
        forms = jax.vmap(invert)(jnp.cumsum(self.wording, 1), u)[:, 0]
        return self._replace(wording=jax.nn.one_hot(forms, self.wording.shape[1], dtype=self.wording.dtype))


class Dataset(NamedTuple):
    """What is trained on, and two exams."""

    train: Prompts  # some contents in some domains
    held_out: Prompts  # other contents, in the domains of training
    unseen: Prompts  # the contents of training, in other domains


Rule = Callable[[Array, Array], Array]  # (key, contents [content, bit]) -> the right class of each


def linear_rule(num_classes: int) -> Rule:
    """The class with the largest score, each a random linear function of the content: argmax_k w_k · content.

    Args:
        num_classes: K.

    Returns:
        The rule, with w_k ~ N(0, I) drawn from its key.
    """

    def rule(key: Array, contents: Float[Array, "content bit"]) -> Int[Array, " content"]:
        scores = noise.normal(key, (contents.shape[1], num_classes), contents.dtype)
        return jnp.argmax(contents @ scores, axis=1)

    return rule


def dataset(
    key: Array,
    *,
    num_classes: int,
    num_forms: int,
    num_contents: Sequence[int] = (16, 16),
    num_domains: Sequence[int] = (4, 4),
    num_bits: int = 6,
    rule: Rule | None = None,
    dtype=jnp.float32,
) -> Dataset:
    """Contents of random bits ±1, domains with random normal features, and a rule for what is right.

    Args:
        key: The randomness.
        num_classes: K.
        num_forms: M, the surface forms of a class; a reference has each with probability 1/M.
        num_contents: Contents of training, and held-out ones; all differ, so 2^num_bits must be enough.
        num_domains: Domains of training, and unseen ones.
        num_bits: Features of a content; a domain has as many.
        rule: What is right, a linear function of the content's bits where none is given.
        dtype: Of the features and the laws.

    Returns:
        Training and two exams; in each all contents are asked in all domains, equally often.

    Raises:
        ValueError: A number is too small, there are fewer contents than are asked for, or the rule gives other classes.
    """
    for name, pair in (("num_contents", num_contents), ("num_domains", num_domains)):
        if np.shape(pair) != (2,):
            raise ValueError(f"{name}: two numbers, of training and of the exam, are accepted, got {pair!r}")
    for name, value, least in (
        ("num_classes", num_classes, 2),
        ("num_forms", num_forms, 1),
        ("num_bits", num_bits, 1),
        *((f"num_contents[{i}]", n, 1) for i, n in enumerate(num_contents)),
        *((f"num_domains[{i}]", n, 1) for i, n in enumerate(num_domains)),
    ):
        validation.at_least(name, value, least)
    if num_bits > MOST_BITS:
        raise ValueError(f"num_bits: at most {MOST_BITS} is accepted, got {num_bits}")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"dtype: a floating type is accepted, got {dtype}")
    if sum(num_contents) > 2**num_bits:
        raise ValueError(f"num_contents: at most {2**num_bits} in all with num_bits = {num_bits}, got {num_contents}")
    content_key, domain_key, rule_key = (jax.random.fold_in(key, i) for i in range(3))
    which = jnp.argsort(noise.uniform(content_key, (2**num_bits,), jnp.float32))[: sum(num_contents)]
    bits = 1 - 2 * ((which[:, None] >> jnp.arange(num_bits)[None, :]) & 1).astype(dtype)
    asked = noise.normal(domain_key, (sum(num_domains), num_bits), dtype)
    correct = jnp.asarray((rule or linear_rule(num_classes))(rule_key, bits))
    if correct.shape != bits.shape[:1] or not jnp.issubdtype(correct.dtype, jnp.integer):
        raise ValueError(f"rule: {bits.shape[0]} integers are accepted, got {correct.dtype} of shape {correct.shape}")
    if validation.concrete(correct) and not np.isin(np.asarray(correct), np.arange(num_classes)).all():
        raise ValueError(f"rule: classes 0 … {num_classes - 1} are accepted, got {np.asarray(correct)!s:.80}")

    def prompts(contents: slice, domains: slice) -> Prompts:
        content, domain = bits[contents], asked[domains]
        pairs = (content.shape[0], domain.shape[0], num_bits)
        seen = jnp.concatenate([jnp.broadcast_to(x, pairs) for x in (content[:, None], domain[None])], axis=2)
        size = pairs[0] * pairs[1]
        return Prompts(
            features=seen.reshape(size, 2 * num_bits),
            correct=jnp.repeat(correct[contents], pairs[1]),
            wording=jnp.full((size, num_forms), 1 / num_forms, dtype),
            probs=jnp.full(size, 1 / size, dtype),
        )

    old, new = (
        (slice(n) for n in (num_contents[0], num_domains[0])),
        (slice(n, None) for n in (num_contents[0], num_domains[0])),
    )
    (contents, domains), (other_contents, other_domains) = old, new
    return Dataset(prompts(contents, domains), prompts(other_contents, domains), prompts(contents, other_domains))


def table_prompts(num_prompts: int, num_classes: int, num_forms: int) -> Prompts:
    """Prompts that share nothing, for a table: prompt q has the right class q mod K, and no features.

    Args:
        num_prompts: How many, asked equally often.
        num_classes: K.
        num_forms: M, the surface forms of a class; a reference has each with probability 1/M.

    Returns:
        The prompts.

    Raises:
        ValueError: A number is too small.
    """
    for name, value, least in (
        ("num_prompts", num_prompts, 1),
        ("num_classes", num_classes, 2),
        ("num_forms", num_forms, 1),
    ):
        validation.at_least(name, value, least)
    return Prompts(
        features=jax.device_put(np.zeros((num_prompts, 0))),
        correct=jax.device_put(np.arange(num_prompts) % num_classes),
        wording=jax.device_put(np.full((num_prompts, num_forms), 1 / num_forms)),
        probs=jax.device_put(np.full(num_prompts, 1 / num_prompts)),
    )
