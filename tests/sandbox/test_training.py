"""Training: rounds, updates, measures, prompts, scores, batches, dtypes, optimisers and policies of one's own."""

import inspect
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import array, at, close, same
from small_training import KEY, KEYS, METHODS, OWN, POLICIES, PROMPTS, TABLE, K, M, N, P, go, net, path_of, rewards

from sandbox import policies
from sandbox.inputs import ready
from sandbox.policies import ADAM, RFT, RLVR, SFT, NaturalGradient, Score, Weighted, accuracy, rounds_to, train

UNASKED = PROMPTS._replace(probs=array([0.6, 0.4, 0]))


@pytest.mark.parametrize(
    ("name", "num_samples"),
    [
        pytest.param(name, n, marks=[pytest.mark.slow] * ((name, n) in [("rft", 4), ("natural", 4)]))
        for name in METHODS
        for n in (None, 4)
    ],
)
def test_prompts_of_probability_0_are_not_learned_from(name, num_samples):
    """Their rows of a table stay bit for bit, and the correct class there changes nothing; the other rows move."""
    options = {"method": METHODS[name], "num_samples": num_samples, "learning_rate": 5.0}
    logits = go(prompts=UNASKED, **options).policy.logits
    same(logits[2], TABLE.logits[2])
    assert np.all(np.abs(logits[:2] - TABLE.logits[:2]).max((1, 2)) > 1e-3)
    same(go(prompts=UNASKED._replace(correct=jnp.array([1, 0, 0])), **options).policy.logits, logits)
    assert not np.array_equal(
        go(prompts=UNASKED._replace(correct=jnp.array([1, 1, 2])), **options).policy.logits, logits
    )


