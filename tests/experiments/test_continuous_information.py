"""Loops of continuous models: what a fit sees has the law that its likelihood says, and the bounds hold the truth."""

import itertools
import re
from collections import defaultdict
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import sandbox
import theory
from experiments.continuous_information import chains, exact, mixtures, rings
from experiments.questions import bracket
from experiments.questions.bracket import Simulation
from experiments.questions.bracket.loops import trajectory
from sandbox import GaussianMixture, MarkovChain
from theory import markov

SETUPS = {"small": mixtures.small, "two": chains.two_states, "three": rings.three_states}
LOOPS = ["closed", "self-consistency", "verifier", "fresh data"]


def setup_of(name, arm="closed"):
    """A loop, its sampler, and the tasks of one of its arms."""
    loop, sampler, arms = SETUPS[name]()
    return loop, sampler, jax.tree.map(jnp.asarray, arms[arm].tasks)


def slow_but(*fast, loops=LOOPS):
    """Every loop of every case."""
    each = itertools.product(SETUPS, loops)
    params = [pytest.param(*which, marks=[pytest.mark.slow] * (which not in fast)) for which in each]
    return pytest.mark.parametrize(("name", "loop"), params)


def row(tree, *index):
    return jax.tree.map(lambda leaf: leaf[index], tree)


def drawn(function, key, num, *latents):
    """Function(key, *latent) for each latent, so many times: leaves [latent, replica, …]."""
    keys = jax.random.split(key, (jax.tree.leaves(latents)[0].shape[0], num))
    return jax.jit(jax.vmap(jax.vmap(function, (0, *[None] * len(latents)))))(keys, *latents)


@lru_cache
def fitted(name):
    """A model fitted to real samples of each task."""
    loop, _, tasks = setup_of(name)

    def fit(key, task):
        truth = loop.truth(task)
        return loop.fit(truth, truth.sample(key, loop.num_samples), jnp.ones(loop.num_samples))

    return row(drawn(fit, jax.random.key(0), 1, tasks), slice(None), 0)


def close_together(models, n):
    """Nearer to their mean, so that n samples leave open which it was."""
    apart = 3 / n**0.5
    return jax.tree.map(lambda leaf: (1 - apart) * leaf.mean(0, keepdims=True) + apart * leaf, models)


def is_distribution(log_p):
    """M_kj = E[p_j(d) / Σ p(d) | d ~ k] is symmetric for the distribution of the data, and for hardly any other."""
    posterior = np.asarray(jax.nn.softmax(log_p, axis=2))
    assert posterior[np.arange(len(posterior)), :, np.arange(len(posterior))].mean() < 0.99  # or the test is blind
    mean, variance = posterior.mean(1), posterior.var(1, ddof=1) / posterior.shape[1]
    error = np.sqrt(variance + variance.T)
    assert (np.abs(mean - mean.T) <= 5 * error + 1e-12).all()


