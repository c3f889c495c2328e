"""Prompts and datasets: items, domains, the correct class, and what training and evaluation sets share."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import FLOAT32, agrees, array, at, close, differs, same

from sandbox import policies
from sandbox.inputs import ready
from sandbox.policies import Prompts

KEY = jax.random.key(2)
BITS, ITEMS, DOMAINS = 4, (6, 5), (3, 2)
SIZES = {"num_items": ITEMS, "num_domains": DOMAINS, "num_bits": BITS}
PROMPTS = Prompts(
    features=jnp.zeros((3, 0)),
    correct=jnp.array([2, 0, 1]),
    form_probs=array([[0.5, 0.5, 0], [0.1, 0.2, 0.7], [0, 1, 0]]),
    probs=array([0.5, 0.5, 0]),
)


@partial(jax.jit, static_argnames=("dtype", "rule", "num_items"))
def made(key, dtype=jnp.float32, rule=None, num_items=ITEMS):
    sizes = SIZES | {"num_items": num_items}
    return policies.dataset(key, num_classes=3, num_forms=2, dtype=dtype, rule=rule, **sizes)


@cache
def dataset():
    return jax.tree.map(np.asarray, made(KEY))


def rows(x):
    return {tuple(row) for row in np.asarray(x).tolist()}


def items(prompts):
    return rows(prompts.features[:, :BITS])


def domains(prompts):
    return rows(prompts.features[:, BITS:])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_dataset_is_three_sets_of_prompts(dtype):
    """Each item in each domain once, each queried as often; references of a uniform form."""
    for prompts, count in zip(made(KEY, dtype=dtype), (6 * 3, 5 * 3, 6 * 2), strict=True):
        ready("it", prompts)
        assert prompts.features.shape == (count, 2 * BITS)
        assert len(rows(prompts.features)) == count
        assert {x.dtype for x in (prompts.features, prompts.form_probs, prompts.probs)} == {jnp.dtype(dtype)}
        assert set(np.unique(prompts.features[:, :BITS])) == {-1, 1}
        same(prompts.form_probs, np.full((count, 2), 0.5, dtype))
        same(prompts.probs, np.full(count, 1 / count, dtype))
        assert np.all((prompts.correct >= 0) & (prompts.correct < 3))


def test_held_out_items_and_unseen_domains_are_new_and_all_else_is_not():
    train, held_out, unseen = dataset()
    assert len(items(train)) == 6 and len(items(held_out)) == 5 and not items(train) & items(held_out)
    assert domains(train) == domains(held_out) and len(domains(train)) == 3
    assert len(domains(unseen)) == 2 and not domains(train) & domains(unseen)
    assert items(train) == items(unseen)


def test_the_correct_class_depends_on_the_item_alone():
    """One class a item, the same in every domain, seen or not."""
    train, _, unseen = dataset()
    correct = {}
    for prompts in (train, unseen):
        for row, cls in zip(prompts.features[:, :BITS].tolist(), prompts.correct.tolist(), strict=True):
            correct.setdefault(tuple(row), set()).add(cls)
    assert all(len(classes) == 1 for classes in correct.values())
    assert len(set.union(*correct.values())) > 1
    by_domain = [set(train.correct[(train.features[:, BITS:] == d).all(1)].tolist()) for d in train.features[:3, BITS:]]
    assert all(len(classes) > 1 for classes in by_domain)


def test_a_linear_rule_is_odd():
    """Of two classes, argmax x·s is the other one for −x."""
    x = 1.0 - 2.0 * ((np.arange(16)[:, None] >> np.arange(4)) & 1)
    correct = policies.linear_rule(2)(KEY, array(x))
    same(policies.linear_rule(2)(KEY, array(-x)), 1 - np.asarray(correct))
    assert set(np.asarray(correct).tolist()) == {0, 1}


def test_a_rule_of_ones_own():
    """It is given bits ±1 and returns classes."""

    def parity(key, items):
        return (items == 1).sum(1) % 2

    for prompts in made(KEY, rule=parity):
        same(prompts.correct, (np.asarray(prompts.features[:, :BITS]) == 1).sum(1) % 2)


def test_the_key_alone_decides_a_dataset():
    """And a batch of keys equals one by one."""
    keys = jax.random.split(KEY, 3)
    batch = jax.jit(jax.vmap(made))(keys)
    for i, key in enumerate(keys):
        close(at(batch, i), made(key), FLOAT32)
    assert not np.array_equal(batch.train.features[0], batch.train.features[1])


def test_all_items_may_be_used():
    train, held_out, _ = made(KEY, num_items=(9, 7))
    assert len(items(train) | items(held_out)) == 16


def test_references_by_hand():
    """P(class · M + form) = 1[class is correct] form_probs(form)."""
    expected = np.zeros((3, 9))
    for q in range(3):
        for form in range(3):
            expected[q, int(PROMPTS.correct[q]) * 3 + form] = PROMPTS.form_probs[q, form]
    same(PROMPTS.references(3), expected)
    assert PROMPTS._replace(form_probs=PROMPTS.form_probs.astype(jnp.float32)).references(3).dtype == jnp.float32


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_fixed_reference(dtype):
    """`form_probs` becomes one-hot, each form as often as it says; nothing else changes."""
    prompts = PROMPTS._replace(form_probs=PROMPTS.form_probs.astype(dtype))
    drawn = jax.jit(jax.vmap(prompts.fixed_reference))(jax.random.split(KEY, 4000))
    assert drawn.form_probs.dtype == dtype
    assert set(np.unique(drawn.form_probs)) == {0, 1}
    same(drawn.form_probs.sum(2), np.ones((4000, 3)))
    same(drawn.form_probs[:, 0, 2], np.zeros(4000))
    same(drawn.form_probs[:, 2], np.broadcast_to(prompts.form_probs[2], (4000, 3)))
    agrees(drawn.form_probs[:, :2], PROMPTS.form_probs[:2])
    differs(drawn.form_probs[:, 1], [0.2, 0.1, 0.6])
    together = np.asarray(drawn.form_probs[:, 0, 0] * drawn.form_probs[:, 1, 2])
    agrees(together, 0.35)  # prompts draw independently
    for name in ("features", "correct", "probs"):
        same(getattr(drawn, name)[7], getattr(prompts, name))


def test_table_prompts_by_hand():
    prompts = policies.table_prompts(5, 3, 2)
    ready("it", prompts)
    same(prompts.correct, np.array([0, 1, 2, 0, 1]))
    assert prompts.features.shape == (5, 0)
    same(prompts.form_probs, np.full((5, 2), 0.5))
    same(prompts.probs, np.full(5, 0.2))
