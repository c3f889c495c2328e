"""`infoloop bench`: our speed and that of the alternatives, side by side in one run, compile time apart.

Each row of `table` is one piece of work done twice: by infoloop as its user calls it, on every device there is, and by
what people do without it (`experiments.baselines`, which the tests hold to the same result). The two take turns, so
that a machine that slows down slows both, and the ratio is the median of the ratios of the turns.
"""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.text import Text

import sandbox
import theory
from experiments import baselines
from experiments.continuous_information.coverage import COVARIANCES, MEANS, WEIGHTS, pair_information
from experiments.ledger import MARKS, Profile, write_atomic
from sandbox.models.policy import network
from sandbox.training import ADAM

try:
    import sklearn
    from threadpoolctl import threadpool_limits
except ImportError as missing:
    raise ValueError(f"{missing.name} is not installed; accepted: infoloop[dev], which `make setup` makes") from None


class Row(NamedTuple):
    """One piece of work, done by infoloop and by an alternative."""

    name: str
    setting: str
    against: str
    ours: Callable[[], Any]
    alternative: Callable[[], Any]
    target: float | None  # the ratio to reach on two cores
    share: float = 1.0  # of the work that the alternative does; its time is scaled up in proportion


class Timing(NamedTuple):
    """What a row took, in seconds: one entry a turn, the alternative's scaled up to the whole work."""

    ours: list[float]
    alternative: list[float]
    threads: int  # of the alternative's linear algebra
    compile: float | None  # None where an earlier row has compiled the same

    @property
    def ratio(self) -> float:
        """How many times faster ours is: the median over the turns."""
        return median(b / a for a, b in zip(self.ours, self.alternative, strict=True))


class Effort(NamedTuple):
    """How long to measure a row: turns until the seconds are used up, but no fewer and no more than these.

    Within a turn short work is repeated for `burst` seconds, so that threads asleep and caches cold weigh little.
    """

    seconds: float
    least: int
    most: int
    burst: float = 0.0


EFFORTS: dict[Profile, Effort] = {"quick": Effort(4.0, 5, 41, 0.3), "full": Effort(30.0, 15, 401, 0.3)}
COLUMNS = {"work": 14, "against": 19, "ours": 9, "theirs": 9, "ratio": 6, "target": 8, "compile": 7}
LEADING = ("work", "against")  # printed before the row is measured