@slow_but(("two", "verifier"), ("small", "verifier"))
def test_the_likelihood_is_that_of_what_is_seen(name, loop):
    case, sampler, tasks = setup_of(name, loop)
    latents = close_together(fitted(name), case.num_samples), tasks
    seen = sampler.prepare(drawn(sampler.seen, jax.random.key(1), 100_000 // case.num_samples, *latents), tasks)
    log_likelihood = jax.jit(sampler.log_likelihood)
    is_distribution(jnp.stack([log_likelihood(row(seen, k), latents) for k in range(len(fitted(name)[0]))]))


@slow_but(("two", "verifier"), loops=["verifier", "fresh data"])
def test_the_signal_is_all_that_knows_the_task(name, loop):
    """Samples of one model: the posterior of the task is that of the signal."""
    _, sampler, tasks = setup_of(name, loop)
    model = row(fitted(name), 0)
    seen = drawn(lambda key, task: sampler.seen(key, model, task), jax.random.key(3), 2000, tasks)
    is_distribution(jax.vmap(jax.vmap(jax.vmap(sampler.signal_log_prob, (None, 0)), (0, None)), (0, None))(seen, tasks))


def refitted(case, seen, model):
    """The fit to what is seen."""
    if isinstance(seen, mixtures.JudgedSamples):
        return case.fit(model, seen.x[:, None], seen.accepted)
    states = model.initial.size
    counts = MarkovChain(seen.accepted[:states], seen.accepted[states:].reshape(states, states))
    return model.fit_statistics(counts, smoothing=chains.SMOOTHING[states])


@slow_but()
def test_the_sandbox_fits_to_what_is_seen(name, loop):
    """Z_1, and the fit to what is seen of the same Z_0: two samples of one distribution."""
    case, sampler, tasks = setup_of(name, loop)
    num = 500
    run = drawn(lambda key, task: trajectory(key, case, task, 1)[0], jax.random.key(4), num, tasks)
    before, after = (row(run, slice(None), slice(None), t) for t in (0, 1))

    def again(key, model, task):
        return refitted(case, sampler.seen(key, model, task), model)

    keys = jax.random.split(jax.random.key(5), before[0].shape[:2])
    other = jax.jit(jax.vmap(jax.vmap(again, (0, 0, None))))(keys, before, tasks)
    a, b = (np.asarray(case.features(models)) for models in (after, other))
    error = (a - b).std(1, ddof=1) / num**0.5
    assert (np.abs((a - b).mean(1)) <= 5 * error + 1e-9).all() and (error > 0).all()  # all that is fitted varies
    assert scipy.stats.ks_2samp(a.round(9), b.round(9), axis=1, method="asymp").pvalue.min() > 1e-4


@pytest.mark.parametrize("name", ["two", *[pytest.param(name, marks=pytest.mark.slow) for name in ("small", "three")]])
def test_a_fit_does_not_remember_the_model(name):
    case, _, tasks = setup_of(name)
    a, b = (row(fitted(name), x) for x in (0, -1))
    x = case.truth(row(tasks, 1)).sample(jax.random.key(7), case.num_samples)
    weights = (jnp.arange(case.num_samples) % 3 > 0).astype(float)
    jax.tree.map(np.testing.assert_array_equal, case.fit(a, x, weights), case.fit(b, x, weights))


def accepted_probs(initial, transition, correct, rates, n):
    """p of the counts [first, steps] of what is accepted, by every path and choice; `rates`: of correct, of wrong."""
    probs, states = defaultdict(float), len(initial)
    for path in itertools.product(range(states), repeat=n):
        steps = list(itertools.pairwise(path))
        p = initial[path[0]] * np.prod([transition[step] for step in steps])
        accepted = np.array([rates[0]] + [rates[0] if correct[step] else rates[1] for step in steps])
        for kept in itertools.product([0, 1], repeat=n):
            q = p * np.where(kept, accepted, 1 - accepted).prod()
            counts = np.zeros(states + states**2, int)
            counts[path[0]] += kept[0]
            np.add.at(counts, [states + states * a + b for a, b in steps], kept[1:])
            probs[tuple(counts.tolist())] += q
    return {what: p for what, p in probs.items() if p > 0}


# rings


@pytest.mark.parametrize("index", range(8))
def test_the_likelihood_of_what_is_accepted_of_a_ring_is_the_enumeration_of_paths(index):
    """The wrong move of each state is backward, where the pattern's bit says that forward is likelier."""
    rng, n, fpr = np.random.default_rng(index), 4, 0.4
    initial, transition = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(3), 3)
    wrong = np.zeros((3, 3), bool)
    for state in range(3):
        wrong[state, (state + (2 if index >> state & 1 else 1)) % 3] = True
    probs = accepted_probs(initial, transition, ~wrong, (1.0, fpr), n)
    np.testing.assert_array_equal(rings.WRONG[index], wrong)
    kept = np.array(list(probs))
    explained = rings.explain(kept[:, :3].astype(float), kept[:, 3:].reshape(-1, 3, 3), n, fpr)
    chain = jnp.log(jnp.concatenate([jnp.asarray(initial), jnp.asarray(transition).ravel()]))[None]
    found = np.exp(rings.log_likelihood(explained, chain, jnp.array([index])))[:, 0]
    np.testing.assert_allclose(found, list(probs.values()), rtol=1e-10)


def test_what_cannot_be_accepted_of_a_ring_is_impossible():
    """A step from 0 to 1 cannot come after a gap that must lead to 2; more steps than the path has, neither."""
    forward = jnp.log(jnp.full((1, 12), 1 / 3))
    for counts, n in (([[0, 1, 0], [0, 0, 0], [0, 0, 0]], 1), ([[0, 2, 0], [0, 0, 0], [0, 0, 0]], 3)):
        explained = rings.explain(np.eye(3)[[0]], np.array([counts]), n, 0.4)
        assert np.isneginf(rings.log_likelihood(explained, forward, jnp.array([7]))).all()


def test_the_judges_of_a_ring():
    """The pattern of a chain is that of its likelier moves; the less likely ones are wrong, for a task and a model."""
    tasks = setup_of("three")[2].chain
    assert jax.vmap(rings.pattern)(tasks).tolist() == list(range(8))
    for chain, correct in zip(tasks.transition, jax.vmap(rings.correct)(tasks), strict=True):
        moves = np.where(np.eye(3, dtype=bool), np.nan, chain)
        np.testing.assert_array_equal(~np.asarray(correct), moves == np.nanmin(moves, 1, keepdims=True))


# two states, of which all is known


@pytest.mark.parametrize(
    "loop", ["verifier", *[pytest.param(x, marks=pytest.mark.slow) for x in LOOPS if x != "verifier"]]
)
def test_exact_information_is_the_enumeration_of_paths(loop):
    """Shares, rates and pseudo-counts by hand; where nothing is kept the model stays."""
    n, alpha, share = 3, np.array([0.31415926, 0.4721359]), 0.2
    rates = (0.8, 0.3) if loop in ("verifier", "self-consistency") else (1.0, 1.0)
    tasks = [
        (np.array([p, 1 - p]), np.array([[1 - a, a], [b, 1 - b]]))
        for p, a, b in itertools.product((0.3, 0.7), (0.2, 0.4), (0.3, 0.6))
    ]

    def step(task, counts):
        rows = np.reshape(counts, (3, 2)) + alpha
        rows = rows / rows.sum(1, keepdims=True)
        initial, transition = rows[0], rows[1:]
        judge = task[1] if loop == "verifier" else transition
        if loop == "fresh data":
            initial, transition = (1 - share) * initial + share * task[0], (1 - share) * transition + share * task[1]
        return accepted_probs(initial, transition, judge > 0.5, rates, n)

    distributions = [accepted_probs(*task, np.ones((2, 2), bool), (1.0, 1.0), n) for task in tasks]
    for found in exact.information(loop, 2, n):
        seen = set().union(*distributions)
        joint = np.array([[probs.get(counts, 0) / 8 for probs in distributions] for counts in seen])
        independent = joint.sum(1, keepdims=True) * joint.sum(0)
        np.testing.assert_allclose(found, scipy.special.rel_entr(joint, independent).sum(), atol=1e-12)
        after = [defaultdict(float) for _ in tasks]
        for task, probs, new in zip(tasks, distributions, after, strict=True):
            for counts, p in probs.items():
                for target, q in step(task, counts).items():
                    new[target if any(target) else counts] += p * q
        distributions = after


@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS)
def test_the_bounds_hold_the_exact_information(loop):
    size = Simulation(num_generations=3, num_replicas=2000, num_models=1000, num_data=200, num_steps=200)
    found = chains.two_states().information(jax.random.key(10), loop, size)
    truth = exact.information(loop, 3)
    assert found.seen.lower.shape == (1000, 4) and found.accuracy.mean.shape == (4,) and found.effective.shape == (3,)
    lower, upper = found.information
    assert (lower.mean - truth < 5 * lower.stderr).all() and (truth - upper.mean < 5 * upper.stderr).all()
    assert (found.seen.upper.mean(0) >= found.bounds.upper.mean(0) - 1e-12).all()
    said_little = 0.2 * truth[0] + 5 * (lower.stderr + upper.stderr)
    assert (upper.mean - lower.mean < said_little).all()
    if found.injection is None:
        assert loop in ("closed", "self-consistency")
        assert (np.diff([lower.mean, upper.mean]) <= 1e-12).all()
    else:
        for below in (found.bounds.lower, truth):
            gap = theory.estimate(found.injection - below)
            assert (gap.mean >= -5 * gap.stderr).all()


