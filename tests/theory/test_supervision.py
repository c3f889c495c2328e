"""What a signal says of task and form, and what queries say together, against dit, enumeration and the theorems."""

import itertools
from functools import partial

import dit
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import EXACT, close, verdicts
from strategies import FEW, SEEDS, joints, many, pmfs

import theory
from theory import supervision

BLOCKS = np.array([0, 2, 1, 0, 2, 2])  # of 6 outputs
LABELS = st.lists(st.integers(0, 3), min_size=6, max_size=6)
NATS = np.log(2)


decompose = jax.jit(supervision.decompose, static_argnums=1)
decompositions = jax.jit(jax.vmap(partial(supervision.decompose, blocks=BLOCKS)))
price, diversity = jax.jit(supervision.price), jax.jit(partial(supervision.diversity, blocks=BLOCKS))
joint_information = jax.jit(supervision.joint_query_information, static_argnums=(2, 3))
entropy = jax.jit(theory.entropy)


def noiseless(answers, size=2):
    """Query q answers f_q(x) = answers[q][x]."""
    return np.eye(size)[np.asarray(answers)]


def enumerated(prior, channel, queries, blocks):
    """I([X];S_1…S_k) from the table of all answer sequences, by dit."""
    table = {}
    for x, px in enumerate(prior):
        for answers in itertools.product(range(channel.shape[2]), repeat=len(queries)):
            p = px * np.prod([channel[q, x, s] for q, s in zip(queries, answers, strict=True)])
            if p > 0:
                table[blocks[x], *answers] = table.get((blocks[x], *answers), 0) + p
    together = dit.Distribution(list(table), list(table.values()))
    return dit.shannon.mutual_information(together, [0], list(range(1, len(queries) + 1))) * NATS


@given(LABELS)
def test_partition(labels):
    """y ~ y' if and only if their labels are equal; numbers come in order of first appearance."""
    blocks = supervision.partition(labels)
    assert ((blocks[:, None] == blocks[None]) == np.array([[a == b for a in labels] for b in labels])).all()
    assert list(dict.fromkeys(blocks.tolist())) == list(range(len(set(labels))))


def test_partition_of_anything():
    words = ["Yes", "no", "yes", "maybe", "NO"]
    assert supervision.partition(words, by=str.lower).tolist() == [0, 1, 0, 2, 1]
    assert supervision.partition([(1, "a"), (1, "b"), (1, "a")]).tolist() == [0, 1, 0]
    for array in (np.array([7, 3, 7]), jnp.array([7, 3, 7])):
        assert supervision.partition(array).tolist() == [0, 1, 0]
        assert supervision.partition(array, by=lambda y: y > 0).tolist() == [0, 0, 0]


@given(joints((6, 3, 2)))
def test_supervision_splits(joint):
    """I(Y;S|Q) = I([Y];S|Q) + I(Y;S|[Y],Q), every part ≥ 0, 0 ≤ η ≤ 1, with zeros and masses of very different size."""
    total, task, within, efficiency = (float(v[0]) for v in decompositions(jnp.asarray(joint)[None]))
    close(total, task + within)
    close(efficiency * total, task)
    assert min(task, within) >= 0 and 0 <= efficiency <= 1


@pytest.mark.parametrize("seed", range(3))
def test_dit_agrees_on_the_split(seed):
    rng = np.random.default_rng(seed)
    joint = rng.gamma(0.5, size=(6, 3, 2)) * (rng.random((6, 3, 2)) > 0.3)
    joint /= joint.sum()
    cells = [index for index in np.ndindex(joint.shape) if joint[index] > 0]
    outcomes = [(y, s, q, int(BLOCKS[y])) for y, s, q in cells]
    probs = dit.Distribution(outcomes, [joint[cell] for cell in cells])
    split = decompose(joint, tuple(BLOCKS.tolist()))
    for value, output, given_ in ((split.total, 0, [2]), (split.task, 3, [2]), (split.within, 0, [2, 3])):
        close(value, dit.multivariate.coinformation(probs, [[output], [1]], given_) * NATS)
    close(split.efficiency, split.task / split.total)


