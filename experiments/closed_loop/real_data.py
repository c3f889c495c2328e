"""The closed loop from real data: a mixture fitted to points, a Markov chain of characters fitted to a text."""

from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from sandbox import GaussianMixture, MarkovChain

FILES = {name: Path(__file__).parents[1] / "data" / name for name in ("faithful.csv", "english.txt")}
NUM_GENERATIONS = 200
REAL_SHARE = 0.1  # of the samples of a generation, in the regime that draws fresh real ones
MAX_SAMPLES = {"points": 500, "text": 5000}  # a generation
EM_STEPS = 5  # a generation
NUM_SYMBOLS = 32  # the commonest characters; a rarer one counts as a space
UNIFORM_SHARE = 0.01  # mixed into a chain before it is scored, as one lost bigram would make its log-likelihood −∞

fit_mixture = partial(GaussianMixture.fit, steps=EM_STEPS)
log_prob = jax.jit(GaussianMixture.log_prob)


class Source(NamedTuple):
    """Real data, split, and the model Z_0 fitted to the part that is not held out."""

    kind: str  # points or text
    train: jax.Array
    held_out: jax.Array
    model: Any
    alphabet: str | None = None


class Study(NamedTuple):
    """The loops of one data set: one record a regime, its `model` the measures of each generation."""

    name: str
    setting: str
    source: Source
    records: dict[str, sandbox.Record]


@lru_cache
def built_in(name: str, settings: Settings) -> Study:
    """The loops of a data set that comes with the project."""
    file = next(file for file in FILES.values() if file.stem == name)
    return study(file, settings, out=None, resume=False)


def study(file: Path, settings: Settings, *, out: Path | None, resume: bool) -> Study:
    """Fits Z_0 to a file and retrains it under each regime; with `out`, every loop is kept and can be resumed."""
    source = read(file, settings)
    num_samples = min(len(source.train), MAX_SAMPLES[source.kind])
    num_replicas = 64 if settings.full else 16
    measures = _measures(source)
    records = {}
    for name, regime in _regimes(source).items():
        folder = None if out is None else out / f"{file.stem}-{name}"
        records[name] = sandbox.ensemble(
            stream(settings, 11),
            jax.tree.map(lambda leaf: leaf[None], source.model),
            sandbox.KeepAll(),
            num_samples=num_samples,
            num_generations=NUM_GENERATIONS,
            # a fit to all generations so far takes up to 200 times as long
            num_replicas=num_replicas // 4 if name == "accumulate" else num_replicas,
            regime=regime,
            fit=fit_mixture if source.kind == "points" else None,
            summary=measures,
            out=folder,
            resume=resume,
            progress=False if out is None else None,
        )
    return Study(file.stem, f"{file.name}, n = {num_samples}", source, records)


def replay(study: Study, regime: str, settings: Settings) -> sandbox.Record:
    """The models of the first replica, generation by generation, with the random numbers it had in the ensemble."""
    source = study.source
    return sandbox.run(
        sandbox.replica_keys(stream(settings, 11), 0, 0)[2],
        source.model,
        sandbox.KeepAll(),
        num_samples=min(len(source.train), MAX_SAMPLES[source.kind]),
        num_generations=NUM_GENERATIONS,
        regime=_regimes(source)[regime],
        fit=fit_mixture if source.kind == "points" else None,
    )


def _regimes(source: Source) -> dict[str, sandbox.Regime]:
    real = sandbox.Bootstrap(source.train) if source.kind == "points" else sandbox.Passage(source.train)
    return {
        "replace": sandbox.Replace(),
        "fresh": sandbox.Fresh(real, REAL_SHARE),
        "reuse": sandbox.Reuse(source.train),
        "accumulate": sandbox.Accumulate(source.train),
    }


def _measures(source: Source) -> Callable[[Any], dict[str, jax.Array]]:
    return partial(_of_mixture, source.held_out) if source.kind == "points" else partial(_of_chain, source.held_out)


def _of_mixture(held_out: jax.Array, model: GaussianMixture) -> dict[str, jax.Array]:
    return {
        "modes": model.num_modes(),
        "held_out": model.log_prob(held_out).mean(),
        "entropy": -model.log_prob(model.sample(jax.random.key(0), 1000)).mean(),
        "at_floor": model.at_floor().any(),
    }


def _of_chain(held_out: jax.Array, model: MarkovChain) -> dict[str, jax.Array]:
    share = model.stationary()
    support = ((share[:, None] > 1e-12) & (model.transition > 0)).sum()
    entropies = jax.vmap(theory.entropy)(model.transition)
    mixed = (1 - UNIFORM_SHARE) * model.transition + UNIFORM_SHARE / share.size
    pairs = jnp.zeros_like(mixed).at[held_out[:-1], held_out[1:]].add(1) / (held_out.size - 1)
    return {
        "support": support,
        "entropy_rate": (share * entropies).sum(),
        "held_out": (pairs * jnp.log(mixed)).sum(),
    }


def read(file: Path, settings: Settings) -> Source:
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
    return points(file, lines, settings) if file.suffix == ".csv" or _numbers(lines[0]) else text(file, content)


def points(file: Path, lines: list[str], settings: Settings) -> Source:
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
    held_out, train = jnp.asarray(x[: len(x) // 4]), jnp.asarray(x[len(x) // 4 :])
    fits = [GaussianMixture.from_data(stream(settings, 10), train, k) for k in (1, 2, 3, 4)]
    return Source("points", train, held_out, min(fits, key=lambda model: _bic(model, train)))


def _bic(model: GaussianMixture, x: jax.Array) -> float:
    """−2 ln L + (number of parameters) ln n (Schwarz 1978)."""
    k, d = model.means.shape
    num_parameters = k - 1 + k * d + k * d * (d + 1) // 2
    return float(-2 * log_prob(model, x).sum() + num_parameters * np.log(len(x)))


def text(file: Path, content: str) -> Source:
    """The characters of a text, the last tenth held out, and a Markov chain over the commonest."""
    content = " ".join(content.lower().split())
    alphabet = "".join(sorted({" "} | {c for c, _ in Counter(content).most_common(NUM_SYMBOLS)}))
    if len(content) < 1000 or len(alphabet) < 2:
        raise ValueError(f"data: a text of 1000 characters or more is accepted, {file} has {len(content)}")
    index = {character: i for i, character in enumerate(alphabet)}
    path = jnp.asarray([index.get(character, index[" "]) for character in content], jnp.int32)
    cut = len(path) * 9 // 10
    k = len(alphabet)
    start = MarkovChain(jnp.full(k, 1 / k), jnp.full((k, k), 1 / k))
    return Source("text", path[:cut], path[cut:], start.fit(path[:cut], jnp.ones(cut)), alphabet)


def _numbers(line: str) -> list[float] | None:
    try:
        return [float(cell) for cell in line.split(",")]
    except ValueError:
        return None