def test_sizes_that_do_not_fit_are_refused():
    for name, models, data in (("num_models", 200, 10), ("num_models", 10, 5), ("num_data", 50, 60)):
        with pytest.raises(ValueError, match=f"{name}: .* was given; accepted: "):
            mixtures.small().information(jax.random.key(0), "closed", Simulation(2, 100, models, data))


@pytest.mark.parametrize("states", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_no_two_rows_of_counts_have_one_fit(states):
    """Up to 100 symbols each row of counts has probabilities of its own, 1e-9 from all others at least."""
    assert markov.smallest_gap(chains.SMOOTHING[states], 100) > 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "two"])
def test_hardly_ever_is_nothing_accepted(name):
    """The model would stay, and remember more than is seen: once in 5000 generations at most."""
    case, _, tasks = setup_of(name, "verifier")
    loose = jax.tree.map(lambda leaf: leaf[0], tasks.inputs)
    n = case.num_samples
    sizes = {"num_samples": n, "num_real": n, "num_generations": 5, "num_replicas": 5000}
    start, signal = case.truth(tasks), lambda _, truth: case.signal(type(tasks)(truth, loose))
    found = sandbox.ensemble(jax.random.key(3), start, signal, fit=case.fit, progress=False, **sizes)
    assert (np.asarray(found.accepted) == 0).mean() < 1 / 5000


