"""Prompts: items in domains, the correct class of each, and the surface forms of its references.

A prompt asks about an item in a domain. The item alone decides which class is correct; the domain is how it is asked.
An output is a class and a surface form, y = class · M + form, and the task depends on the class alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation
from sandbox.models.categorical import invert

MOST_BITS = 20  # all 2^bits items are listed, to draw some of them


class Prompts(NamedTuple):
    """Prompts, and how often each is queried."""

    features: Annotated[Float[Array, "prompt _feature"], validation.finite]  # the item's, then the domain's
    correct: Annotated[Int[Array, " prompt"], partial(validation.integers, least=0)]  # the class that is correct
    form_probs: Annotated[Float[Array, "prompt form"], validation.distribution]  # of a reference's form
    probs: Annotated[Float[Array, " prompt"], validation.distribution]  # how often each is queried; 0: never

    def check_classes(self, num_classes: int) -> None:
        """Raises ValueError unless every correct class is one of `num_classes`."""
        _check_classes("Prompts.correct", self.correct, num_classes)

    def references(self, num_classes: int) -> Float[Array, "prompt output"]:
        """p(reference | prompt) = 1[class is correct] form_probs(form), over outputs y = class · M + form."""
        validation.at_least("num_classes", num_classes, 1)
        validation.table("num_classes", self.form_probs.size * num_classes)
        self.check_classes(num_classes)
        correct = jax.nn.one_hot(self.correct, num_classes, dtype=self.form_probs.dtype)
        return (correct[:, :, None] * self.form_probs[:, None, :]).reshape(self.correct.size, -1)

    def fixed_reference(self, key: Array) -> "Prompts":
        """The same prompts with one reference each: its form is drawn now, and `form_probs` has all mass on it."""
        validation.key("key", key)
        u = noise.uniform(key, self.correct.shape, self.form_probs.dtype)[:, None]
        forms = jax.vmap(invert)(jnp.cumsum(self.form_probs, 1), u)[:, 0]
        return self._replace(form_probs=jax.nn.one_hot(forms, self.form_probs.shape[1], dtype=self.form_probs.dtype))


def _check_classes(name: str, correct: Array, num_classes: int) -> None:
    """Raises ValueError unless every number is one of the classes."""
    if validation.concrete(correct) and not np.all((np.asarray(correct) >= 0) & (np.asarray(correct) < num_classes)):
        raise validation.refuse(name, validation.shown(correct), f"classes 0 … {num_classes - 1}")


class Dataset(NamedTuple):
    """A training set, and two evaluation sets."""

    train: Prompts  # some items in some domains
    held_out: Prompts  # other items, in the domains of training
    unseen: Prompts  # the items of training, in other domains


Rule = Callable[[Array, Array], Array]  # (key, items [item, bit]) -> the correct class of each


def linear_rule(num_classes: int) -> Rule:
    """The class with the largest score, argmax_k w_k · item, with w_k ~ N(0, I) drawn from the rule's key."""
    validation.at_least("num_classes", num_classes, 1)
    validation.table("num_classes", MOST_BITS * num_classes)

    def rule(key: Array, items: Float[Array, "item bit"]) -> Int[Array, " item"]:
        scores = noise.normal(key, (items.shape[1], num_classes), items.dtype)
        return jnp.argmax(items @ scores, axis=1)

    return rule


