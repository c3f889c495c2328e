"""The closed loop from real data: a mixture fitted to points, a Markov chain of characters fitted to a text."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

import sandbox
import theory
from experiments.harness.study import study
from sandbox import GaussianMixture, MarkovChain

FILES = {name: Path(__file__).parents[1] / "data" / name for name in ("faithful.csv", "english.txt")}
NUM_GENERATIONS = 200
REAL_SHARE = 0.1  # of the samples of a generation, in the regime that draws fresh real ones
MAX_SAMPLES = {"points": 500, "text": 5000}  # a generation
EM_STEPS = 5  # a generation
NUM_SYMBOLS = 32  # the commonest characters; a rarer one counts as a space
UNIFORM_SHARE = 0.01  # mixed into a chain before it is scored, as one lost bigram would make its log-likelihood −∞
QUOTED = 100  # characters

fit_mixture = partial(GaussianMixture.fit, steps=EM_STEPS)
fit_chain = jax.jit(MarkovChain.fit)


class Source(NamedTuple):
    """Real data, split, and the model Z_0 fitted to the part that is not held out."""

    kind: str  # points or text
    train: jax.Array
    held_out: jax.Array
    model: Any
    alphabet: str | None = None


class Loops(NamedTuple):
    """The loops of one data set: what was measured of the models of each generation [replica, t, …] by regime."""

    name: str
    setting: str
    source: Source
    measures: dict[str, dict[str, np.ndarray]]


@study("closed-loop/faithful", num_replicas=32, full={"num_replicas": 64})
def faithful(key: jax.Array, *, num_replicas: int, out: Path | None = None, resume: bool = False) -> Loops:
    """From the eruptions of Old Faithful."""
    return retrained(key, FILES["faithful.csv"], num_replicas, out, resume)


@study("closed-loop/english", num_replicas=12, full={"num_replicas": 32})
def english(key: jax.Array, *, num_replicas: int, out: Path | None = None, resume: bool = False) -> Loops:
    """From an English text."""
    return retrained(key, FILES["english.txt"], num_replicas, out, resume)


@study("closed-loop/own-data", num_replicas=16, full={"num_replicas": 64})
def own(key: jax.Array, file: Path, *, num_replicas: int, out: Path, resume: bool) -> Loops:
    """From any file."""
    return retrained(key, file, num_replicas, out, resume)


def retrained(key: jax.Array, file: Path, num_replicas: int, out: Path | None, resume: bool) -> Loops:
    """Fits Z_0 to a file and retrains it under each regime; with `out`, every loop is kept and can be resumed."""
    fit_key, quote_key, loop_key = jax.random.split(key, 3)
    source = read(fit_key, file)
    points = source.kind == "points"
    num_samples = min(len(source.train), MAX_SAMPLES[source.kind])
    real = sandbox.Bootstrap(source.train) if points else sandbox.Passage(source.train)
    regimes = {
        "replace": sandbox.Fresh(real, 0.0),  # as sandbox.Replace(), in the same compiled program as the next
        "fresh": sandbox.Fresh(real, REAL_SHARE),
        "reuse": sandbox.Reuse(source.train),
        "accumulate": sandbox.Accumulate(source.train),
    }
    summary = partial(_of_mixture, source.held_out) if points else partial(_of_chain, source.held_out, quote_key)

    def loops(name: str) -> dict[str, np.ndarray]:
        """Each regime with the same random numbers."""
        record = sandbox.ensemble(
            loop_key,
            jax.tree.map(lambda leaf: leaf[None], source.model),
            sandbox.KeepAll(),
            num_samples=num_samples,
            num_generations=NUM_GENERATIONS,
            # a fit to all points so far takes up to 200 times as long
            num_replicas=-(-num_replicas // 8) if points and name == "accumulate" else num_replicas,
            regime=regimes[name],
            fit=fit_mixture if points else None,
            summary=summary,
            out=None if out is None else out / f"{file.stem}-{name}",
            resume=resume,
            progress=False if out is None else None,
        )
        return jax.tree.map(lambda leaf: np.asarray(leaf)[0], record.model)

    return Loops(file.stem, f"{file.name}, n = {num_samples}", source, {name: loops(name) for name in regimes})


def _of_mixture(held_out: jax.Array, model: GaussianMixture) -> dict[str, jax.Array]:
    return {
        "held_out": model.log_prob(held_out).mean(),
        "entropy": -model.log_prob(model.sample(jax.random.key(0), 1000)).mean(),
        **model._asdict(),
    }


def _of_chain(held_out: jax.Array, quote_key: jax.Array, model: MarkovChain) -> dict[str, jax.Array]:
    share = model.stationary()
    support = ((share[:, None] > 1e-12) & (model.transition > 0)).sum()
    entropies = jax.vmap(theory.entropy)(model.transition)
    mixed = (1 - UNIFORM_SHARE) * model.transition + UNIFORM_SHARE / share.size
    pairs = jnp.zeros_like(mixed).at[held_out[:-1], held_out[1:]].add(1) / (held_out.size - 1)
    return {
        "held_out": (pairs * jnp.log(mixed)).sum(),
        "support": support,
        "entropy_rate": (share * entropies).sum(),
        "quote": model.sample(quote_key, QUOTED).astype(jnp.int8),
    }


def read(key: jax.Array, file: Path) -> Source:
    """Data from a file: a CSV of numbers, one sample a row, no header; else a text.

    Raises:
        ValueError: a file that is empty, too short or not UTF-8, a row of another length, or a number that is not
            finite; the message names the file and the row.
    """
    try:
        content = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"data: a CSV of numbers or a text in UTF-8 is accepted, {file} is neither") from error
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise ValueError(f"data: a CSV of numbers or a text is accepted, {file} is empty")
    return points(key, file, lines) if file.suffix == ".csv" or _numbers(lines[0]) else text(file, content)


def points(key: jax.Array, file: Path, lines: list[str]) -> Source:
    """The rows of a CSV, a quarter held out, and a mixture whose number of components BIC chooses."""
    rows = [_numbers(line) for line in lines]
    width = len(rows[0] or ())
    for number, row in enumerate(rows, 1):
        if row is None or len(row) != width or not np.all(np.isfinite(row)):
            accepted = "rows of finite numbers, all of one length, no header, are accepted"
            raise ValueError(f"data: {accepted}, row {number} of {file} is {lines[number - 1]!r:.60}")
    x = np.random.default_rng(0).permutation(np.array(rows))
    if len(np.unique(x, axis=0)) < 20:
        raise ValueError(f"data: 20 different rows or more are accepted, {file} has {len(np.unique(x, axis=0))}")
    held_out, train = x[: len(x) // 4], x[len(x) // 4 :]
    fit = partial(GaussianMixture.from_data, key, train)
    model = min(map(fit, (1, 2, 3, 4)), key=lambda model: _bic(model, train))
    return Source("points", jnp.asarray(train), jnp.asarray(held_out), model)


def _bic(model: GaussianMixture, x: np.ndarray) -> float:
    """−2 ln L + (number of parameters) ln n (Schwarz 1978)."""
    weights, means, scales = map(np.asarray, model)
    k, d = means.shape
    z = np.stack([solve_triangular(scale, (x - mean).T, lower=True) for mean, scale in zip(means, scales, strict=True)])
    log_volume = np.log(np.diagonal(scales, axis1=1, axis2=2)).sum(1) + d * np.log(2 * np.pi) / 2
    log_likelihood = logsumexp(-(z**2).sum(1) / 2 - log_volume[:, None], axis=0, b=weights[:, None]).sum()
    num_parameters = k - 1 + k * d + k * d * (d + 1) // 2
    return -2 * log_likelihood + num_parameters * np.log(len(x))


def text(file: Path, content: str) -> Source:
    """The characters of a text, the last tenth held out, and a Markov chain over the commonest."""
    content = " ".join(content.lower().split())
    alphabet = "".join(sorted({" "} | {c for c, _ in Counter(content).most_common(NUM_SYMBOLS)}))
    if len(content) < 1000 or len(alphabet) < 2:
        raise ValueError(f"data: a text of 1000 characters or more is accepted, {file} has {len(content)}")
    index = {character: i for i, character in enumerate(alphabet)}
    path = np.array([index.get(character, index[" "]) for character in content], np.int32)
    cut = len(path) * 9 // 10
    k = len(alphabet)
    start = MarkovChain(np.full(k, 1 / k), np.full((k, k), 1 / k))
    train, held_out = jnp.asarray(path[:cut]), jnp.asarray(path[cut:])
    return Source("text", train, held_out, fit_chain(start, train, np.ones(cut)), alphabet)


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(cell) for cell in line.split(",")]
    except ValueError:
        return None
