"""The benchmarks: each one piece of work, done by infoloop and by an alternative."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import dit.shannon
import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.bench import baselines, network_baselines, networks
from experiments.continuous_information.coverage import COVARIANCES, MEANS, WEIGHTS, pair_information


class Benchmark(NamedTuple):
    """One piece of work, done by infoloop and by an alternative."""

    name: str
    setting: str
    against: str
    ours: Callable[[], Any]
    alternative: Callable[[], Any]
    target: float | None  # the ratio to reach on two cores
    share: float = 1.0  # of the work that the alternative does; its time is scaled up in proportion


def table() -> list[Benchmark]:
    """The benchmarks, with their data made and placed; nothing is compiled yet."""
    small = dict(num_replicas=1000, num_samples=10, num_generations=200)
    large = dict(num_replicas=25, num_samples=100, num_generations=2500)
    gaussian = sandbox.Gaussian(jnp.zeros(1), jnp.eye(1))
    few = 50  # replicas, of 1000, that the loop over replicas is timed on
    small_setting, large_setting = map(_setting, (small, large))
    ours = partial(retrain, gaussian, **small)
    return [
        Benchmark(
            "Gaussian",
            small_setting,
            "NumPy",
            ours,
            lambda: baselines.gaussian(np.random.default_rng(0), **small),
            2.5,
        ),
        Benchmark(
            "Gaussian",
            small_setting,
            "a Python loop",
            ours,
            lambda: baselines.gaussian_loop(0, **small | {"num_replicas": few}),
            100,
            few / small["num_replicas"],
        ),
        Benchmark(
            "Gaussian, long",
            large_setting,
            "NumPy",
            partial(retrain, gaussian, **large),
            lambda: baselines.gaussian(np.random.default_rng(0), **large),
            3.5,
        ),
        _categorical(),
        _markov_chain(),
        *_mixture(),
        _em(),
        _information(),
        *_selection(),
        _phase_diagram(),
        *_pair_information(),
        _count_log_likelihood(),
        _policy(),
        _shortcut_learning(),
        _tables(),
    ]


def retrain(model: Any, *, num_replicas: int, num_samples: int, num_generations: int) -> sandbox.Record:
    """A closed loop from `model`, on every device, with the model of every generation on the host at the end."""
    return sandbox.ensemble(
        jax.random.key(0),
        jax.tree.map(lambda leaf: leaf[None], model),
        sandbox.KeepAll(),
        num_samples=num_samples,
        num_generations=num_generations,
        num_replicas=num_replicas,
        progress=False,
    )


def _categorical() -> Benchmark:
    size, num_symbols = dict(num_replicas=200, num_samples=1000, num_generations=10), 1000
    probs = np.random.default_rng(1).dirichlet(np.ones(num_symbols))
    return Benchmark(
        "categorical",
        f"{num_symbols} symbols, {_setting(size)}",
        "NumPy multinomial",
        partial(retrain, sandbox.Categorical(jnp.asarray(probs)), **size),
        lambda: baselines.categorical(np.random.default_rng(0), probs, **size),
        1,
    )


def _markov_chain() -> Benchmark:
    size, num_states = dict(num_replicas=1000, num_samples=200, num_generations=100), 5
    initial, *transition = np.random.default_rng(1).dirichlet(np.ones(num_states), num_states + 1)
    transition = np.stack(transition)
    return Benchmark(
        "Markov chain",
        f"{num_states} states, {_setting(size)}",
        "NumPy",
        partial(retrain, sandbox.MarkovChain(jnp.asarray(initial), jnp.asarray(transition)), **size),
        lambda: baselines.markov_chain(np.random.default_rng(0), initial, transition, **size),
        5,
    )


def _mixture() -> list[Benchmark]:
    size = dict(num_samples=1000, num_generations=200)
    num_replicas, steps = 16, 10
    weights, means = np.array([0.4, 0.6]), np.array([[-1.5, 0.0], [1.5, 1.0]])
    model = sandbox.GaussianMixture(jnp.asarray(weights), jnp.asarray(means), jnp.tile(jnp.eye(2), (2, 1, 1)))
    start = baselines.Mixtures(
        *(
            np.broadcast_to(part, (num_replicas, *part.shape))
            for part in (weights, means, np.tile(np.eye(2), (2, 1, 1)))
        )
    )
    setting = f"k = 2, d = 2, {steps} EM steps, {_setting(size | {'num_replicas': num_replicas})}"
    ours = partial(retrain, model, num_replicas=num_replicas, **size)

    def against(name: str, em: Callable[..., baselines.Mixtures], target: float | None) -> Benchmark:
        fit = partial(em, steps=steps)
        return Benchmark(
            "mixture",
            setting,
            name,
            ours,
            lambda: baselines.mixture(np.random.default_rng(0), start, fit=fit, **size),
            target,
        )

    return [
        against("NumPy", baselines.em, 8),
        against("NumPy, products", baselines.em_by_features, None),
    ]


def _em() -> Benchmark:
    n, k, d, steps = 10_000, 4, 2, 100
    rng = np.random.default_rng(1)
    centres = 2.0 * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    start = baselines.Mixtures(np.full(k, 1 / k), x[:k], np.tile(np.eye(d), (k, 1, 1)))
    model = sandbox.GaussianMixture(*map(jnp.asarray, start))  # a unit covariance is its own factor
    fit = jax.jit(partial(sandbox.GaussianMixture.fit, steps=steps))
    data, ones = jnp.asarray(x), jnp.ones(n)
    return Benchmark(
        "EM",
        f"n = {n}, k = {k}, d = {d}, full covariance, {steps} iterations",
        "scikit-learn",
        lambda: fit(model, data, ones),
        lambda: baselines.em_of_scikit_learn(x, start, steps=steps),
        10,
    )


def _information() -> Benchmark:
    n, num_tasks, num_generations = 1000, 16, 1000
    prior, rates = jnp.full(num_tasks, 1 / num_tasks), np.linspace(0.05, 0.95, num_tasks)
    initial = jnp.stack([theory.drift.initial(n, np.array([p, 1 - p])) for p in rates])
    kernel = theory.drift.neutral_kernel(n)
    arrays = [np.asarray(a) for a in (prior, initial, kernel)]
    return Benchmark(
        "I(X;Z_t)",
        f"n = {n}, {num_tasks} tasks, {num_generations} generations",
        "NumPy",
        lambda: theory.drift.information(prior, initial, kernel, num_generations),
        lambda: baselines.information(arrays[0], arrays[1], arrays[2], num_generations),
        2,
    )


def _selection() -> list[Benchmark]:
    n, num_symbols, num_tasks = 60, 3, 32
    rng = np.random.default_rng(1)
    prior, tasks = jnp.full(num_tasks, 1 / num_tasks), rng.dirichlet(np.ones(num_symbols), num_tasks)
    initial = jnp.stack([theory.drift.initial(n, task) for task in tasks])
    acceptances = rng.uniform(0.2, 1.0, (num_tasks, num_symbols))
    setting = f"K = {num_symbols}, n = {n} ({initial.shape[1]} states), {num_tasks} tasks"

    @cache
    def kernels(num_kernels: int):  # nearly a gigabyte for all tasks: made when it is needed
        each = [theory.drift.selection_kernel(n, acceptance) for acceptance in acceptances[:num_kernels]]
        return each[0] if num_kernels == 1 else jnp.stack(each)

    def row(name: str, num_kernels: int, num_generations: int) -> Benchmark:
        return Benchmark(
            "selection",
            f"{setting}, {name}, {num_generations} generations; I(X;Z_t) against the matrix products alone",
            "NumPy",
            lambda: theory.drift.information(prior, initial, kernels(num_kernels), num_generations),
            lambda: baselines.last_distributions(
                np.asarray(initial), np.asarray(kernels(num_kernels)), num_generations
            ),
            0.9,
        )

    return [row("one verifier", 1, 500), row("a verifier a task", num_tasks, 20)]


def _phase_diagram() -> Benchmark:
    sizes, ratios, start = np.linspace(2, 200, 100).astype(int), np.linspace(0.001, 1, 100), 0.3
    few = 5  # ratios fpr/tpr, of 100, that the loop over cells is timed on
    return Benchmark(
        "P(ends correct)",
        f"{len(ratios)} verifiers × {len(sizes)} sizes, n = 2 … 200",
        "NumPy and SciPy",
        lambda: theory.budget.success(sizes, (np.ones((100, 1)), ratios[:, None]), start),
        lambda: baselines.fixation(sizes, ratios[:: len(ratios) // few], start),
        None,
        few / len(ratios),
    )


def _pair_information() -> list[Benchmark]:
    n, few = 1_000_000, 50_000  # points that SciPy is timed on
    mixture = baselines.Mixtures(WEIGHTS, MEANS, COVARIANCES)
    points = baselines.sample(np.random.default_rng(0), baselines.Mixtures(*(part[None] for part in mixture)), n)[0]
    x, y = np.ascontiguousarray(points.T)
    work, on_device = jax.jit(lambda x, y: pair_information(x, y, *mixture)), (jnp.asarray(x), jnp.asarray(y))

    def ours() -> Any:
        return work(*on_device)

    def against(name: str, alternative: Callable[[], Any], target: float | None, share: float = 1.0) -> Benchmark:
        setting = f"ln p(x,y)/(p(x) p(y)) of {n} points, a mixture of two correlated Gaussians"
        return Benchmark("i(x;y)", setting, name, ours, alternative, target, share)

    by_hand = partial(baselines.pair_information_by_hand, x, y, mixture)
    return [
        against("SciPy", lambda: baselines.pair_information(points[:few], mixture), None, few / n),
        against("NumPy", by_hand, 5),
        against("NumPy, our formulas", partial(by_hand, add=baselines.log_add), None),
    ]


def _count_log_likelihood() -> Benchmark:
    num_tables, num_models, num_symbols = 4000, 20_000, 12
    rng = np.random.default_rng(1)
    counts = rng.multinomial(30, np.full(num_symbols, 1 / num_symbols), num_tables).astype(float)
    probs = rng.dirichlet(np.full(num_symbols, 0.02), num_models)  # some are zero by underflow
    probs[probs < 1e-9] = 0
    logs, work = np.log(np.where(probs > 0, probs, 1)), jax.jit(count_log_likelihood_into, donate_argnums=2)
    on_device, into = (jnp.asarray(counts), jnp.asarray(probs)), [jnp.zeros((num_tables, num_models))]
    out = np.zeros((num_tables, num_models))

    def ours() -> Any:
        into[0] = work(*on_device, into[0])
        return into[0]

    return Benchmark(
        "ln p(d|z)",
        f"{num_tables} tables of {num_symbols} counts × {num_models} models, zeros exact; against the bare product",
        "NumPy",
        ours,
        lambda: np.matmul(counts, logs.T, out=out),
        0.5,
    )


def count_log_likelihood_into(counts: jax.Array, probs: jax.Array, out: jax.Array) -> jax.Array:
    """`theory.count_log_likelihood` into memory that is there, as `numpy.matmul` has it with `out`."""
    return out.at[:].set(theory.count_log_likelihood(counts, probs))


def _policy() -> Benchmark:
    num_seeds, size = 64, networks.POLICY
    start, prompts = networks.policies(num_seeds)
    weights = networks.policy_weights(start)
    correct, features = np.asarray(prompts.correct), np.asarray(prompts.features)
    return Benchmark(
        "policy",
        f"RLVR, {correct.size} prompts, 4 classes × 8 forms, 32 hidden units, {num_seeds} seeds × {size['num_rounds']} "
        f"updates on {size['num_samples']} outputs a prompt, float32",
        "NumPy",
        lambda: networks.trained_policies(sandbox.shard(start), prompts),
        lambda: network_baselines.policy_gradient(np.random.default_rng(0), weights, features, correct, **size),
        1,
    )


def _shortcut_learning() -> Benchmark:
    num_environments, order, rate, size = 64, 3, 0.1, networks.SHORTCUT
    keys, shortcuts = networks.parity_against_length(num_environments, order)
    weights, agreement = networks.student_weights(keys), np.asarray(shortcuts.agreement)
    keys, training = sandbox.shard(keys), sandbox.Training(rate)
    return Benchmark(
        "shortcut learning",
        f"parity of {order} against length, {num_environments} environments × 3 learners, {size['num_steps']} steps of "
        f"SGD on {size['batch']} samples, 64 hidden units, float32",
        "NumPy",
        lambda: sandbox.learn_online(keys, shortcuts, networks.STUDENT, training=training, **size),
        lambda: network_baselines.learn_online(
            np.random.default_rng(0), weights, agreement, order=order, learning_rate=rate, **size
        ),
        1,
    )


def _tables() -> Benchmark:
    num_tables, few = 1000, 20  # tables that dit is timed on; to make its objects is not
    joints = np.random.default_rng(1).dirichlet(np.ones(64), num_tables).reshape(-1, 8, 8)
    symbols = [(x, y) for x in range(8) for y in range(8)]
    objects = [dit.Distribution(symbols, joint.ravel()) for joint in joints[:few]]
    work, on_device = jax.jit(jax.vmap(theory.mutual_information)), jnp.asarray(joints)
    return Benchmark(
        "I(X;Y)",
        f"{num_tables} tables of 8 × 8",
        "dit",
        lambda: work(on_device),
        lambda: np.array([dit.shannon.mutual_information(each, [0], [1]) for each in objects]) * np.log(2),
        100,
        few / num_tables,
    )


def _setting(size: dict[str, int]) -> str:
    return f"{size['num_replicas']} replicas × {size['num_samples']} samples × {size['num_generations']} generations"
