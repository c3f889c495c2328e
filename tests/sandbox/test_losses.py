"""Losses: each method's gradient against its enumerated objective, and its orbits against theory."""

import itertools
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cases import agrees, array, at, close, errors, same
from small_training import KEYS, METHODS, OWN, POLICIES, PROMPTS, RNG, K, M, N, P, path_of, rewards

import theory.policies
from sandbox import policies
from sandbox.policies import GRPO, RFT, RLVR, SFT, Batch, Feedback, Method, NaturalGradient, Prompts, Table

NOISY = jax.tree.map(  # two symbols that are never given make one compilation do for all signals
    lambda x: jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 2)]), policies.verdict(K, M, tpr=0.9, fpr=0.2)
)
RUBRIC = policies.rubric(K, M, style=True)
PERFECT = policies.verdict(K, M)


class Numerator(NamedTuple):
    """Someone's own method: RFT without its division by the number kept."""

    def loss(self, log_probs, batch, /):
        return RFT().loss(log_probs, batch) * (batch.mass * batch.value[None, None, :]).sum()


def objective(name, logits, old_logits, start_logits, reward, kl):
    """What is minimised, by enumeration of [prompt, class, form]."""
    p, old, start = (jnp.exp(x) / jnp.exp(x).sum((1, 2), keepdims=True) for x in (logits, old_logits, start_logits))
    probs, r, references = np.asarray(PROMPTS.probs)[:, None, None], reward.reshape(P, K, M), np.zeros((P, K, M))
    references[np.arange(P), np.asarray(PROMPTS.correct)] = PROMPTS.form_probs
    if name == "sft":
        return -(probs * references * jnp.log(p)).sum()
    if name == "rlvr":
        return -(probs * p * (r - kl * jnp.log(p / start))).sum()
    kept = probs * old * r
    return -(kept * jnp.log(p)).sum() / (kept.sum() if name == "rft" else 1)


@cache
def gradients(name, kind):
    """The gradient of the objective in the parameters, at policies [batch] with starts [batch]."""

    def gradient(policy, start, reward, kl):
        return jax.grad(
            lambda moving: objective(
                name, moving(PROMPTS.features), policy(PROMPTS.features), start(PROMPTS.features), reward, kl
            )
        )(policy)

    return jax.jit(jax.vmap(gradient, (0, None, None, None)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[pytest.mark.slow] * ((name, kind) in [("sft", "network"), ("rft", "network")]))
        for kind in POLICIES
        for name in ("sft", "rft", "rlvr")
    ],
)
def test_the_exact_gradient_is_the_derivative_of_the_objective(name, kind):
    """−E ln π(reference); −Σ kept ln π/Σ kept; −J + kl · KL(π‖start): each step at a rate of 5 is 5 times it."""
    start = POLICIES[kind]()
    path = path_of(start, method=METHODS[name], learning_rate=5.0)
    steps = jax.tree.map(lambda x: (x[:-1] - x[1:]) / 5, path)
    before = jax.tree.map(lambda x: x[:-1], path)
    expected = gradients(name, kind)(before, start, rewards(PROMPTS, OWN), 0.3)
    close(steps, expected, 1e-12)
    assert all(np.abs(leaf).max() > 1e-3 for leaf in jax.tree.leaves(expected))
    if name == "rlvr":
        without = gradients(name, kind)(before, start, rewards(PROMPTS, OWN), 0.0)
        assert all(
            np.abs(a - b)[1].max() > 1e-5 for a, b in zip(*map(jax.tree.leaves, (without, expected)), strict=True)
        )


def test_the_exact_gradient_of_grpo_divides_each_prompt_by_its_own_deviation():
    """−E[r]/σ + kl · KL(π‖start), σ held where it is; of accept or reject the slope is that of −2 arcsin √p."""
    path = path_of(method=GRPO(0.3), learning_rate=5.0).logits
    for t in range(2):
        p = np.exp(np.asarray(path[t])).reshape(P, N) / np.exp(np.asarray(path[t])).reshape(P, N).sum(1, keepdims=True)
        mean, square = ((p * rewards(PROMPTS, OWN._replace(value=OWN.value**k))).sum(1) for k in (1, 2))
        reward = rewards(PROMPTS, OWN) / np.sqrt(square - mean**2)[:, None]
        (expected,) = gradients("rlvr", "table")(Table(path[t : t + 1]), POLICIES["table"](), reward, 0.3)
        close((path[t] - path[t + 1]) / 5, expected[0], 1e-12)

    rates = rewards(PROMPTS, NOISY)

    def angle(logits):
        accepted = (jax.nn.softmax(logits.reshape(P, N)) * rates).sum(1)
        return -(PROMPTS.probs * 2 * jnp.arcsin(jnp.sqrt(accepted))).sum()

    path, slope = path_of(signal=NOISY, method=GRPO(0.0), learning_rate=5.0).logits, jax.jit(jax.grad(angle))
    for t in range(2):
        close((path[t] - path[t + 1]) / 5, slope(path[t]), 1e-12)