# the door


TASKS = sandbox.Gaussian(jnp.linspace(-1, 1, 8)[:, None], jnp.ones((8, 1, 1)))
FEW = Simulation(num_generations=2, num_replicas=500, num_models=250, num_data=100, num_steps=100)


def verifier(task):
    """One that hears of a sample's sign; of the task it knows the sign of the mean."""
    return sandbox.Verifier(0.9, 0.2, Near(task.mean[0]))


class Near(NamedTuple):
    """What is on the side of the true mean."""

    mean: Any

    def __call__(self, x):
        return x[:, 0] * self.mean > 0


def test_a_model_of_ones_own_is_bracketed_in_a_closed_and_in_an_open_loop():
    """At t = 0 against quadrature, I(X;Z_0) = I(X;mean of 20), later by what the loop can do; no accuracy is needed."""
    closed, opened = (
        bracket.information(jax.random.key(0), TASKS, bracket.Loop(20, **options), FEW)
        for options in ({}, {"signal": verifier, "accuracy": lambda model, task: model.mean[0] * task.mean[0] > 0})
    )
    z = np.linspace(-3, 3, 20_001)
    p = scipy.stats.norm.pdf(z[:, None], np.linspace(-1, 1, 8), 20**-0.5)
    exact = (p * np.log(p / p.mean(1, keepdims=True))).mean(1).sum() * (z[1] - z[0])
    for found in (closed, opened):
        lower, upper = found.information
        assert (upper.mean - lower.mean >= -5 * (upper.stderr + lower.stderr)).all()
        assert lower.mean[0] - 5 * lower.stderr[0] <= exact <= upper.mean[0] + 5 * upper.stderr[0]
    assert closed.accuracy is None and closed.injection is None and (np.diff(closed.information.upper.mean) <= 0).all()
    assert opened.accuracy.mean.shape == (3,) and opened.injection is not None


def test_the_default_likelihood_is_that_of_all_samples_and_verdicts():
    loop = bracket.Loop(4, signal=verifier)
    sampler = bracket.everything(TASKS, loop)
    assert sampler is bracket.everything(TASKS, bracket.Loop(4, signal=verifier))
    latents = TASKS, TASKS
    seen = drawn(sampler.seen, jax.random.key(1), 20_000, *latents)
    is_distribution(jnp.stack([jax.jit(sampler.log_likelihood)(row(seen, k), latents) for k in range(8)]))


def test_a_fit_starts_from_one_model_whatever_the_last_was():
    """EM from Z_t would remember it beyond D_t."""
    tasks = GaussianMixture(
        jnp.full((2, 2), 0.5), jnp.array([[[-2.0], [2.0]], [[-1.0], [3.0]]]), jnp.ones((2, 2, 1, 1))
    )
    models, real = trajectory(jax.random.key(0), bracket.Loop(30), row(tasks, 1), 1, row(tasks, 0))
    again = row(tasks, 0).fit(real, jnp.ones(30))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b, rtol=1e-9), models, again)


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        (bracket.Loop(5, signal=lambda task: sandbox.SelfConsistencyJudge(0.9, 0.2)), "loop.signal: SelfConsistency"),
        (
            bracket.Loop(5, signal=lambda task: lambda key, model, x: x[:, 0]),
            "loop.signal: function was given; accepted: one with acceptance",
        ),
        (bracket.Loop(5, regime=lambda task: sandbox.Fresh(task, 0.1)), "loop.regime: Fresh was given; accepted: Repl"),
    ],
)
def test_what_cannot_be_scored_needs_a_sampler(loop, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        bracket.information(jax.random.key(0), TASKS, loop, FEW)


def test_an_environment_can_be_scored():
    loop = bracket.Loop(5, signal=lambda task: sandbox.Environment(lambda x: 0 * x[:, 0] + 0.5))
    assert bracket.everything(TASKS, loop).signal_log_prob is not None
