"""Features: every one that there is against a decoder in numpy, their distributions, and an environment of two."""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from cases import agrees, differs, same

import theory
from sandbox import shortcuts
from sandbox.shortcuts import KINDS, WIDTH, Feature, Shortcut, feature, shortcut

RNG = np.random.default_rng(0)
N = 2**15
NEEDED = {
    "two-layer": lambda k: 2 * k,
    "source": lambda k: 2 * k,
    "position": lambda k: 2 * k,
    "pattern": lambda k: k + 1,
    "length": lambda k: 2 if k == 1 else 11,
}
EVERY = [  # kind, order, size: all that fit
    (kind, order, size)
    for kind, order, size in itertools.product(KINDS, range(1, WIDTH + 1), range(1, WIDTH + 1))
    if NEEDED.get(kind, lambda k: k)(order) <= size
]
SOME = {
    "bit": feature("parity"),
    "parity": feature("parity", order=3, size=8),
    "threshold": feature("threshold", order=4),
    "margin": feature("threshold", order=4, margin=0.25),
    "two-layer": feature("two-layer", order=2),
    "two margins": feature("two-layer", order=2, margin=0.5),
    "pattern": feature("pattern", order=3, size=5, margin=0.3),
    "length": feature("length"),
    "long": feature("length", size=9, margin=0.35),
    "style": feature("style", order=3, size=5, margin=0.3),
    "sparse": feature("style", order=2, margin=0.6, presence=0.3),
    "source": feature("source", order=5),
    "position": feature("position", order=3, scale=0.5),
    "rare": feature("parity", order=2, presence=0.4, scale=3.0),
}


def stacked(cases) -> Feature:
    return Feature(*(np.stack(leaves) for leaves in zip(*cases, strict=True)))


write = jax.jit(jax.vmap(Feature.write, (0, None, None)))


def _margin(rng, kind):
    """One at which the sign is always said, where the kind has a margin."""
    default = KINDS[kind].margin
    return default if KINDS[kind].copies or default is None else float(rng.choice([0, 0.01, 0.3, 0.7, 1]))


UNIFORM = RNG.random((N, WIDTH + 1), np.float32)
SIGNS = RNG.choice([-1.0, 1.0], N).astype(np.float32)


@cache
def written():
    """The blocks of SOME [sample, WIDTH], made of the same noise."""
    blocks = np.asarray(write(stacked(SOME.values()), UNIFORM, SIGNS))
    return dict(zip(SOME, blocks.astype(float), strict=True))


def some(name):
    return SOME[name], SIGNS, written()[name]


def decoded(c: Feature, x: np.ndarray) -> np.ndarray:
    """What the block carries, > 0 for +; of a pattern and a style, the steps or copies that are + less the others."""
    kind, order, size = list(KINDS)[int(c.kind)], int(c.order), int(c.size)
    match kind:
        case "parity":
            return np.sign(x[:, :order]).prod(1)
        case "threshold":
            return x[:, :order].sum(1)
        case "two-layer":
            return x[:, :order].sum(1) * x[:, order : 2 * order].sum(1)
        case "pattern":
            return (np.sign(x[:, 1 : order + 1]) * np.sign(x[:, :order])).sum(1)
        case "length":
            return (x > 0).sum(1) - size / 2
        case "style":
            return np.sign(x[:, :order]).sum(1)
        case _:
            return np.abs(x).argmax(1) - order + 0.5


def fits(counts, probs):
    """χ², at about 5 standard errors; what has probability 0 does not occur."""
    counts, probs = np.ravel(counts), np.ravel(probs)
    assert not counts[probs == 0].any()
    counts, probs = counts[probs > 0], probs[probs > 0]
    if probs.size > 1:
        assert scipy.stats.chisquare(counts, counts.sum() * probs).pvalue > 1e-6


def patterns(x: np.ndarray) -> np.ndarray:
    """How often each pattern of signs occurs."""
    return np.bincount((x > 0) @ 2 ** np.arange(x.shape[1]), minlength=2 ** x.shape[1])