def test_grpo_of_a_group_by_hand():
    """(r − mean)/std · G/(G−1) with numpy's std, which is without Bessel's correction; 0 where all agree."""
    groups = np.array([[1, 0, 0, 1, 0], [1, 1, 1, 1, 1], [0.3, 0.3, 0.3, 0.3, 0.3], [0.7, 0.3, 1, 0, 0.3]])
    value, symbol = np.unique(groups, return_inverse=True)  # each output is one of its own
    mass = np.eye(value.size)[symbol.reshape(groups.shape)] / groups.size
    log_probs = array(np.log(np.random.default_rng(0).dirichlet(np.ones(5), 4)))
    batch = Batch(*map(array, (mass, mass.sum(2), value)), log_probs, log_probs, 1.25)
    with np.errstate(invalid="ignore"):
        expected = (groups - groups.mean(1, keepdims=True)) / groups.std(1, keepdims=True) * 1.25
    expected[1:3] = 0
    slopes = jax.jit(jax.grad(GRPO().loss))
    close(-slopes(log_probs, batch) * groups.size, expected, 1e-13)
    same(slopes(log_probs, batch._replace(mass=0 * batch.mass)), np.zeros((4, 5)))  # of prompts that are not asked


def test_grpo_leaves_what_all_judge_alike():
    """Bit for bit, where a σ that is a rounding error would not; the KL still pulls."""
    alike = OWN._replace(value=jnp.full(4, 0.3))
    path = path_of(signal=alike, method=GRPO(0.0), learning_rate=5.0).logits
    same(path[2], path[0])
    away = path_of(signal=OWN, method=GRPO(0.0), learning_rate=5.0).logits[1]
    other, plain = (path_of(Table(away), signal=alike, method=kind(0.3)).logits for kind in (GRPO, RLVR))
    close(other, plain, 1e-14)


@partial(jax.jit, static_argnums=2)
def sampled(policy, signal, num_samples, method):
    """The policies [key, t] of two rounds at a rate of 5."""
    options = {"signal": signal, "method": method, "num_samples": num_samples, "learning_rate": 5.0}
    return jax.vmap(lambda key: path_of(policy, key=key, **options))(KEYS)


def side_by_side(tree):
    return np.concatenate([np.asarray(x).reshape(len(KEYS), -1) for x in jax.tree.leaves(tree)], axis=1)


def second_steps(name, kind, signal, method, kl=0.0):
    """The second step of two [key, parameter], and the exact gradient there, which the first step decides."""
    start = POLICIES[kind]()
    path = sampled(start, signal, 3, method)
    now, then = (jax.tree.map(lambda x, t=t: x[:, t], path) for t in (1, 2))
    exact = gradients(name, kind)(now, start, rewards(PROMPTS, signal), kl)
    return side_by_side(jax.tree.map(lambda a, b: (a - b) / 5, now, then)), side_by_side(exact)


def unbiased(steps, exact):
    """Their difference is 0 on average; with steps of two thirds, as without G/(G−1), it is not."""
    agrees(steps - exact, 0)
    assert np.abs(errors(2 / 3 * steps - exact, 0)).max() > 5


@pytest.mark.parametrize(
    ("kind", "signal"),
    [("table", NOISY), ("table", RUBRIC), pytest.param("network", NOISY, marks=pytest.mark.slow)],
    ids=["table-verdict", "table-rubric", "network-verdict"],
)
def test_a_sampled_policy_gradient_is_unbiased(kind, signal):
    """Of J − kl · KL(π‖start), with the others' mean as the baseline; of J alone it is not."""
    unbiased(*second_steps("rlvr", kind, signal, RLVR(0.5), 0.5))
    steps, exact = second_steps("rlvr", kind, signal, RLVR(0.5), 0.0)
    assert np.abs(errors(steps - exact, 0)).max() > 5


@pytest.mark.parametrize(("name", "method"), [("sft", SFT()), ("accepted", Numerator())])
def test_sampled_references_and_what_rejection_keeps_are_unbiased(name, method):
    """Σ kept ∇ln π is; only its division by Σ kept makes RFT a ratio."""
    assert isinstance(method, Method)
    unbiased(*second_steps(name, "table", NOISY, method))


