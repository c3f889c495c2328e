"""Scenarios in which the thesis fails, their controls, and those that are sped up: one program a student."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import numpy as np

import sandbox
from experiments.harness.ledger import Settings
from experiments.harness.study import study
from experiments.questions.shortcut import Curves, learning_curves
from experiments.thesis.study import LINEAR
from sandbox.shortcuts import ONCE, STUDENTS, Feature, Shortcut, Training, feature, shortcut, stack

MLP = "MLP Adam"
NUM_STEPS = 384  # batches of 32
STEPS = {MLP: NUM_STEPS, LINEAR: 128}  # with 288 runs, the linear student's program is one that `study` has compiled


class Scenario(NamedTuple):
    """An environment and how a student learns in it; `text` is that in words."""

    text: str
    environment: Shortcut
    training: Training = ONCE
    curriculum: Shortcut | None = None
    student: str = MLP
    times: int = 1  # as many seeds; the first ones of all scenarios see the same samples


def _bits(order: int) -> Feature:
    return feature("parity", order=order)


def _equal(both: Feature, agreement: float, label_noise: float) -> Shortcut:
    """The spurious feature is written as the intended one is."""
    return shortcut(both, both, agreement=agreement, label_noise=label_noise)


def _against_length(intended: Feature, agreement: float, label_noise: float = 0.1) -> Shortcut:
    return shortcut(intended, feature("length"), agreement=agreement, label_noise=label_noise)


def _xor(margin: float, label_noise: float = 0.1) -> Shortcut:
    """The intended sign is the product of those of two numbers, each at least `margin` from 0."""
    return _against_length(feature("two-layer", margin=margin), 0.75, label_noise)


def _sign(scale: float, agreement: float, label_noise: float) -> Shortcut:
    """Two signs, the intended one scaled."""
    sizes = (feature("parity", size=1, scale=x) for x in (scale, 1.0))
    return shortcut(*sizes, agreement=agreement, label_noise=label_noise)


SMALL = _against_length(feature("parity", scale=0.1), 0.75, 0.05)
_SMALL = "a bit at scale .1, of agreement .95 with the label, against a length at 1, of agreement .75"
_REPEATS = "a parity of 3, of agreement 1, against a length, of agreement .9"
_XOR = "XOR of the signs of two numbers against a length, of agreement .75"
_PARITY = "a parity of 3, of agreement .9, against a length, of agreement .8"
_SIGNS = "two signs, of agreements .95 and .75"
_RATE = "two signs, of agreements .9 and .8, learning rate"
NEAR = (0.84, 0.75)  # the smaller agreement of two bits, the other being .9

SCENARIOS: dict[str, Scenario] = {
    "tie": Scenario("two bits, each of agreement .9", _equal(_bits(1), 0.9, 0.1), times=2),
    **{
        f"near tie {rho}": Scenario(f"two bits, of agreements .9 and {rho:g}", _equal(_bits(1), rho, 0.1))
        for rho in NEAR
    },
    "broken tie": Scenario("two parities of 2 bits, of agreement 1", _equal(_bits(2), 1.0, 0.0), times=5),
    "decay": Scenario(f"{_SMALL}, weight decay 3.5", SMALL, Training(weight_decay=3.5)),
    "no decay": Scenario(f"{_SMALL}, no weight decay", SMALL),
    "repeats": Scenario(
        f"{_REPEATS}, 128 samples 96 times", _against_length(_bits(3), 0.9, 0.0), Training(num_batches=4)
    ),
    "fresh": Scenario(f"{_REPEATS}, each sample once", _against_length(_bits(3), 0.9, 0.0)),
    "lag": Scenario(
        "a parity of 3, of agreement .85, against a length, of agreement .81",
        _against_length(_bits(3), 0.81, 0.15),
        times=3,
    ),
    "xor": Scenario(f"{_XOR}, margin .1, label noise .1", _xor(0.1), times=2),
    "features": Scenario(f"{_XOR}, margin .4", _xor(0.4), times=2),
    "verdicts": Scenario(f"{_XOR}, label noise .02", _xor(0.1, 0.02), times=2),
    "curriculum": Scenario(
        f"{_XOR}, margin .6 in the first 2048 samples", _xor(0.1), Training(switch=64), _xor(0.6), times=2
    ),
    "parity": Scenario(_PARITY, _against_length(_bits(3), 0.8), times=2),
    "detour": Scenario(
        f"{_PARITY}, one bit in its place in the first 2048 samples",
        _against_length(_bits(3), 0.8),
        Training(switch=64),
        _against_length(_bits(1), 0.8),
        times=2,
    ),
    "scale": Scenario(f"{_SIGNS}, the first at scale .3", _sign(0.3, 0.75, 0.05), Training(0.1), None, LINEAR, 6),
    "no scale": Scenario(f"{_SIGNS}, both at scale 1", _sign(1.0, 0.75, 0.05), Training(0.1), None, LINEAR, 6),
    "rate": Scenario(f"{_RATE} 100", _sign(1.0, 0.8, 0.1), Training(100.0), None, LINEAR, 6),
    "no rate": Scenario(f"{_RATE} .1", _sign(1.0, 0.8, 0.1), Training(0.1), None, LINEAR, 6),
}


def learn_all(key: jax.Array, scenarios: Sequence[Scenario], num_seeds: int) -> list[Curves]:
    """The curves of some scenarios of one student, each [seed, ...]; scenarios[i].times as many seeds."""
    sizes = [num_seeds * one.times for one in scenarios]
    keys = jax.random.split(key, max(sizes))[np.concatenate([np.arange(size) for size in sizes]), None]
    runs = [one for one, size in zip(scenarios, sizes, strict=True) for _ in range(size)]
    learned = sandbox.learn_online(
        sandbox.shard(keys),
        stack([run.environment for run in runs]),
        STUDENTS[scenarios[0].student],
        num_steps=STEPS[scenarios[0].student],
        training=Training(*(np.array(leaf) for leaf in zip(*(run.training for run in runs), strict=True))),
        curriculum=stack([run.curriculum or run.environment for run in runs]),
    )
    found = learning_curves(jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0], learned._replace(policy=())))
    ends = np.cumsum([0, *sizes])
    return [found.pick(slice(start, end)) for start, end in pairwise(ends)]


@study("thesis/cases", num_seeds=12, full={"num_seeds": 48})
def of_student(key: jax.Array, student: str, *, num_seeds: int) -> dict[str, Curves]:
    """Every scenario of a student."""
    found = {name: one for name, one in SCENARIOS.items() if one.student == student}
    return dict(zip(found, learn_all(key, list(found.values()), num_seeds), strict=True))


def learned(settings: Settings, name: str) -> Curves:
    """The curves of a scenario, [seed, ...]; those of all scenarios of its student come at once."""
    return of_student(settings, SCENARIOS[name].student)[name]