def test_every_feature_carries_its_sign():
    """All that can be made, also where the noise is at its ends; 0 beyond `size`, and noise within."""
    rng = np.random.default_rng(1)
    assert len(EVERY) == 294
    cases = [feature(kind, order=order, size=size, margin=_margin(rng, kind)) for kind, order, size in EVERY]
    u, signs = rng.random((300, WIDTH + 1), np.float32), rng.choice([-1.0, 1.0], 300).astype(np.float32)
    u[np.arange(200), np.arange(200) % WIDTH] = rng.choice([0.5**24, 1 - 0.5**24], 200)
    u[:4], signs[:4] = np.array([[0.5**24], [1 - 0.5**24]] * 2), [1, 1, -1, -1]
    blocks = np.asarray(write(stacked(cases), jnp.asarray(u), signs)).astype(float)
    for c, x, (kind, order, size) in zip(cases, blocks, EVERY, strict=True):
        found = decoded(c, x) / order if KINDS[kind].copies else np.sign(decoded(c, x))
        np.testing.assert_array_equal(found, signs, f"{kind} of order {order} and size {size}")
        assert not x[:, size:].any()
        if kind not in ("source", "position"):
            assert np.abs(x[:, :size]).all()


def test_one_program_writes_all_kinds():
    """Each alone, bit for bit."""
    alone = jax.jit(Feature.write)
    for name, c in SOME.items():
        same(np.asarray(alone(c, UNIFORM, SIGNS), float), written()[name])


@pytest.mark.parametrize("name", SOME)
def test_the_evidence_is_what_the_block_carries(name):
    """The channel against what the decoder counts, given either sign."""
    c, signs, x = some(name)
    channel = c.evidence()
    assert channel.shape == (2, WIDTH + 2) and channel.dtype == np.float64
    np.testing.assert_allclose(channel.sum(1), 1, rtol=1e-14)
    absent = ~x.any(1)
    noisy = list(KINDS.values())[int(c.kind)].copies
    outcome = (decoded(c, x) + int(c.order)) / 2 if noisy else decoded(c, x) > 0
    outcome = np.where(absent, WIDTH + 1, outcome).astype(int)
    for row, sign in enumerate((-1, 1)):
        fits(np.bincount(outcome[signs == sign], minlength=WIDTH + 2), channel[row])


@pytest.mark.parametrize("name", ["pattern", "style"])
def test_nothing_else_in_the_block_is_evidence(name):
    """p(block | sign) of all 2^5 blocks is that of the count, spread evenly over the blocks that have it."""
    c, signs, x = some(name)
    blocks = np.array(list(itertools.product([-1, 1], repeat=5)))[:, ::-1]  # the first feature is the lowest digit
    count = ((decoded(c, blocks) + 3) / 2).astype(int)
    expected = c.evidence()[:, count] / np.bincount(count)[count]
    for row, sign in enumerate((-1, 1)):
        fits(patterns(x[signs == sign, :5]), expected[row])


def test_evidence_by_hand():
    """I(sign; block): ln 2 where it carries the sign, times the presence, and that of a binary symmetric channel."""

    def nats(c):
        return float(theory.mutual_information(jnp.asarray(c.evidence() / 2)))

    p = 0.8
    flips = np.log(2) + p * np.log(p) + (1 - p) * np.log(1 - p)
    for c, expected in (
        (feature("two-layer", order=3, margin=0.2), np.log(2)),
        (feature("length", margin=0.5, presence=0.25), np.log(2) / 4),
        (feature("style", margin=0.6, presence=0.5), flips / 2),
        (feature("pattern", margin=0.6), flips),
        (feature("style", order=4, margin=0.0), 0),
        (feature("parity", presence=0.0), 0),
        (feature("pattern", order=9), np.log(2)),
    ):
        assert nats(c) == pytest.approx(expected, abs=1e-7)
    np.testing.assert_allclose(feature("style", order=2, margin=0.5).evidence()[1, :3], [1 / 16, 6 / 16, 9 / 16])
    assert nats(feature("style", order=4, margin=0.5)) > nats(feature("style", order=3, margin=0.5))


