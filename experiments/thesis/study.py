"""The study behind C10: every student in the same random environments, and all that could say what it will rely on."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
from experiments.closed_loop.loops import stream
from experiments.ledger import Settings
from experiments.thesis import environments
from experiments.thesis.curves import INTENDED, SPURIOUS, Curves, curves
from sandbox.components import Shortcut, component, shortcut, stack
from sandbox.online import STUDENTS, Race, Student, Training, races
from sandbox.training import ADAM
from theory import prequential

STREAM = 112  # and the next
BATCH = 32
TIMES = 12  # numbers of samples, geometric
RATES = {"SGD": (0.05, 0.5), "Adam": (0.003, 0.02)}  # learning rates, log-uniform
EARLIER = 10  # times fewer samples
RACE = shortcut(component("parity", order=3), component("length"), agreement=0.8, label_noise=0.1)
RACE_RATES = {"SGD": 0.2, "Adam": 0.01}
COPIES = 8  # of RACE, for its figure: the last environments of each program
SMALL, SMALL_SAVING = "MLP of 8 Adam", "saving, 8 hidden units"
LEARNERS = STUDENTS | {SMALL: Student((8,), ADAM)}
CLEARLY = 0.1  # a reliance that far from ½ is one on the one component or the other
TURNS_FROM = 2 / 3  # a reliance; one nearer to ½ may be chance, in the few samples of the first windows


class Size(NamedTuple):
    """Environments, seeds in each, and steps of BATCH samples."""

    environments: int
    seeds: int
    steps: int


class Cells(NamedTuple):
    """What a student had done in each environment by each number of samples; means over seeds."""

    samples: np.ndarray  # [time]
    reliance: np.ndarray  # [environment, time], of the learner of both: on the spurious component
    saving: np.ndarray  # [environment, time, component], nats, of the learners of one
    earlier: np.ndarray  # likewise, after samples / EARLIER
    right: np.ndarray  # likewise, the share of labels


class Turns(NamedTuple):
    """When a student turns to the intended component for good: samples, 0 from the start, inf not within the study."""

    predicted: np.ndarray  # [environment], the larger saving
    measured: np.ndarray  # [environment], a reliance below ½
    clear: np.ndarray  # [environment], whether reliance was above TURNS_FROM, and ends below 1 less that


class Study(NamedTuple):
    """One of LEARNERS in all environments, and in RACE [seed, ...]."""

    cells: Cells
    turns: Turns
    race: Curves


def size(settings: Settings) -> Size:
    """Of the study; each environment is one for all students."""
    return Size(1000, 2, 1024) if settings.full else Size(248, 1, 256)


@cache
def shortcuts(settings: Settings) -> tuple[Shortcut, ...]:
    """The environments."""
    rng = np.random.default_rng(settings.seed)
    return tuple(environments.random_shortcut(rng) for _ in range(size(settings).environments))


@cache
def studied(settings: Settings) -> dict[str, Study]:
    """All learners, two at once: to compile keeps one core busy, and takes as long as to run."""
    names = [*STUDENTS, *([SMALL] if settings.full else [])]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(partial(_studied, settings), names), strict=True))


def _studied(settings: Settings, name: str) -> Study:
    """A learner in all environments, then in COPIES of RACE."""
    optimizer = name.split()[-1]
    all_of_them = [*shortcuts(settings), *[RACE] * COPIES]
    num_seeds, num_steps = size(settings)[1:]
    keys = jax.random.split(stream(settings, STREAM), (len(all_of_them), num_seeds))
    rng = np.random.default_rng((settings.seed, 1))
    low, high = np.log(RATES[optimizer])
    rates = np.exp(rng.uniform(low, high, len(all_of_them)))
    rates[-COPIES:] = RACE_RATES[optimizer]
    race = races(
        sandbox.spread(keys),
        stack(all_of_them),
        LEARNERS[name],
        num_steps=num_steps,
        batch=BATCH,
        training=Training(learning_rate=rates),
    )
    found, copies = (
        jax.tree.map(lambda leaf, part=part: np.asarray(leaf[part]), race._replace(policy=()))
        for part in (slice(-COPIES), slice(-COPIES, None))
    )
    seeds = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), copies)
    return Study(cells_of(found), turns_of(curves(found, batch=BATCH)), curves(seeds, batch=BATCH))


def cells_of(race: Race) -> Cells:
    """The cells of a race, [environment, seed, learner, step]."""
    found, alone = curves(race, batch=BATCH, points=TIMES), [INTENDED, SPURIOUS]
    saved = np.asarray(prequential.saving(np.asarray(race.loss, float).mean(1)[:, alone], math.log(2), batch=BATCH))
    earlier = saved[..., np.maximum(found.samples // (EARLIER * BATCH), 1) - 1]
    by_time = (np.moveaxis(x, 1, 2) for x in (found.saving.mean(1)[:, alone], earlier, found.right.mean(1)[:, alone]))
    return Cells(found.samples, found.reliance.mean(1), *by_time)


def turns_of(found: Curves) -> Turns:
    """The turns of the mean over seeds, of curves [environment, seed, ...]."""

    def turn(lead: jax.Array) -> jax.Array:
        return prequential.crossing(jnp.stack([lead, lead]), found.samples).at  # of a mean, its error is not asked for

    reliance = found.reliance.mean(1)
    predicted, measured = np.asarray(jax.vmap(jax.vmap(turn))(jnp.stack([found.lead.mean(1), 0.5 - reliance])))
    return Turns(predicted, measured, (reliance.max(1) > TURNS_FROM) & (reliance[:, -1] < 1 - TURNS_FROM))


@cache
def known(settings: Settings) -> dict[str, np.ndarray]:
    """What says, before any training, which component will be learned first: the larger one [environment, component].

    "order" is the lower degree, and where both have the same the larger information.
    """
    found = shortcuts(settings)
    informations = environments.information(found)
    agreements = np.stack([np.asarray(one.agreement, float) for one in found])
    degrees = np.array([[environments.degree(block) for block in one[:2]] for one in found])
    return {
        "always the spurious one": np.broadcast_to([0.0, 1.0], informations.shape),
        "information": informations,
        "correlation": np.abs(2 * agreements - 1),
        "linear fit": environments.linear_fits(stream(settings, STREAM + 1), found),
        "order": -degrees + informations,  # nats of a bit are below 1
    }


def scores(settings: Settings, name: str) -> dict[str, np.ndarray]:
    """All that could say what a student relies on [environment, time]: > 0 for the spurious component, 0 for either."""
    found = studied(settings)[name].cells
    model, optimizer = name.rsplit(" ", 1)
    other = studied(settings)[f"{model} {'SGD' if optimizer == 'Adam' else 'Adam'}"].cells
    linear = studied(settings)[f"linear {optimizer}"].cells
    pairs = {
        "saving": found.saving,
        **{how: values[:, None].repeat(found.samples.size, 1) for how, values in known(settings).items()},
        "accuracy": found.right,
        "saving, a tenth of the samples": found.earlier,
        "saving, other optimiser": other.saving,
        "saving, linear learner": linear.saving,
    }
    if settings.full and name == "MLP Adam":
        pairs[SMALL_SAVING] = studied(settings)[SMALL].cells.saving
    return {how: np.subtract(pair[..., 1], pair[..., 0]) for how, pair in pairs.items()}