@pytest.mark.parametrize(("classes", "forms"), [(2, 3), (6, 1), (1, 6)])
def test_reference_answer_and_verdict(classes, forms):
    """Y uniform on c classes of M forms.

    S = Y:  I = ln c + ln M,  η = ln c/(ln c + ln M);   S = 1[class = k] without error:  I = h(1/c),  η = 1.
    """
    blocks = tuple(supervision.partition(range(6), by=lambda y: y // forms).tolist())
    split = decompose(np.eye(6)[:, :, None] / 6, blocks)
    c, m = np.log(classes), np.log(forms)
    close(split, [c + m, c, m, c / (c + m)])
    close(split.within, price(np.full(forms, 1 / forms)).entropy)
    verdict = decompose(np.eye(2)[(np.array(blocks) == 0).astype(int)][:, :, None] / 6, blocks)
    h = theory.entropy([1 / classes, 1 - 1 / classes])
    close(verdict, [h, h, 0, 1])


@given(pmfs((6,)), pmfs((3,)))
def test_a_signal_that_carries_nothing(output, signal):
    """I(Y;S) = 0: η = 1, though rounding leaves 1e-30 here and there."""
    split = decompositions((output[:, None] * signal[None])[None, :, :, None] * np.array([0.3, 0.7]))
    assert split.efficiency[0] == 1


def test_little_information_has_its_efficiency():
    """An information of 1e-20 is not nothing: ½ of it is about the task, for a table of two independent tilts."""
    e = 1e-10
    tilt = np.array([1, -1]) * e
    y = 1 + tilt[:, None, None] * np.array([1, -1]) + tilt[None, :, None] * np.array([1, -1])
    split = decompose(y.reshape(4, 2, 1) / 8, (0, 0, 1, 1))
    np.testing.assert_allclose(split.efficiency, 0.5, atol=1e-4)
    assert 0 < split.total < 1e-19


def test_efficiency_has_a_gradient_at_nothing():
    flat = jnp.full((4, 2, 1), 1 / 8)
    assert np.isfinite(jax.jit(jax.grad(lambda p: decompose(p, (0, 0, 1, 1)).efficiency))(flat)).all()


@given(pmfs((5,)), pmfs((5,)))
def test_price_is_the_surprise(reference, student):
    """H(F) + D(F‖student) = −E ln student(F);  H(F) ≤ ln M;  a student that has the distribution has no D left."""
    fresh, missing = price(reference, student)
    used = reference > 0
    with np.errstate(divide="ignore"):
        surprise = -(reference[used] * np.log(student[used])).sum()
    np.testing.assert_allclose(fresh + missing, surprise, rtol=EXACT, atol=EXACT)
    assert 0 <= fresh <= np.log(5) + EXACT and missing >= 0
    assert price(reference, reference).divergence == 0
    close(sum(price(reference)), np.log(5))  # a uniform student: ln M whatever the reference


def test_price_of_one_fixed_reference():
    """A point mass carries nothing about the form and moves the student all the same: −ln student(f)."""
    fixed = np.array([0, 1.0, 0, 0, 0])
    close(price(fixed), [0, np.log(5)])
    close(price(fixed, np.array([0.25, 0.125, 0.125, 0.25, 0.25])), [0, np.log(8)])
    assert price(fixed, np.array([0.5, 0, 0, 0, 0.5])).divergence == np.inf


@given(pmfs((6,)))
def test_diversity(pmf):
    """H(Y) = H([Y]) + Σ_b p(b) H(Y|b)  and  Σ_y p(y)² = Σ_b p(b)² (1 − gini_simpson)."""
    mass, inside, differ = diversity(pmf)
    close(entropy(pmf), entropy(mass) + (mass * inside).sum())
    close((pmf**2).sum(), (mass**2 * (1 - differ)).sum())
    assert inside.min() >= 0 and differ.min() >= 0


def test_diversity_of_uniform_and_empty_blocks():
    """M equal forms: ln M and 1 − 1/M; a block of mass 0, and one without outputs: 0."""
    result = jax.jit(lambda p: supervision.diversity(p, [0, 0, 0, 1, 3]))(jnp.array([0.2, 0.2, 0.2, 0.4, 0.0]))
    close(result.mass, [0.6, 0.4, 0, 0])
    close(result.entropy, [np.log(3), 0, 0, 0])
    close(result.gini_simpson, [2 / 3, 0, 0, 0])


@pytest.mark.parametrize("queries", [(1, 1, 1), (2, 0, 2, 1)])
def test_joint_information_by_enumeration(queries):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        prior, channel, blocks = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3) / 2, (3, 4)), (0, 1, 1, 0)
        close(joint_information(prior, channel, queries, blocks), enumerated(prior, channel, queries, blocks))
        close(joint_information(prior, channel, queries), enumerated(prior, channel, queries, range(4)))
        close(supervision.query_information(prior, channel, blocks)[0], enumerated(prior, channel, [0], blocks))