@jax.jit
def natural_paths(logits, channel, value, kl, learning_rate):
    """Distributions [case, t, prompt, output] from many starts under many signals."""

    def path(logits, channel, value):
        options = {"method": NaturalGradient(kl), "num_rounds": 40, "learning_rate": learning_rate}
        path = path_of(Table(logits), signal=Feedback(channel, value), **options).logits
        return jax.nn.softmax(path.reshape(41, P, N), axis=2)

    return jax.vmap(path)(logits, channel, value)


CASES = 8
STARTS = array(2 * RNG.normal(size=(CASES, P, K, M)))
SIGNALS = Feedback(array(RNG.dirichlet(np.ones(4) / 2, (CASES, N, N))), array(RNG.uniform(size=(CASES, 4))))


def distributions_after(time):
    """p_0 e^{time r}/Z, by theory and in numpy."""
    expected = np.zeros((CASES, P, N))
    for case in range(CASES):
        r = rewards(PROMPTS, at(SIGNALS, case))
        for q in range(P):
            weight = np.exp(np.asarray(STARTS[case, q]).reshape(-1) + time * r[q])
            expected[case, q] = weight / weight.sum()
    start = np.exp(np.asarray(STARTS[0, 0]).reshape(-1))
    close(
        theory.policies.natural_gradient(start / start.sum(), rewards(PROMPTS, at(SIGNALS, 0))[0], time), expected[0, 0]
    )
    return expected


def test_the_natural_gradient_on_a_table_is_exponential():
    """p_t = p_0 e^{η t r}/Z for any rewards, at every t."""
    paths = natural_paths(STARTS, *SIGNALS, 0.0, 0.7)
    for t in (0, 1, 7, 40):
        close(paths[:, t], distributions_after(0.7 * t), 1e-12)
    assert np.abs(paths[:, 7] - distributions_after(0.7 * 8)).max() > 1e-3


def test_the_natural_gradient_with_kl_ends_at_its_optimum():
    """p_0 e^{r/kl}/Z: a fixed point, and in one step of 1/kl; in between, ln p/p_0 is (1 − (1 − η kl)^t) r/kl."""
    paths = natural_paths(STARTS, *SIGNALS, 0.25, 2.0)
    close(paths[:, 40], distributions_after(4.0), 1e-11)
    close(paths[:, 3], distributions_after(4.0 * (1 - 0.5**3)), 1e-12)
    assert np.abs(paths[:, 40] - distributions_after(1 / 0.3)).max() > 1e-2
    close(natural_paths(STARTS, *SIGNALS, 0.25, 4.0)[:, 1], distributions_after(4.0), 1e-12)


ONE = Prompts(jnp.zeros((1, 0)), jnp.array([1]), array([[0.5, 0.5]]), jnp.ones(1))
CORRECT = np.arange(N) // M == 1


@jax.jit
def halved(logits, prompts, method, time):
    """Distributions [rate, output] after the same time, in 100 rounds and in 200."""

    def path(rate):
        options = {"method": method, "num_rounds": 200, "learning_rate": rate}
        return path_of(Table(logits[None]), prompts, PERFECT, **options).logits

    paths = jax.vmap(path)(jnp.stack([time / 100, time / 200]))
    return jax.nn.softmax(jnp.stack([paths[0, 100], paths[1, 200]]).reshape(2, -1), axis=1)


def first_order(values, expected):
    """The error is small, and half as large at half the rate."""
    gaps = np.asarray(values) - np.asarray(expected)
    size = np.abs(gaps).max(axis=tuple(range(1, gaps.ndim)))
    assert 1e-7 < size[1] < 0.02 and 1.8 < size[0] / size[1] < 2.2, size


