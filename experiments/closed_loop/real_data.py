"""The closed loop from real data: a mixture fitted to points, a Markov chain of characters fitted to a text."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

import sandbox
import theory
from experiments.harness.study import study
from experiments.questions import tables
from experiments.validation import refuse
from sandbox import GaussianMixture, MarkovChain

FILES = {name: Path(__file__).parents[1] / "data" / name for name in ("faithful.csv", "english.txt")}
NUM_GENERATIONS = 200
REAL_SHARE = 0.1  # of the samples of a generation, in the regime that draws fresh real ones
MAX_SAMPLES = {"points": 500, "text": 5000}  # a generation
EM_STEPS = 5  # a generation
NUM_COMPONENTS = (1, 2, 3, 4)  # of which BIC chooses
NUM_POOLED = 4  # replicas of points that are all kept, as to fit a mixture to them takes up to 200 times as long
NUM_SYMBOLS = 32  # the commonest characters; a rarer one counts as a space
UNIFORM_SHARE = 0.01  # mixed into a chain before it is scored, as one lost bigram would make its log-likelihood −∞
QUOTED = 100  # characters

fit_mixture = partial(GaussianMixture.fit, steps=EM_STEPS)
fit_pool = partial(GaussianMixture.fit, steps=1)  # to all points so far, of which a generation changes ever less
fit_chain = jax.jit(MarkovChain.fit)


class RealData(NamedTuple):
    """Real data, split, and the model Z_0 fitted to the part that is not held out."""

    kind: str  # points or text
    train: jax.Array
    held_out: jax.Array
    model: Any
    alphabet: str | None = None


class Loops(NamedTuple):
    """The loops of one data set."""

    name: str
    setting: str
    source: RealData
    measures: dict[str, dict[str, np.ndarray]]  # of the models, by regime and name [replica, t]
    models: dict[str, GaussianMixture]  # by regime [replica, t, …], of points
    quotes: dict[str, np.ndarray]  # samples of the models by regime [replica, t, character], of a text


@study("closed-loop/faithful", num_replicas=64, full={"num_replicas": 256})
def faithful(key: jax.Array, *, num_replicas: int, out: Path | None = None, resume: bool = False) -> Loops:
    """From the eruptions of Old Faithful, by two components; between these and three BIC hardly decides."""
    return retrained(key, FILES["faithful.csv"], num_replicas, out, resume, num_components=(2,))


@study("closed-loop/english", num_replicas=12, full={"num_replicas": 32})
def english(key: jax.Array, *, num_replicas: int, out: Path | None = None, resume: bool = False) -> Loops:
    """From an English text."""
    return retrained(key, FILES["english.txt"], num_replicas, out, resume)


@study("closed-loop/own-data", num_replicas=16, full={"num_replicas": 64})
def own(key: jax.Array, file: Path, *, num_replicas: int, out: Path, resume: bool) -> Loops:
    """From any file."""
    return retrained(key, file, num_replicas, out, resume)


def retrained(
    key: jax.Array,
    file: Path,
    num_replicas: int,
    out: Path | None,
    resume: bool,
    num_components: tuple[int, ...] = NUM_COMPONENTS,
) -> Loops:
    """Fits Z_0 to a file and retrains it under each regime; with `out`, every loop is kept and can be resumed."""
    fit_key, quote_key, loop_key = jax.random.split(key, 3)
    source = read(fit_key, file, num_components)
    points = source.kind == "points"
    num_samples = min(len(source.train), MAX_SAMPLES[source.kind])
    real = sandbox.Bootstrap(source.train) if points else sandbox.Passage(source.train)
    regimes = {
        "replace": sandbox.Fresh(real, 0.0),  # as sandbox.Replace(), in the same compiled program as the next
        "fresh": sandbox.Fresh(real, REAL_SHARE),
        "reuse": sandbox.Reuse(source.train),
        "accumulate": sandbox.Accumulate(source.train),
    }

    def loop(name: str) -> Any:
        """Each regime with the same random numbers."""
        pooled = points and name == "accumulate"
        record = sandbox.ensemble(
            loop_key,
            jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)[None]), source.model),
            sandbox.KeepAll(),
            num_samples=num_samples,
            num_generations=NUM_GENERATIONS,
            num_replicas=min(num_replicas, NUM_POOLED) if pooled else num_replicas,
            regime=regimes[name],
            fit=(fit_pool if pooled else fit_mixture) if points else None,
            summary=None if points else summary,
            out=None if out is None else out / f"{file.stem}-{name}",
            resume=resume,
            progress=False if out is None else None,
        )
        return jax.tree.map(lambda leaf: np.asarray(leaf)[0], record.model)

    summary = partial(_of_chain, source.held_out, quote_key)
    found = {name: loop(name) for name in regimes}
    common = file.stem, f"{file.name}, n = {num_samples}", source
    if points:
        held_out = {name: log_prob(models, np.asarray(source.held_out)).mean(-1) for name, models in found.items()}
        return Loops(*common, {name: {"held_out": values} for name, values in held_out.items()}, found, {})
    quotes = {name: measures.pop("quote") for name, measures in found.items()}
    return Loops(*common, found, {}, quotes)


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


def read(key: jax.Array, file: Path, num_components: tuple[int, ...] = NUM_COMPONENTS) -> RealData:
    """Data from a file: a table of numbers, one sample a row; else a text."""
    found = tables.read_or_text(file)
    return text(file, found) if isinstance(found, str) else points(key, file, tables.numbers(found), num_components)


def points(key: jax.Array, file: Path, rows: np.ndarray, num_components: tuple[int, ...]) -> RealData:
    """The rows of a table, a quarter held out, and a mixture whose number of components BIC chooses."""
    x = np.random.default_rng(0).permutation(rows)
    if (different := len(np.unique(x, axis=0))) < 20:
        raise refuse("--data", f"{file} with {different} different rows", "20 different rows or more")
    held_out, train = x[: len(x) // 4], x[len(x) // 4 :]
    fit = partial(GaussianMixture.from_data, key, jnp.asarray(train))
    model = min(map(fit, num_components), key=lambda model: _bic(model, train))
    return RealData("points", jnp.asarray(train), jnp.asarray(held_out), model)


def _bic(model: GaussianMixture, x: np.ndarray) -> float:
    """−2 ln L + (number of parameters) ln n (Schwarz 1978)."""
    k, d = model.means.shape
    num_parameters = k - 1 + k * d + k * d * (d + 1) // 2
    return -2 * log_prob(model, x).sum() + num_parameters * np.log(len(x))


def log_prob(models: GaussianMixture, x: np.ndarray) -> np.ndarray:
    """ln p(x_i) under each of many mixtures [..., i], without a compilation."""
    weights, means, scales = map(np.asarray, models)
    z = np.linalg.solve(scales, np.swapaxes(x - means[..., None, :], -1, -2))  # [..., component, dim, i]
    log_volume = np.log(2 * np.pi * np.diagonal(scales, axis1=-2, axis2=-1) ** 2).sum(-1) / 2
    return np.asarray(logsumexp(-(z**2).sum(-2) / 2 - log_volume[..., None], axis=-2, b=weights[..., None]))


def text(file: Path, content: str) -> RealData:
    """The characters of a text, the last tenth held out, and a Markov chain over the commonest."""
    content = " ".join(content.lower().split())
    alphabet = "".join(sorted({" "} | {c for c, _ in Counter(content).most_common(NUM_SYMBOLS)}))
    if len(content) < 1000 or len(alphabet) < 2:
        given = f"{file}, a text of {len(content)} characters, {len(alphabet)} of them different,"
        raise refuse("--data", given, "a text of 1000 characters or more")
    index = {character: i for i, character in enumerate(alphabet)}
    path = np.array([index.get(character, index[" "]) for character in content], np.int32)
    cut = len(path) * 9 // 10
    k = len(alphabet)
    start = MarkovChain(jnp.asarray(np.full(k, 1 / k)), jnp.asarray(np.full((k, k), 1 / k)))
    train, held_out = jnp.asarray(path[:cut]), jnp.asarray(path[cut:])
    return RealData("text", train, held_out, fit_chain(start, train, jnp.asarray(np.ones(cut))), alphabet)