@given(pmfs((4,)), st.lists(st.integers(0, 1), min_size=4, max_size=4))
def test_a_repeat_of_a_noiseless_answer_carries_nothing_new(prior, answers):
    """S = f(X):  I(X;S,S,…,S) = I(X;S) = H(f(X))."""
    channel = noiseless([answers])
    once = joint_information(prior, channel, (0,))
    assert joint_information(prior, channel, (0,) * 3) == once
    yes = prior[np.array(answers) == 1].sum()
    close(once, entropy(np.array([yes, 1 - yes])))


@FEW
@given(SEEDS)
def test_repeats_approach_the_noiseless_answer(seed):
    """S_i = f(X) through fresh noise:  I(X;S_1) ≤ I(X;S_1 S_2) ≤ … ≤ I(X;f(X)) = H(f(X)), on 256 tables."""
    prior, noise = many(seed, (4,)), many(seed + 1, (2, 2))
    channel = noise[:, None, jnp.array([0, 1, 1, 0])]
    information = _repeats(prior, channel)
    assert jnp.diff(information, axis=1).min() >= -EXACT
    assert (information <= jax.vmap(entropy)(prior @ noiseless([0, 1, 1, 0]))[:, None] + EXACT).all()


@jax.jit
@jax.vmap
def _repeats(prior, channel):
    return jnp.stack([supervision.joint_query_information(prior, channel, [0] * k) for k in (1, 2, 4)])


def test_ten_repeats():
    """Ten queries in any order: 1024 sequences, a few counts; the noise nearly averages out, never all."""
    prior, channel = np.array([0.4, 0.3, 0.2, 0.1]), verdicts(4, 0.9, 0.2)
    spread = joint_information(prior, channel, (0, 1, 2, 3, 0, 1, 2, 0, 1, 0))
    close(spread, enumerated(prior, channel, [0] * 4 + [1] * 3 + [2] * 2 + [3], range(4)))
    all_on_one, noiselessly = joint_information(prior, channel, (0,) * 10), entropy(np.array([0.4, 0.6]))
    assert 0.95 * noiselessly < all_on_one < noiselessly < spread


def test_a_repeat_can_beat_a_new_query():
    """Three tasks (½, ¼, ¼), verdicts with 1 error in 4: a repeat of the first query beats either other.

    Repeat: H(5,3,3,5 sixteenths) − 2h(¼) = 0.230;  new: H(9,7,11,5 thirty-seconds) − 2h(¼) = 0.222. With two tasks both
    verdicts ask the same, so three is the least. With 1 error in 10 the new query wins.
    """
    prior, channel = np.array([0.5, 0.25, 0.25]), verdicts(3, 0.75, 0.25)
    noise = 2 * entropy(np.array([0.25, 0.75]))
    repeat, new = (joint_information(prior, channel, (0, q)) for q in (0, 1))
    close(repeat, entropy(np.array([5, 3, 3, 5]) / 16) - noise)
    close(new, entropy(np.array([9, 7, 11, 5]) / 32) - noise)
    assert repeat > new + 0.008
    clear = verdicts(3, 0.9, 0.1)
    assert joint_information(prior, clear, (0, 0)) < joint_information(prior, clear, (0, 1)) - 0.07


@FEW
@given(SEEDS)
def test_posterior_and_best_query(seed):
    """Σ_s p(s) p(x|s) = p(x);  I(X;S_q) = H(X) − Σ_s p(s) H(X|s), largest for the best query; on 256 tables."""
    prior, channel = many(seed, (4,)), many(seed + 1, (3, 4, 2))
    (query, information), every, answer, left, before, after = _answers(prior, channel)
    close(information, every.max(1))
    assert (query == every.argmax(1)).all()
    close(jnp.einsum("ns,nsx->nx", answer, left), prior)
    close(information, before - (answer * after).sum(1))


@jax.jit
@jax.vmap
def _answers(prior, channel):
    best = supervision.best_query(prior, channel)
    left = jax.vmap(lambda s: supervision.posterior(prior, channel, best.query, s))(jnp.arange(2))
    every, answer = supervision.query_information(prior, channel), prior @ channel[best.query]
    return best, every, answer, left, theory.entropy(prior), jax.vmap(theory.entropy)(left)


def test_best_query_takes_the_first_of_equals():
    """Ties are ties but for rounding: verdicts on equally probable tasks; and it runs under jit."""
    prior = np.full(7, 1 / 7) * (1 + 1e-15 * np.arange(7))
    assert jax.jit(supervision.best_query)(prior, verdicts(7, 0.9, 0.2)).query == 0
    assert supervision.best_query([0.1, 0.5, 0.4], verdicts(3, 1.0, 0.0), [0, 1, 1]).query == 0
    assert supervision.best_query([0.1, 0.5, 0.4], verdicts(3, 1.0, 0.0)).query == 1