def dataset(
    key: Array,
    *,
    num_classes: int,
    num_forms: int,
    num_items: Sequence[int] = (16, 16),
    num_domains: Sequence[int] = (4, 4),
    num_bits: int = 6,
    rule: Rule | None = None,
    dtype: Any = jnp.float32,
) -> Dataset:
    """Items of random bits ±1, domains of as many random normal features, and a rule for the correct class.

    Args:
        key: The randomness.
        num_classes: K.
        num_forms: M, the surface forms of a class; a reference has each with probability 1/M.
        num_items: Items of training, and held-out ones; all differ, so 2^num_bits must be enough.
        num_domains: Domains of training, and unseen ones.
        num_bits: Features of an item, and of a domain.
        rule: The correct class of each item; None: `linear_rule`.
        dtype: Of the features and the distributions.

    Returns:
        A training set and two evaluation sets; in each, all items are queried in all domains, equally often.
    """
    validation.key("key", key)
    validation.floating("dtype", dtype)
    if rule is not None:
        validation.function("rule", rule)
    for name, pair in (("num_items", num_items), ("num_domains", num_domains)):
        if not isinstance(pair, tuple | list | np.ndarray) or len(pair) != 2:
            raise validation.refuse(name, repr(pair), "two numbers, of training and of evaluation")
    for name, value, least in (
        ("num_classes", num_classes, 2),
        ("num_forms", num_forms, 1),
        ("num_bits", num_bits, 1),
        *((f"num_items[{i}]", n, 1) for i, n in enumerate(num_items)),
        *((f"num_domains[{i}]", n, 1) for i, n in enumerate(num_domains)),
    ):
        validation.at_least(name, value, least)
    if num_bits > MOST_BITS:
        raise validation.refuse("num_bits", num_bits, f"1 to {MOST_BITS}")
    if sum(num_items) > 2**num_bits:
        raise validation.refuse("num_items", num_items, f"at most {2**num_bits} in all with num_bits = {num_bits}")
    validation.table("num_classes", num_bits * num_classes)
    validation.table("num_domains", sum(num_items) * sum(num_domains) * max(2 * num_bits, num_forms))
    item_key, domain_key, rule_key = (jax.random.fold_in(key, i) for i in range(3))
    which = jnp.argsort(noise.uniform(item_key, (2**num_bits,), jnp.float32))[: sum(num_items)]
    items = 1 - 2 * ((which[:, None] >> jnp.arange(num_bits)[None, :]) & 1).astype(dtype)
    domains = noise.normal(domain_key, (sum(num_domains), num_bits), dtype)
    found = (linear_rule(num_classes) if rule is None else rule)(rule_key, items)
    correct = validation.one_each("rule", found, items.shape[0], "integers")
    _check_classes("rule", correct, num_classes)

    def prompts(of_items: slice, of_domains: slice) -> Prompts:
        item, domain = items[of_items], domains[of_domains]
        pairs = (item.shape[0], domain.shape[0], num_bits)
        features = jnp.concatenate([jnp.broadcast_to(x, pairs) for x in (item[:, None], domain[None])], axis=2)
        size = pairs[0] * pairs[1]
        return Prompts(
            features=features.reshape(size, 2 * num_bits),
            correct=jnp.repeat(correct[of_items], pairs[1]),
            form_probs=jnp.full((size, num_forms), 1 / num_forms, dtype),
            probs=jnp.full(size, 1 / size, dtype),
        )

    (old, new), (seen, unseen) = ((slice(n[0]), slice(n[0], None)) for n in (num_items, num_domains))
    return Dataset(prompts(old, seen), prompts(new, seen), prompts(old, unseen))


def table_prompts(num_prompts: int, num_classes: int, num_forms: int) -> Prompts:
    """Prompts for a table, which share nothing: prompt q has the correct class q mod K, and no features.

    All are queried equally often, and a reference has each form with probability 1/M.
    """
    for name, value, least in (
        ("num_prompts", num_prompts, 1),
        ("num_classes", num_classes, 2),
        ("num_forms", num_forms, 1),
    ):
        validation.at_least(name, value, least)
    validation.table("num_prompts", num_prompts * num_forms)
    return Prompts(
        features=jax.device_put(np.zeros((num_prompts, 0))),
        correct=jax.device_put(np.arange(num_prompts) % num_classes),
        form_probs=jax.device_put(np.full((num_prompts, num_forms), 1 / num_forms)),
        probs=jax.device_put(np.full(num_prompts, 1 / num_prompts)),
    )