def test_rows_of_a_table_share_nothing():
    """Another right class of the first prompt leaves the others bit for bit."""
    logits = go(num_samples=4).policy.logits
    other = go(prompts=PROMPTS._replace(correct=jnp.array([2, 0, 2])), num_samples=4).policy.logits
    same(other[1:], logits[1:])
    assert not np.array_equal(other[0], logits[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rlvr", "natural"])
def test_a_network_does_not_learn_from_prompts_of_probability_0(name):
    """Training on three prompts, one of probability 0, is training on two."""
    two = jax.tree.map(lambda x: x[:2], UNASKED)
    close(go(net(), UNASKED, method=METHODS[name]).policy, go(net(), two, method=METHODS[name]).policy, 1e-10)


def test_rounds_and_updates_by_hand():
    """RFT, dℓ = kept/Σ kept − π Σ_prompt kept/Σ kept: outputs are weighed once a round, and refitted three times."""
    reward, probs = rewards(PROMPTS, OWN), np.asarray(PROMPTS.probs)[:, None]

    def by_hand(num_rounds, num_updates):
        x = np.asarray(TABLE.logits).reshape(P, N)
        for _ in range(num_rounds):
            kept = probs * softmax(x) * reward
            for _ in range(num_updates):
                x = x + 0.5 * (kept - softmax(x) * kept.sum(1, keepdims=True)) / kept.sum()
        return x.reshape(P, K, M)

    found = go(signal=OWN, method=RFT(), num_updates=3, learning_rate=0.5).policy.logits
    close(found, by_hand(2, 3), 1e-13)
    assert min(np.abs(found - other).max() for other in (by_hand(6, 1), by_hand(3, 2))) > 1e-4


@pytest.mark.parametrize("name", ["rlvr", pytest.param("natural", marks=pytest.mark.slow)])
def test_batches_are_rounds_on_their_prompts(name):
    """Two rounds, on prompts 2 and 0, then on 1, against two trainings of one round on these prompts alone."""
    options, policy = {"method": METHODS[name]._replace(kl=0.0), "learning_rate": 0.5}, net()
    for rows in np.array([[2, 0], [1, 1]]):
        some = PROMPTS._replace(**{field: leaf[rows] for field, leaf in PROMPTS._asdict().items()})
        policy = go(policy, some._replace(probs=some.probs / some.probs.sum()), num_rounds=1, **options).policy
    close(go(net(), batches=np.array([[2, 0], [1, 1]]), **options).policy, policy, 1e-10)
    assert not np.allclose(
        jax.tree.leaves(go(net(), batches=np.array([[2, 0], [0, 1]]), **options).policy)[-1],
        jax.tree.leaves(policy)[-1],
        atol=1e-6,
    )


def test_updates_that_are_counted_for_each_round():
    """As where one number serves all rounds; after the last update nothing happens."""
    options = {"signal": OWN, "method": RFT(), "learning_rate": 0.5}
    found = go(num_rounds=4, num_updates=jnp.array([3, 3, 0, 0]), **options).measured
    wanted = go(num_updates=3, **options).measured
    close(found[0].logits, np.asarray(wanted[0].logits)[[0, 1, 2, 2, 2]], 1e-13)
    close(found[1], np.asarray(wanted[1])[[0, 1, 2, 2, 2]], 1e-13)


def test_a_weight_of_one_is_that_method():
    """RLVR and RFT as one program, either way."""
    for method, weights in ((RLVR(0.3), (1.0, 0.0)), (RFT(), (0.0, 1.0))):
        mixed = Weighted((RLVR(0.3), RFT()), weights)
        close(go(method=mixed).policy.logits, go(method=method).policy.logits, 1e-13)


@pytest.mark.parametrize("num_samples", [None, 4])
def test_rounds_to_a_goal_are_those_of_the_path(num_samples):
    """The first round in which it is reached, none where it is at the start, and one more than there are."""
    options = {"num_samples": num_samples, "learning_rate": 0.5}
    path = np.asarray(train(KEY, TABLE, PROMPTS, OWN, RLVR(), num_rounds=6, **options).measured)
    for goal in (path[0], path[:4].max(), 2.0):
        rounds = rounds_to(KEY, TABLE, PROMPTS, OWN, RLVR(), goal=goal, num_rounds=6, **options)
        assert int(rounds) == (np.argmax(path >= goal) if (path >= goal).any() else 7)


def softmax(x):
    return np.exp(x) / np.exp(x).sum(1, keepdims=True)


def test_nothing_kept_is_nothing_learned():
    same(go(signal=OWN._replace(value=jnp.zeros(4)), method=RFT()).policy, TABLE)


def test_what_is_measured():
    """Before each round and after the last: from the start to the policy returned, on the held-out set if given."""
    held_out = PROMPTS._replace(correct=jnp.array([0, 0, 0]))
    result = go(num_samples=4, held_out=held_out)
    path, shares = result.measured
    assert path.logits.shape == (3, P, K, M) and shares.shape == (3,)
    same(at(path, 0), TABLE)
    same(at(path, -1), result.policy)
    for t in range(3):
        p = softmax(np.asarray(path.logits[t]).reshape(P, N)).reshape(P, K, M).sum(2)
        np.testing.assert_allclose(shares[t], np.asarray(PROMPTS.probs) @ p[:, 0], rtol=1e-12)
        if t == 0:
            np.testing.assert_allclose(
                go().measured[1][0], np.asarray(PROMPTS.probs) @ p[np.arange(P), PROMPTS.correct]
            )
    assert len(np.unique(shares)) == 3
    assert inspect.signature(train).parameters["measure"].default is accuracy


def test_the_key_alone_decides():
    """And each round draws anew, which a small rate shows."""
    path, again = (path_of(num_samples=4, learning_rate=1e-3).logits for _ in range(2))
    same(path, again)
    steps = np.diff(path, axis=0) / 1e-3
    assert np.abs(steps[0] - steps[1]).max() > 1e-2
    assert not np.array_equal(path_of(num_samples=4, learning_rate=1e-3, key=jax.random.key(9)).logits, path)


@pytest.mark.parametrize(
    ("name", "num_samples"),
    [("rlvr", None), *(pytest.param(*x, marks=pytest.mark.slow) for x in [("rlvr", 4), ("rft", None)])],
)
def test_a_score_teaches_as_the_feedback_that_accepts_as_often(name, num_samples):
    """Also where outputs are drawn: the symbols are then the same."""
    signal = policies.verdict(K, M, tpr=0.9, fpr=0.2)
    options = {"method": METHODS[name], "num_samples": num_samples}
    found = go(signal=Score(signal.symbol_probs(PROMPTS)[:, :, 1]), **options)
    close(found, go(signal=signal, **options), 1e-12)


def everything(key, scale, learning_rate, kl, clip, kind):
    method = NaturalGradient(kl) if kind == "natural" else RLVR(kl, clip)
    policy = TABLE if kind == "table" else net()
    options = {"num_samples": 4, "num_updates": 2, "learning_rate": learning_rate}
    return go(jax.tree.map(lambda x: x * scale, policy), method=method, key=key, **options)


@pytest.mark.parametrize(
    "kind", ["table", pytest.param("network", marks=pytest.mark.slow), pytest.param("natural", marks=pytest.mark.slow)]
)
def test_a_batch_equals_one_by_one(kind):
    """Of keys, policies, rates, kl and clip; `natural` is a network's, inside the scans of rounds and updates."""
    arguments = KEYS[:3], array([1, 0.5, 1.5]), array([0.1, 0.2, 0.3]), array([0, 0.1, 0.2]), array([np.inf, 0.2, 0.1])
    batch = jax.jit(jax.vmap(partial(everything, kind=kind)))(*arguments)
    for i in range(3):
        close(at(batch, i), everything(*(x[i] for x in arguments), kind=kind), 1e-8 if kind == "natural" else 1e-11)
    assert len(np.unique(batch.measured[1][:, -1])) == 3


def single(tree):
    return jax.tree.map(lambda x: x.astype(jnp.float32) if x.dtype == jnp.float64 else x, tree)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("table", "rlvr"),
        *(pytest.param("table", name, marks=pytest.mark.slow) for name in ("rft", "natural")),
        pytest.param("network", "rlvr", marks=pytest.mark.slow),
    ],
)
def test_float32_in_float32_out(kind, name):
    """The same numbers to float32, with a kl, a clip and a rate in float64, and prompts in either for a table."""
    policy, method = POLICIES[kind](), METHODS[name]
    if name != "rft":
        method = type(method)(*(array(x) for x in (0.3, 0.2)[: len(method)]))
    options = {"method": method, "learning_rate": array(0.5)}
    found = go(single(policy), single(PROMPTS), **options)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype(jnp.float32)}
    close(found, go(policy, **options), 1e-5)
    if (kind, name) == ("table", "rlvr"):
        same(go(single(policy), PROMPTS, **options), found)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_adam_by_hand(dtype):
    """m̂/(√v̂ + 1e-8), with moments of 0.9 and 0.999 that go on from round to round."""
    convert = single if dtype == jnp.float32 else lambda x: x
    found = go(convert(TABLE), convert(PROMPTS), method=SFT(), optimizer=ADAM, learning_rate=0.1, num_updates=2)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype(dtype)}
    x, m, v = np.asarray(TABLE.logits).reshape(P, N), 0.0, 0.0
    references = np.asarray(PROMPTS.references(K))
    for t in range(1, 5):
        g = np.asarray(PROMPTS.probs)[:, None] * (softmax(x) - references)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x = x - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    close(found.policy.logits, x.reshape(P, K, M), 2e-5)