def table() -> list[Row]:
    """The rows, with their data made and placed; nothing is compiled yet."""
    small = dict(num_replicas=1000, num_samples=10, num_generations=200)
    large = dict(num_replicas=25, num_samples=100, num_generations=2500)
    gaussian = sandbox.Gaussian(jnp.zeros(1), jnp.eye(1))
    few = 50  # replicas, of 1000, that the loop over replicas is timed on
    small_setting, large_setting = map(_setting, (small, large))
    ours = partial(retrain, gaussian, **small)
    return [
        Row(
            "Gaussian",
            small_setting,
            "NumPy",
            ours,
            lambda: baselines.gaussian(np.random.default_rng(0), **small),
            2.5,
        ),
        Row(
            "Gaussian",
            small_setting,
            "a Python loop",
            ours,
            lambda: baselines.gaussian_loop(0, **small | {"num_replicas": few}),
            100,
            few / small["num_replicas"],
        ),
        Row(
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
        _races(),
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


def _categorical() -> Row:
    size, num_symbols = dict(num_replicas=200, num_samples=1000, num_generations=10), 1000
    probs = np.random.default_rng(1).dirichlet(np.ones(num_symbols))
    return Row(
        "categorical",
        f"{num_symbols} symbols, {_setting(size)}",
        "NumPy multinomial",
        partial(retrain, sandbox.Categorical(jnp.asarray(probs)), **size),
        lambda: baselines.categorical(np.random.default_rng(0), probs, **size),
        1,
    )


def _markov_chain() -> Row:
    size, num_states = dict(num_replicas=1000, num_samples=200, num_generations=100), 5
    initial, *transition = np.random.default_rng(1).dirichlet(np.ones(num_states), num_states + 1)
    transition = np.stack(transition)
    return Row(
        "Markov chain",
        f"{num_states} states, {_setting(size)}",
        "NumPy",
        partial(retrain, sandbox.MarkovChain(jnp.asarray(initial), jnp.asarray(transition)), **size),
        lambda: baselines.markov_chain(np.random.default_rng(0), initial, transition, **size),
        5,
    )


def _mixture() -> list[Row]:
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

    def against(name: str, em: Callable[..., baselines.Mixtures], target: float | None) -> Row:
        fit = partial(em, steps=steps)
        return Row(
            "mixture",
            setting,
            name,
            ours,
            lambda: baselines.mixture(np.random.default_rng(0), start, fit=fit, **size),
            target,
        )

    return [
        against("NumPy", baselines.em, 8),
        against("NumPy, our formulas", baselines.em_by_features, None),
    ]


def _em() -> Row:
    n, k, d, steps = 10_000, 4, 2, 100
    rng = np.random.default_rng(1)
    centres = 2.0 * rng.standard_normal((k, d))
    x = centres[rng.integers(k, size=n)] + rng.standard_normal((n, d))
    start = baselines.Mixtures(np.full(k, 1 / k), x[:k], np.tile(np.eye(d), (k, 1, 1)))
    model = sandbox.GaussianMixture(*map(jnp.asarray, start))  # a unit covariance is its own factor
    fit = jax.jit(partial(sandbox.GaussianMixture.fit, steps=steps))
    data, ones = jnp.asarray(x), jnp.ones(n)
    return Row(
        "EM",
        f"n = {n}, k = {k}, d = {d}, full covariance, {steps} iterations",
        "scikit-learn",
        lambda: fit(model, data, ones),
        lambda: baselines.em_of_scikit_learn(x, start, steps=steps),
        10,
    )


def _information() -> Row:
    n, num_tasks, num_generations = 1000, 16, 1000
    prior, rates = jnp.full(num_tasks, 1 / num_tasks), np.linspace(0.05, 0.95, num_tasks)
    initial = jnp.stack([theory.drift.initial(n, np.array([p, 1 - p])) for p in rates])
    kernel = theory.drift.neutral_kernel(n)
    arrays = [np.asarray(a) for a in (prior, initial, kernel)]
    return Row(
        "I(X;Z_t)",
        f"n = {n}, {num_tasks} tasks, {num_generations} generations",
        "NumPy",
        lambda: theory.drift.information(prior, initial, kernel, num_generations),
        lambda: baselines.information(arrays[0], arrays[1], arrays[2], num_generations),
        2,
    )


def _selection() -> list[Row]:
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

    def row(name: str, num_kernels: int, num_generations: int) -> Row:
        return Row(
            "selection",
            f"{setting}, {name}, {num_generations} generations; I(X;Z_t) against the matrix products alone",
            "NumPy",
            lambda: theory.drift.information(prior, initial, kernels(num_kernels), num_generations),
            lambda: baselines.last_law(np.asarray(initial), np.asarray(kernels(num_kernels)), num_generations),
            0.9,
        )

    return [row("one verifier", 1, 500), row("a verifier a task", num_tasks, 20)]


def _phase_diagram() -> Row:
    sizes, ratios, start = np.linspace(2, 200, 100).astype(int), np.linspace(0.001, 1, 100), 0.3
    few = 5  # ratios, of 100, that the loop over cells is timed on
    return Row(
        "P(ends right)",
        f"{len(ratios)} verifiers × {len(sizes)} sizes, n = 2 … 200",
        "NumPy and SciPy",
        lambda: theory.budget.success(sizes, (np.ones((100, 1)), ratios[:, None]), start),
        lambda: baselines.fixation(sizes, ratios[:: len(ratios) // few], start),
        None,
        few / len(ratios),
    )


def _pair_information() -> list[Row]:
    n, few = 1_000_000, 50_000  # points that SciPy is timed on
    mixture = baselines.Mixtures(WEIGHTS, MEANS, COVARIANCES)
    points = baselines.sample(np.random.default_rng(0), baselines.Mixtures(*(part[None] for part in mixture)), n)[0]
    x, y = np.ascontiguousarray(points.T)
    work, on_device = jax.jit(lambda x, y: pair_information(x, y, *mixture)), (jnp.asarray(x), jnp.asarray(y))

    def ours() -> Any:
        return work(*on_device)

    def against(name: str, alternative: Callable[[], Any], target: float | None, share: float = 1.0) -> Row:
        setting = f"ln p(x,y)/(p(x) p(y)) of {n} points, a mixture of two correlated normal laws"
        return Row("i(x;y)", setting, name, ours, alternative, target, share)

    by_hand = partial(baselines.pair_information_by_hand, x, y, mixture)
    return [
        against("SciPy", lambda: baselines.pair_information(points[:few], mixture), None, few / n),
        against("NumPy", by_hand, 5),
        against("NumPy, our formulas", partial(by_hand, add=baselines.log_add), None),
    ]


def _count_log_likelihood() -> Row:
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

    return Row(
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


POLICY: dict[str, Any] = dict(num_samples=4, num_rounds=500, learning_rate=0.01)


def _policy() -> Row:
    num_seeds = 64
    start, prompts = policies(num_seeds)
    weights = policy_weights(start)
    right, features = np.asarray(prompts.right), np.asarray(prompts.features)
    return Row(
        "policy",
        f"RLVR, {right.size} prompts, 4 classes × 8 forms, 32 hidden units, {num_seeds} seeds × {POLICY['num_rounds']} "
        f"updates on {POLICY['num_samples']} outputs a prompt, float32",
        "NumPy",
        lambda: trained_policies(sandbox.spread(start), prompts),
        lambda: baselines.policy_gradient(np.random.default_rng(0), weights, features, right, **POLICY),
        1,
    )


def policies(num_seeds: int) -> tuple[sandbox.Network, sandbox.environments.Prompts]:
    """Networks at their start, stacked over seeds, and the prompts that all of them learn."""
    prompts = sandbox.environments.world(jax.random.key(0), num_classes=4, num_forms=8).train
    keys = jax.random.split(jax.random.key(1), num_seeds)
    return jax.jit(jax.vmap(lambda key: network(key, prompts.features.shape[1], 4, 8)))(keys), prompts


def policy_weights(start: sandbox.Network) -> tuple[np.ndarray, ...]:
    """Weight, bias, weight, bias of the stacked networks, as matrices."""
    hidden, head = (start.variables["params"][name] for name in ("Dense_0", "head"))
    parts = hidden["kernel"], hidden["bias"][:, None], head["kernel"], head["bias"]
    weight, bias, out_weight, out_bias = (np.asarray(part) for part in parts)
    num_seeds, width = bias.shape[0], bias.shape[2]
    return weight, bias, out_weight.reshape(num_seeds, width, -1), out_bias.reshape(num_seeds, 1, -1)


@partial(jax.jit, static_argnames="num_rounds")
def trained_policies(
    start: sandbox.Network, prompts: sandbox.environments.Prompts, num_rounds: int = POLICY["num_rounds"]
) -> jax.Array:
    """The share right of each network before each round and after the last [seed, t]."""

    def one(key: jax.Array, network: sandbox.Network) -> jax.Array:
        size: dict[str, Any] = POLICY | {"num_rounds": num_rounds}
        verdict = sandbox.feedback.verdict(4, 8)
        return sandbox.train(key, network, prompts, verdict, sandbox.training.RLVR(), optimizer=ADAM, **size).measured

    num_seeds = jax.tree.leaves(start)[0].shape[0]
    return jax.vmap(one)(jax.random.split(jax.random.key(2), num_seeds), start)


RACES: dict[str, Any] = dict(num_steps=200, batch=32)
STUDENT = sandbox.online.STUDENTS["MLP SGD"]


def _races() -> Row:
    num_environments, order, rate = 64, 3, 0.1
    keys, shortcuts = parity_against_length(num_environments, order)
    weights, agreement = student_weights(keys), np.asarray(shortcuts.agreement)
    keys, training = sandbox.spread(keys), sandbox.Training(rate)
    return Row(
        "races",
        f"parity of {order} against length, {num_environments} environments × {len(sandbox.online.LEARNERS)} learners "
        f"× {RACES['num_steps']} steps of SGD on {RACES['batch']} samples, 64 hidden units, float32",
        "NumPy",
        lambda: sandbox.races(keys, shortcuts, STUDENT, training=training, **RACES),
        lambda: baselines.races(np.random.default_rng(0), weights, agreement, order=order, learning_rate=rate, **RACES),
        1,
    )


def parity_against_length(num_environments: int, order: int) -> tuple[jax.Array, sandbox.Shortcut]:
    """Environments that differ in how often the length has the label's sign, and one seed for each."""
    parity, length = sandbox.component("parity", order=order), sandbox.component("length")
    agreements = np.linspace(0.55, 0.95, num_environments)
    shortcuts = [sandbox.shortcut(parity, length, agreement=a, label_noise=0.1) for a in agreements]
    return jax.random.split(jax.random.key(3), (num_environments, 1)), sandbox.components.stack(shortcuts)


def student_weights(keys: jax.Array) -> tuple[np.ndarray, ...]:
    """What the races of these keys [environment, 1] start from, as `policy_weights`."""
    return policy_weights(jax.jit(jax.vmap(lambda key: STUDENT.start(jax.random.fold_in(key, 0))))(keys[:, 0]))


def _setting(size: dict[str, int]) -> str:
    return f"{size['num_replicas']} replicas × {size['num_samples']} samples × {size['num_generations']} generations"


def measure(row: Row, effort: Effort, *, compiled: bool = False) -> Timing:
    """Times a row: first calls apart, then turn by turn. `compiled`: an earlier row has the same `ours`."""
    first = _time(row.ours)
    threads = _best_threads(row.alternative)
    ours, alternative = [], []
    start = time.perf_counter()
    while len(ours) < effort.least or (len(ours) < effort.most and time.perf_counter() - start < effort.seconds):
        ours.append(_time(row.ours, effort.burst))
        with threadpool_limits(threads):
            alternative.append(_time(row.alternative, effort.burst) / row.share)
    return Timing(ours, alternative, threads, None if compiled else max(0.0, first - min(ours)))


def _best_threads(alternative: Callable[[], Any]) -> int:
    """How many threads suit it: one a core, or one alone, which wins where products are small or cores are busy."""
    alternative()  # what it imports is not timed

    def seconds(threads: int) -> float:
        with threadpool_limits(threads):
            return _time(alternative)

    return min({1, os.cpu_count() or 1}, key=seconds)


def _time(work: Callable[[], Any], burst: float = 0) -> float:
    """Seconds a call, over as many calls as it takes to fill the burst."""
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < burst:
        jax.block_until_ready(work())
        calls += 1
    return (time.perf_counter() - start) / calls


def machine() -> dict[str, Any]:
    """What a time depends on: processor and load, versions and devices, settings of the numerical libraries."""
    provenance = sandbox.store.provenance()
    provenance["versions"]["scikit-learn"] = sklearn.__version__
    tuned = ("BLIS_", "MKL_", "OMP_", "OPENBLAS_", "XLA_")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],  # processes that want a core, in the minute before: the cores, or more, is busy
        **provenance,
        "environment": {name: value for name, value in sorted(os.environ.items()) if name.startswith(tuned)},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def headline(where: dict[str, Any]) -> str:
    """The machine on one line."""
    versions = ", ".join(f"{name} {where['versions'][name]}" for name in ("jax", "numpy", "scikit-learn", "python"))
    tuned = "".join(f", {name}={value}" for name, value in where["environment"].items())
    on = f"{where['backend']} × {where['num_devices']}"
    return f"{where['processor']}, {where['cores']} cores (load {where['load']:.1f}); {versions} on {on}{tuned}"


def as_json(row: Row, timing: Timing) -> dict[str, Any]:
    """A row of bench.json; times in seconds."""

    def summary(times: list[float]) -> dict[str, Any]:
        return {"min": min(times), "median": median(times), "times": times}

    return {
        "name": row.name,
        "setting": row.setting,
        "against": row.against,
        "ours": summary(timing.ours),
        "alternative": summary(timing.alternative),
        "threads": timing.threads,
        "share": row.share,
        "ratio": timing.ratio,
        "target": row.target,
        "met": None if row.target is None else timing.ratio >= row.target,
        "compile": timing.compile,
    }


def as_markdown(rows: list[dict[str, Any]], where: dict[str, Any]) -> str:
    """The rows of bench.json as a page: a table to be read, and how it was measured."""
    lines = [
        "| work | setting | against | ours: median (least) | theirs: median (least) | ratio | target | compile |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        ours, theirs = (f"{duration(row[k]['median'])} ({duration(row[k]['min'])})" for k in ("ours", "alternative"))
        cells = (row["name"], described(row), row["against"], ours, theirs, *verdict(row))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    note = (
        "Ours and theirs take turns in one run; the ratio is the median over the turns. Both end with the models of "
        "every generation in the memory of the host, and compute in float64 (our normal numbers are drawn in float32, "
        "then widened). The alternative's linear algebra has one thread a core or one alone, whichever is faster. "
        "Compile: what the first call takes beyond a later one."
    )
    return "\n".join([*lines, "", note, "", f"Measured on {headline(where)}.", ""])


def described(row: dict[str, Any]) -> str:
    """The setting, and what part of it the alternative was timed on."""
    part = "" if row["share"] == 1 else f"; theirs timed on {row['share']:.0%}, scaled up"
    return row["setting"] + part


def verdict(row: dict[str, Any]) -> tuple[str, str, str]:
    """The ratio, the target and whether it is met, and the time to compile."""
    target = "" if row["target"] is None else f"≥ {row['target']:g} {MARKS['holds' if row['met'] else 'fails']}"
    return f"{_three_digits(row['ratio'])}×", target, "" if row["compile"] is None else f"{row['compile']:.1f} s"


def duration(seconds: float) -> str:
    """A time in ms or s, to three digits."""
    return f"{_three_digits(seconds)} s" if seconds >= 1 else f"{_three_digits(1e3 * seconds)} ms"


def _three_digits(value: float) -> str:
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def main(profile: Profile, out: Path) -> None:
    """Measures all rows, prints each when it is there, and keeps them in bench.json and bench.md.

    Args:
        profile: quick takes about two minutes; full has more turns.
        out: folder for the two files.

    Raises:
        ValueError: scikit-learn is not installed.
    """
    console, where = Console(markup=False), machine()
    console.print(headline(where), soft_wrap=True, highlight=False)
    _print(console, list(COLUMNS), list(COLUMNS))
    rows: list[dict[str, Any]] = []
    seen: set[Callable[[], Any]] = set()
    for row in table():
        _print(console, LEADING, [row.name, row.against], end="")
        measured = as_json(row, measure(row, EFFORTS[profile], compiled=row.ours in seen))
        seen.add(row.ours)
        rows.append(measured)
        times = [duration(measured[who]["median"]) for who in ("ours", "alternative")]
        style = {None: "", True: "cyan", False: "bold red"}[measured["met"]]
        _print(console, [name for name in COLUMNS if name not in LEADING], [*times, *verdict(measured)], style)
        console.print(Text(f"  {described(measured)}", "dim"), soft_wrap=True)
        document = {"machine": where, "profile": profile, "rows": rows}
        write_atomic(out / "bench.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        write_atomic(out / "bench.md", as_markdown(rows, where))
    console.print(f"{out / 'bench.md'} has the table, bench.json beside it every turn", soft_wrap=True, highlight=False)


def _print(console: Console, names: Sequence[str], cells: Sequence[str], style: str = "", end: str = "\n") -> None:
    line = Text()
    for name, cell in zip(names, cells, strict=True):
        text = Text(cell, style if name in ("ratio", "target") else "")
        text.align("left" if name in LEADING else "right", max(COLUMNS[name], len(cell)))
        line.append_text(text).append(" ")
    if end == "\n":
        line.rstrip()
    console.print(line, soft_wrap=True, highlight=False, end=end)