def test_parity_shows_nothing_to_fewer_bits():
    """Given the sign, all 3 bits of that product are equally likely: any two are fair, and so are the rest."""
    _, signs, x = some("parity")
    for sign in (-1, 1):
        bits = np.array(list(itertools.product([-1, 1], repeat=3)))[:, ::-1]
        fits(patterns(x[signs == sign, :3]), (bits.prod(1) == sign) / 4)
        fits(patterns(x[signs == sign, 1:8]), np.full(2**7, 0.5**7))


@pytest.mark.parametrize("name", ["parity", "two-layer", "two margins", "pattern", "position"])
def test_no_single_column_knows_the_sign(name):
    """E[x | sign] = 0, and E[x² | sign] is the same but for the place of a mark: a linear student learns nothing."""
    _, signs, x = some(name)
    agrees(x, 0)
    agrees(x * signs[:, None], 0)
    if name != "position":
        agrees(x**2 * signs[:, None], 0)


@pytest.mark.parametrize("name", ["threshold", "two-layer"])
def test_without_a_margin_columns_are_independent_and_uniform(name):
    """Of variance 1, pairwise uncorrelated, as are their squares: the sign is nothing but a name for what is there."""
    _, _, x = some(name)
    for column in x.T:
        assert scipy.stats.kstest(column, "uniform", (-(3**0.5), 12**0.5)).pvalue > 1e-6
    for i, j in itertools.combinations(range(WIDTH), 2):
        agrees(np.stack([x[:, i] * x[:, j], x[:, i] ** 2 * x[:, j] ** 2], 1), np.array([0, 1]))


def test_a_margin_keeps_sums_away_from_0():
    """By margin · √order, each of the two in a two-layer; with as many samples some are close to that."""
    for sums, floor in (
        (some("margin")[2][:, :4].sum(1), 0.5),
        (some("two margins")[2][:, :2].sum(1), 0.5 * 2**0.5),
        (some("two margins")[2][:, 2:4].sum(1), 0.5 * 2**0.5),
    ):
        assert floor - 1e-5 < np.abs(sums).min() < floor + 1e-3


@pytest.mark.parametrize(("name", "half", "margin"), [("length", 5, 0.0), ("long", 4.5, 0.35)])
def test_a_length_in_unary(name, half, margin):
    """Ones, then −1; never nearer to half of `size` than the margin, as often above as below, all lengths occur."""
    c, signs, x = some(name)
    x = x[:, : int(c.size)]
    assert set(np.unique(x)) == {-1, 1} and (np.diff(x) <= 0).all()
    away = signs * ((x > 0).sum(1) - half)
    assert set(away) == {d for d in np.arange(half % 1, half + 1) if d > 0 and d >= half * margin}
    for d in set(away):
        agrees((away == d) * signs, 0)
    if name == "length":
        fits(np.bincount(away.astype(int), minlength=6), np.array([0, 0.2, 0.2, 0.2, 0.2, 0.2]))


@pytest.mark.parametrize(("name", "order"), [("source", 5), ("position", 3)])
def test_each_place_is_used_as_often(name, order):
    """One mark among 0; that of a position is ±1 fairly, whatever the place."""
    c, signs, x = some(name)
    x = x / float(c.scale)
    assert (np.abs(x).sum(1) == 1).all() and set(np.unique(x)) == ({0, 1} if name == "source" else {-1, 0, 1})
    for row, sign in enumerate((-1, 1)):
        share = np.zeros(WIDTH)
        share[row * order : (row + 1) * order] = 1 / order
        fits(np.abs(x[signs == sign]).sum(0), share)
        if name == "position":
            fits((x[signs == sign] == 1).sum(0), share)
    if name == "position":
        agrees(x.sum(1), 0)


def test_presence_and_scale():
    """The block is 0, whatever its sign, or as it would be; the scale multiplies it."""
    _, signs, x = some("rare")
    seen = x.any(1)
    for sign in (-1, 1):
        agrees(seen[signs == sign], 0.4)
    assert set(np.unique(np.abs(x[seen]))) == {3}
    plain = some("margin")
    scaled = write(stacked([plain[0]._replace(scale=np.float32(x)) for x in (0.01, 50)]), UNIFORM, SIGNS)
    for x, factor in zip(scaled, (0.01, 50), strict=True):
        np.testing.assert_allclose(x, plain[2] * factor, rtol=1e-5)