def test_a_method_is_checked_inside_a_trace():
    """Its numbers may be concrete where the run is not."""

    def checked(key):
        ready("it", RLVR(0.3, 0.2))
        with pytest.raises(ValueError, match=r"^RLVR\.clip: -0\.2 was given; accepted: "):
            ready("it", RLVR(0.3, -0.2))
        return key

    jax.make_jaxpr(checked)(KEY)


def test_sft_looks_at_no_feedback():
    """It is the same whatever the signal says, and where there is none."""
    for signal in (OWN._replace(value=OWN.value * 0.5), None):
        same(path_of(method=SFT(), num_samples=4, signal=signal), path_of(method=SFT(), num_samples=4))


@pytest.mark.slow
def test_one_reference_is_a_sample():
    """SFT may draw one for each prompt, also where the signal answers no proposal."""
    one = path_of(method=SFT(), num_samples=1, signal=policies.reference(K, M))
    assert len({float(x) for x in one.logits[:, 0, 1, 1]}) == 3


def test_a_policy_of_ones_own():
    """One with a temperature learns."""

    class Tempered(NamedTuple):
        logits: jax.Array
        log_temperature: jax.Array

        def __call__(self, features, /):
            return self.logits * jnp.exp(-self.log_temperature)

        def natural(self, features, probs, gradient):
            raise NotImplementedError

    found = go(Tempered(TABLE.logits, array(0.0)), signal=policies.verdict(K, M), method=RLVR())
    assert np.all(np.diff(found.measured[1]) > 0) and float(found.policy.log_temperature) != 0


def test_the_natural_gradient_needs_a_policy_that_knows_it():
    class Plain(NamedTuple):
        logits: jax.Array

        def __call__(self, features, /):
            return self.logits

    plain = Plain(TABLE.logits)
    np.testing.assert_array_equal(go(plain).policy.logits, go().policy.logits)
    with pytest.raises(ValueError, match="policy: Plain was given; accepted: one with a method `natural`"):
        go(plain, method=NaturalGradient())
