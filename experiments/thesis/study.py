"""The study behind C10: students in the same random environments, and all predictors of the feature they rely on."""

from typing import NamedTuple

import jax
import numpy as np

import sandbox
from experiments.harness.study import generator, study
from experiments.questions.shortcut import INTENDED, SPURIOUS, Curves, feature_information, learning_curves, nats_saved
from experiments.questions.shortcut.curves import WINDOW
from experiments.thesis import environments
from sandbox.shortcuts import STUDENTS, OnlineRecord, Shortcut, Training, feature, learn_online, shortcut, stack

BATCH = 32
TIMES = 12  # numbers of samples, geometric
RATES = {"SGD": (0.05, 0.5), "Adam": (0.003, 0.02)}  # learning rates, log-uniform
EARLIER = 10  # times fewer samples
CROSSING = tuple(  # environments in which students switch from the spurious feature to the intended one
    shortcut(feature("parity", order=k, size=size), feature("length"), agreement=rho, label_noise=noise)
    for k, size, rho, noise in ((2, 4, 0.75, 0.1), (3, 10, 0.65, 0.05))
)
CROSSING_RATES = {"SGD": 0.5, "Adam": 0.01}
COPIES = 32  # of each of them: the last environments of each program
LINEAR = "linear SGD"
CLEAR = 3.0  # nats, odds of 20 in a mixture: below, a ratio means little, though the larger one is often relied on
CURRENT = "current log loss"
SAVED = "code length saved"  # the predictor of C10, and variants of it
TENTH, LINEAR_SAVED, OPTIMISER, HALF = (
    f"{SAVED}, {of}" for of in ("a tenth of the samples", "linear learner", "other optimiser", "last half")
)


class Measures(NamedTuple):
    """The measures of a student in each environment by each number of samples."""

    samples: np.ndarray  # [time]
    reliance: np.ndarray  # [environment, time], of the learner of both features: on the spurious one
    nats_saved: np.ndarray  # [environment, time, feature], code length saved by the single-feature learners
    earlier: np.ndarray  # likewise, after samples / EARLIER
    half: np.ndarray  # likewise, of the last half of the samples alone
    current: np.ndarray  # likewise, of the last WINDOW of the samples: the log loss now
    accuracy: np.ndarray  # of the single-feature learners, likewise
    first: (
        np.ndarray
    )  # samples until a single-feature learner has saved CLEAR nats, inf if never [environment, feature]


class StudentResult(NamedTuple):
    """A student in all environments, and in those of CROSSING."""

    measures: Measures
    crossing: Curves  # [environment, seed, ...]


class Students(NamedTuple):
    """All students, in the same environments with the same samples."""

    results: dict[str, StudentResult]
    known: dict[
        str, np.ndarray
    ]  # before any training: the feature with the larger one comes first [environment, feature]


@study(
    "thesis/students",
    num_environments=256,
    num_steps=128,
    learners=("table SGD", LINEAR, "MLP SGD", "MLP Adam"),
    full={"num_environments": 1000, "num_steps": 512},
)
def students(key: jax.Array, *, num_environments: int, num_steps: int, learners: tuple[str, ...]) -> Students:
    """Each student learns once in each environment, then in COPIES of those of CROSSING."""
    drawing, learning, fitting = jax.random.split(key, 3)
    rng = generator(drawing)
    drawn = [environments.random_shortcut(rng) for _ in range(num_environments)]
    places = rng.random(num_environments)  # of the learning rates, within their range
    keys = jax.random.split(learning, (num_environments + COPIES * len(CROSSING), 1))
    results = {name: learn(keys, name, drawn, places, num_steps) for name in learners}
    return Students(results, known(drawn, environments.linear_fits(fitting, drawn)))


def learn(keys: jax.Array, name: str, drawn: list[Shortcut], places: np.ndarray, num_steps: int) -> StudentResult:
    """A student in the environments drawn, then in COPIES of those of CROSSING."""
    optimizer = name.split()[-1]
    low, high = np.log(RATES[optimizer])
    copies = [one for one in CROSSING for _ in range(COPIES)]
    learned = learn_online(
        sandbox.shard(keys),
        stack([*drawn, *copies]),
        STUDENTS[name],
        num_steps=num_steps,
        batch=BATCH,
        training=Training(
            learning_rate=np.append(np.exp(low + places * (high - low)), [CROSSING_RATES[optimizer]] * len(copies))
        ),
    )
    alone = jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0], learned._replace(policy=()))
    crossing = jax.tree.map(lambda leaf: leaf[len(drawn) :].reshape(len(CROSSING), COPIES, *leaf.shape[1:]), alone)
    measures = measures_of(jax.tree.map(lambda leaf: leaf[: len(drawn)], alone))
    return StudentResult(measures, learning_curves(crossing, batch=BATCH))


def measures_of(record: OnlineRecord) -> Measures:
    """The measures of online learning, leaves [environment, learner, step]."""
    found, alone = learning_curves(record, batch=BATCH, points=TIMES), [INTENDED, SPURIOUS]
    saved = np.pad(nats_saved(record.loss[:, alone], BATCH), ((0, 0), (0, 0), (1, 0)))  # by step, from none on
    steps = found.samples // BATCH
    now, earlier, half, before = (
        saved[..., n] for n in (steps, np.maximum(steps // EARLIER, 1), steps // 2, (steps * (1 - WINDOW)).astype(int))
    )
    by_time = (np.moveaxis(x, 1, 2) for x in (now, earlier, now - half, now - before, found.accuracy[:, alone]))
    clear = saved > CLEAR
    first = np.where(clear.any(-1), BATCH * clear.argmax(-1), np.inf)
    return Measures(found.samples, found.reliance, *by_time, first=first)


def known(drawn: list[Shortcut], fits: np.ndarray) -> dict[str, np.ndarray]:
    """Predictors, before any training, of the feature that is learned first.

    "order" is the lower degree, and where both have the same the larger information.
    """
    informations = feature_information(drawn)
    agreements = np.stack([np.asarray(one.agreement, float) for one in drawn])
    degrees = np.array([[environments.degree(block) for block in one[:2]] for one in drawn])
    return {
        "always spurious": np.broadcast_to([0.0, 1.0], informations.shape),
        "information": informations,
        "correlation": np.abs(2 * agreements - 1),
        "linear fit": fits,
        "order": -degrees + informations,  # nats of a bit are below 1
    }


def scores(found: Students, name: str) -> dict[str, np.ndarray]:
    """Predictors of the feature that a student relies on [environment, time]: > 0 spurious, < 0 intended, 0 a tie."""
    measures = found.results[name].measures
    model, optimizer = name.rsplit(" ", 1)
    other = f"{model} {'SGD' if optimizer == 'Adam' else 'Adam'}"
    pairs = {
        SAVED: measures.nats_saved,
        **{how: values[:, None].repeat(measures.samples.size, 1) for how, values in found.known.items()},
        "accuracy": measures.accuracy,
        CURRENT: measures.current,
        HALF: measures.half,
        TENTH: measures.earlier,
        LINEAR_SAVED: found.results[LINEAR].measures.nats_saved,
    }
    if other in found.results:
        pairs[OPTIMISER] = found.results[other].measures.nats_saved
    return {how: np.subtract(pair[..., 1], pair[..., 0]) for how, pair in pairs.items()}