def test_plain_policy_gradient_stays_on_its_orbit():
    """(1/p_a − 1/p_b)/(1/p_c − 1/p_d), a, b correct, c, d wrong, is conserved up to O(η), and so is π at a given J."""
    start = array([[0.4, -0.3], [0.5, -0.2], [0.0, 0.6]])
    p0 = np.exp(np.asarray(start)).reshape(-1) / np.exp(np.asarray(start)).sum()
    distributions = np.asarray(halved(start, ONE, RLVR(), array(16.0)))
    assert np.all(distributions[:, CORRECT].sum(1) > 0.85) and p0[CORRECT].sum() < 0.4

    def constant(p):
        return (1 / p[..., 2] - 1 / p[..., 3]) / (1 / p[..., 0] - 1 / p[..., 1])

    first_order(constant(distributions), constant(p0))
    first_order(distributions, [theory.policies.policy_gradient(p0, CORRECT, p[CORRECT].sum()) for p in distributions])
    ratios = distributions[:, 2] / distributions[:, 3] - p0[2] / p0[3]  # which the natural gradient conserves
    assert np.abs(ratios).min() > 0.1


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name == "natural_gradient"))
        for name in theory.policies.Times._fields
    ],
)
def test_time_to_a_goal(name):
    """From a uniform distribution to J = 0.8, in the time of theory up to O(η), and in no other method's."""
    times = theory.policies.times_to(0.8, num_classes=K, num_forms=M)
    time = float(getattr(times, name))
    prompts = ONE._replace(form_probs=array([[0.0, 1.0]])) if name == "one_form" else ONE
    method = {"policy_gradient": RLVR(), "natural_gradient": NaturalGradient()}.get(name, SFT())
    shares = halved(jnp.zeros((K, M)), prompts, method, array(time))[:, CORRECT].sum(1)
    if name == "natural_gradient":  # whose steps are exact
        close(shares, np.full(2, 0.8))
    else:
        first_order(shares, 0.8)
    assert all(abs(float(other) - time) > 0.1 * time for other in times if other is not getattr(times, name))


def test_a_clip_changes_nothing_in_one_update():
    """The ratio is 1; in the second one it is not."""
    clips = (np.inf, 0.2, 1e-9)
    options = {"num_samples": 4, "learning_rate": 20.0}
    once = [path_of(method=RLVR(0.3, clip), **options).logits for clip in clips]
    close(once[1:], once[:1] * 2, 1e-14)
    twice = [path_of(method=RLVR(0.3, clip), num_updates=2, **options).logits for clip in clips]
    assert np.abs(twice[0] - twice[1]).max() > 0.01 and np.abs(twice[1] - twice[2]).max() > 0.01


def random_batch(seed):
    rng = np.random.default_rng(seed)
    behaviour = np.log(rng.dirichlet(np.ones(N), P))
    mass = np.asarray(PROMPTS.probs)[:, None, None] * np.exp(behaviour)[:, :, None] * rng.dirichlet(np.ones(2), (P, N))
    start = np.log(rng.dirichlet(np.ones(N), P))
    return Batch(*map(array, (mass, mass.sum(2), rng.uniform(size=2), behaviour, start)), 1.5)


def test_a_clip_stops_what_would_push_further():
    """∂/∂ln π = −mass ρ A, but 0 where A > 0 and ρ > 1 + clip or A < 0 and ρ < 1 − clip."""
    slopes = jax.jit(jax.grad(lambda x, batch, clip: RLVR(0.4, clip).loss(x, batch)))
    stopped = 0
    for seed in range(3):
        batch = random_batch(seed)
        x = batch.behaviour + array(np.random.default_rng(seed + 10).normal(size=(P, N)) / 2)
        expected, free = np.zeros((P, N)), np.zeros((P, N))
        for q in range(P):
            mass, value = np.asarray(batch.mass[q]), np.asarray(batch.value)
            grade = value[None, :] - 0.4 * np.asarray(batch.behaviour[q] - batch.start[q])[:, None]
            mean = (mass * grade).sum() / mass.sum()
            for y, s in itertools.product(range(N), range(2)):
                gain, ratio = 1.5 * (grade[y, s] - mean), np.exp(float(x[q, y] - batch.behaviour[q, y]))
                slope = -mass[y, s] * ratio * gain
                stop = (gain > 0 and ratio > 1.2) or (gain < 0 and ratio < 0.8)
                stopped += stop
                free[q, y] += slope
                expected[q, y] += 0 if stop else slope
        close(slopes(x, batch, 0.2), expected, 1e-12)
        close(slopes(x, batch, jnp.inf), free, 1e-12)
    assert 10 < stopped < 3 * P * N


def test_what_was_not_drawn_may_become_as_likely_as_it_likes():
    """Its ratio may overflow; its slope is 0, not 0 · ∞."""
    behaviour = array([[np.log(0.5), np.log(0.5), -800.0]])
    mass = array([[[0.5], [0.5], [0.0]]])
    batch = Batch(mass, mass[:, :, 0], jnp.ones(1), behaviour, behaviour, 2.0)
    for clip in (jnp.inf, 0.2):
        slope = jax.jit(jax.grad(RLVR(0.1, clip).loss))(array([[-1.0, -2.0, -0.5]]), batch)
        assert bool(jnp.isfinite(slope).all()) and float(slope[0, 2]) == 0
