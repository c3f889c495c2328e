"""The study behind C10: every student in the same random environments, and all that could say what it will rely on."""

from typing import NamedTuple

import jax
import numpy as np

import sandbox
from experiments.harness.study import generator, study
from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves, curves, savings
from experiments.thesis import environments
from sandbox.shortcuts import STUDENTS, OnlineRecord, Shortcut, Training, feature, learn_online, shortcut, stack

BATCH = 32
TIMES = 12  # numbers of samples, geometric
RATES = {"SGD": (0.05, 0.5), "Adam": (0.003, 0.02)}  # learning rates, log-uniform
EARLIER = 10  # times fewer samples
TURNING = tuple(  # environments in which students turn from the spurious component to the intended one
    shortcut(feature("parity", order=k, size=size), feature("length"), agreement=rho, label_noise=noise)
    for k, size, rho, noise in ((2, 4, 0.75, 0.1), (3, 10, 0.65, 0.05))
)
TURNING_RATES = {"SGD": 0.5, "Adam": 0.01}
COPIES = 32  # of each of them: the last environments of each program
LINEAR = "linear SGD"


class Cells(NamedTuple):
    """What a student had done in each environment by each number of samples."""

    samples: np.ndarray  # [time]
    reliance: np.ndarray  # [environment, time], of the learner of both: on the spurious component
    nats_saved: np.ndarray  # [environment, time, component], nats, of the learners of one
    earlier: np.ndarray  # likewise, after samples / EARLIER
    correct: np.ndarray  # likewise, the share of labels


class Learned(NamedTuple):
    """A student in all environments, and in those of TURNING."""

    cells: Cells
    turning: Curves  # [environment, seed, ...]


class Study(NamedTuple):
    """All students, in the same environments with the same samples."""

    students: dict[str, Learned]
    known: dict[str, np.ndarray]  # before any training, the larger one is learned first [environment, component]


@study(
    "thesis/students",
    num_environments=256,
    num_steps=128,
    learners=("table SGD", LINEAR, "MLP SGD", "MLP Adam"),
    full={"num_environments": 1000, "num_steps": 512},
)
def students(key: jax.Array, *, num_environments: int, num_steps: int, learners: tuple[str, ...]) -> Study:
    """Each student learns once in each environment, then in COPIES of those of TURNING."""
    drawing, learning, fitting = jax.random.split(key, 3)
    rng = generator(drawing)
    drawn = [environments.random_shortcut(rng) for _ in range(num_environments)]
    places = rng.random(num_environments)  # of the learning rates, within their range
    keys = jax.random.split(learning, (num_environments + COPIES * len(TURNING), 1))
    learned = {name: learn(keys, name, drawn, places, num_steps) for name in learners}
    return Study(learned, known(drawn, environments.linear_fits(fitting, drawn)))


def learn(keys: jax.Array, name: str, drawn: list[Shortcut], places: np.ndarray, num_steps: int) -> Learned:
    """A student in the environments that were drawn, then in COPIES of those of TURNING."""
    optimizer = name.split()[-1]
    low, high = np.log(RATES[optimizer])
    copies = [one for one in TURNING for _ in range(COPIES)]
    learned = learn_online(
        sandbox.shard(keys),
        stack([*drawn, *copies]),
        STUDENTS[name],
        num_steps=num_steps,
        batch=BATCH,
        training=Training(
            learning_rate=np.append(np.exp(low + places * (high - low)), [TURNING_RATES[optimizer]] * len(copies))
        ),
    )
    alone = jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0], learned._replace(policy=()))
    turning = jax.tree.map(lambda leaf: leaf[len(drawn) :].reshape(len(TURNING), COPIES, *leaf.shape[1:]), alone)
    return Learned(cells_of(jax.tree.map(lambda leaf: leaf[: len(drawn)], alone)), curves(turning, batch=BATCH))


def cells_of(record: OnlineRecord) -> Cells:
    """The cells of a race, [environment, learner, step]."""
    found, alone = curves(record, batch=BATCH, points=TIMES), [INTENDED, SPURIOUS]
    earlier = savings(record.loss[:, alone], BATCH)[..., np.maximum(found.samples // (EARLIER * BATCH), 1) - 1]
    by_time = (np.moveaxis(x, 1, 2) for x in (found.nats_saved[:, alone], earlier, found.correct[:, alone]))
    return Cells(found.samples, found.reliance, *by_time)


def known(drawn: list[Shortcut], fits: np.ndarray) -> dict[str, np.ndarray]:
    """What says, before any training, which component will be learned first.

    "order" is the lower degree, and where both have the same the larger information.
    """
    informations = environments.information(drawn)
    agreements = np.stack([np.asarray(one.agreement, float) for one in drawn])
    degrees = np.array([[environments.degree(block) for block in one[:2]] for one in drawn])
    return {
        "always the spurious one": np.broadcast_to([0.0, 1.0], informations.shape),
        "information": informations,
        "correlation": np.abs(2 * agreements - 1),
        "linear fit": fits,
        "order": -degrees + informations,  # nats of a bit are below 1
    }


def scores(found: Study, name: str) -> dict[str, np.ndarray]:
    """All that could say what a student relies on [environment, time]: > 0 for the spurious component, 0 for either."""
    cells = found.students[name].cells
    model, optimizer = name.rsplit(" ", 1)
    twin = f"{model} {'SGD' if optimizer == 'Adam' else 'Adam'}"
    pairs = {
        "saving": cells.nats_saved,
        **{how: values[:, None].repeat(cells.samples.size, 1) for how, values in found.known.items()},
        "accuracy": cells.correct,
        "saving, a tenth of the samples": cells.earlier,
        "saving, linear learner": found.students[LINEAR].cells.nats_saved,
    }
    if twin in found.students:
        pairs["saving, other optimiser"] = found.students[twin].cells.nats_saved
    return {how: np.subtract(pair[..., 1], pair[..., 0]) for how, pair in pairs.items()}