def test_posterior_after_an_impossible_answer():
    """Nothing can be refused under `jit`: zeros, which are no distribution."""
    after = jax.jit(supervision.posterior)(jnp.array([1.0, 0.0]), noiseless([[0, 1]]), 0, 1)
    assert (after == 0).all()


def policies(prior, answers, blocks, left):
    """The least expected number of queries from `left` on, by trying every policy."""
    if len({blocks[x] for x in left}) <= 1:
        return 0.0
    options = []
    for row in answers:
        parts = [tuple(x for x in left if row[x] == s) for s in set(row)]
        parts = [part for part in parts if part]
        if len(parts) > 1:
            options.append(sum(prior[x] for x in left) + sum(policies(prior, answers, blocks, p) for p in parts))
    return min(options, default=np.inf)


@given(pmfs((4,)), st.lists(st.tuples(*[st.integers(0, 2)] * 4), min_size=3, max_size=3))
def test_queries_to_identify(prior, answers):
    """H([X])/max_q ln |f_q| ≤ min over all policies of E[N] ≤ E[N] of greedy."""
    for blocks in ([0, 1, 2, 3], [0, 1, 1, 0]):
        greedy, converse = supervision.queries_to_identify(prior, noiseless(answers, 3), blocks)
        optimal = policies(prior, answers, blocks, tuple(np.flatnonzero(prior > 0)))
        assert converse <= optimal + EXACT
        assert optimal <= greedy + EXACT and (greedy < np.inf) == (optimal < np.inf)


def identify(weights, answers, blocks=None):
    """`queries_to_identify`, padded to one shape: 8 tasks, some of probability 0, and 8 queries, some constant."""
    padded = np.zeros((8, 8), int)
    padded[: len(answers), : len(weights)] = answers
    prior = np.pad(np.array(weights, float), (0, 8 - len(weights)))
    return supervision.queries_to_identify(prior / prior.sum(), noiseless(padded), blocks)


def test_known_numbers_of_queries():
    """n bits: both n. Verdicts on c equal tasks, one after the other: (c−1)(c+2)/(2c), and log₂ c. Huffman's code."""
    bits = [[x >> i & 1 for x in range(8)] for i in range(3)]
    close(identify([1] * 8, bits), [3, 3])
    close(identify([1] * 5, np.eye(5)), [4 * 7 / 10, np.log2(5)])
    weights = [1, 1, 1, 9]  # halving the four, which is best for equal ones, would take 2
    huffman = identify(weights, [[1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    close(huffman, [17 / 12, entropy(np.array(weights) / 12) / np.log(2)])
    xor = [0, 1, 1, 0] * 2
    close(identify([1] * 4, [row[:4] for row in bits[:2]], xor), [2, 1])  # neither bit carries anything, both carry all
    assert identify([1, 1], [[0, 0]]) == (np.inf, np.inf)
    assert identify([0, 1], [[0, 0]]) == (0, 0) == identify([1, 0, 0, 1], [[0, 0, 0, 0]], xor)
    assert supervision.queries_to_identify([0.0, 1.0], [[[0.5, 0.5], [0, 1]]]) == (0, 0)  # no noise that can be met


def test_greedy_is_not_optimal():
    """Tasks of weights 1, 1, 3, 3: halving them takes 2 queries always, asking for a frequent one first 15/8."""
    weights, answers = [1, 1, 3, 3], [[0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 1]]
    close(identify(weights, answers), [2, entropy(np.array(weights) / 8) / np.log(2)])
    close(policies(np.array(weights) / 8, answers, range(4), (0, 1, 2, 3)), 15 / 8)


def test_labels_cost_no_memory():
    """Blocks 7 and 2^30 are two blocks."""
    joint, few, far = np.random.default_rng(0).dirichlet(np.ones(24)).reshape(6, 2, 2), [0, 1] * 3, [7, 2**30] * 3
    close(supervision.decompose(joint, far), supervision.decompose(joint, few))
    prior, channel = np.full(6, 1 / 6), verdicts(6, 0.9, 0.2)
    close(supervision.query_information(prior, channel, far), supervision.query_information(prior, channel, few))


def test_posterior_of_small_factors():
    """1e-200 × 1e-200 is an answer that can be given."""
    channel = [[[1e-200, 1], [1e-200, 1], [0, 1]]]
    close(supervision.posterior([1e-200, 3e-200, 1], channel, 0, 0), [0.25, 0.75, 0])