ENVIRONMENT = shortcut(
    feature("parity", order=2), feature("length", size=8, margin=0.5), agreement=0.8, label_noise=0.1
)
draw, counterfactual = (jax.jit(f, static_argnums=2) for f in (Shortcut.draw, Shortcut.counterfactual))


@cache
def drawn(written=(True, True)):
    """Signs of both features, as decoded, and of the label [sample], ±1; and the blocks of both [sample, WIDTH]."""
    columns, label = draw(ENVIRONMENT, jax.random.key(5), N, jnp.array(written))
    x = np.asarray(columns).astype(float)
    assert x.shape == (N, 2 * WIDTH) and columns.dtype == jnp.float32 and label.dtype == int
    blocks = x[:, :WIDTH], x[:, WIDTH:]
    signs = (np.sign(decoded(c, block)) for c, block in zip(ENVIRONMENT[:2], blocks, strict=True))
    return *signs, 2.0 * np.asarray(label) - 1, *blocks


def test_labels_agree_with_each_feature_as_often_as_they_should():
    """And the two agree with it independently, whatever the label."""
    intended, spurious, label, *_ = drawn()
    agrees(label, 0)
    for sign in (-1, 1):
        correct = np.stack([intended == label, spurious == label], 1)[label == sign]
        agrees(correct, np.array([0.9, 0.8]))
        agrees(correct.prod(1), 0.72)
    differs((intended == spurious), 0.5)


@pytest.mark.parametrize(("written", "accepted"), [((True, False), 0), ((False, True), 1), ((False, False), None)])
def test_a_feature_that_is_not_written_is_there_but_carries_nothing(written, accepted):
    """Same labels, same block of the other; its own sign is fair, and independent of label and other."""
    *signs, label, a, b = drawn(written)
    *_, labels, both_a, both_b = drawn()
    same(label, labels)
    for i, (block, before) in enumerate(((a, both_a), (b, both_b))):
        assert np.array_equal(block, before) == (i == accepted)
        if i != accepted:
            agrees(signs[i], 0)
            agrees(signs[i] * label, 0)
            agrees(signs[i] * signs[1 - i], 0)
            first, second = (patterns(x[:, :8]) for x in (block, before))
            cells = first + second > 0
            assert scipy.stats.chi2_contingency(np.stack([first, second])[:, cells]).pvalue > 1e-6


def test_counterfactual_inputs_set_the_features_against_each_other():
    """Both are there, however rarely they are written."""
    columns, intended = counterfactual(ENVIRONMENT, jax.random.key(6), N)
    x = np.asarray(columns).astype(float)
    signs = [np.sign(decoded(c, block)) for c, block in zip(ENVIRONMENT[:2], (x[:, :WIDTH], x[:, WIDTH:]), strict=True)]
    same(signs[0], -signs[1])
    same(signs[0], 2.0 * np.asarray(intended) - 1)
    agrees(signs[0], 0)
    agrees(np.sign(x[:, 0]) * signs[0], 0)  # parity is still parity
    rare = Shortcut(*(one._replace(presence=np.float32(0.1)) for one in ENVIRONMENT[:2]), ENVIRONMENT.agreement)
    same(counterfactual(rare, jax.random.key(6), N), counterfactual(ENVIRONMENT, jax.random.key(6), N))


def test_stacked_environments_are_each_of_them():
    other = shortcut(feature("style", order=3, margin=0.5), feature("source", order=2), agreement=0.6)
    many = shortcuts.stack([ENVIRONMENT, other])
    keys = jax.random.split(jax.random.key(7), 2)
    columns, labels = jax.jit(jax.vmap(lambda one, key: one.draw(key, N, jnp.array([True, False]))))(many, keys)
    for i, one in enumerate((ENVIRONMENT, other)):
        same((columns[i], labels[i]), draw(one, keys[i], N, jnp.array([True, False])))
