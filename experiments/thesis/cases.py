"""The environments in which the thesis fails, their controls, and those that are sped up: one program a student."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import jax
import numpy as np

import sandbox
from experiments.harness.ledger import Settings
from experiments.harness.study import study
from experiments.questions.shortcut.curves import Curves, curves
from experiments.thesis.study import LINEAR
from sandbox.shortcuts import ONCE, STUDENTS, Feature, Shortcut, Training, feature, shortcut, stack

MLP = "MLP Adam"
NUM_STEPS = 384  # batches of 32
STEPS = {MLP: NUM_STEPS, LINEAR: 128}  # with 288 runs, the linear student's program is one that `study` has compiled


class Case(NamedTuple):
    """What one race is run in; `text` says so in words."""

    text: str
    environment: Shortcut
    training: Training = ONCE
    curriculum: Shortcut | None = None
    student: str = MLP
    times: int = 1  # as many seeds; the first ones of all cases see the same samples


def _bits(order: int) -> Feature:
    return feature("parity", order=order)


def _equal(both: Feature, agreement: float, label_noise: float) -> Shortcut:
    """The spurious component is written as the intended one is."""
    return shortcut(both, both, agreement=agreement, label_noise=label_noise)


def _against_length(intended: Feature, agreement: float, label_noise: float = 0.1) -> Shortcut:
    return shortcut(intended, feature("length"), agreement=agreement, label_noise=label_noise)


def _xor(margin: float, label_noise: float = 0.1) -> Shortcut:
    """The intended sign is the product of those of two numbers, each at least `margin` from 0."""
    return _against_length(feature("two-layer", margin=margin), 0.75, label_noise)


def _sign(scale: float, agreement: float, label_noise: float) -> Shortcut:
    """Two features, each a sign, the intended one scaled."""
    sizes = (feature("parity", size=1, scale=x) for x in (scale, 1.0))
    return shortcut(*sizes, agreement=agreement, label_noise=label_noise)


SMALL = _against_length(feature("parity", scale=0.1), 0.75, 0.05)
_SMALL = "a bit at scale .1, right in .95 of the labels, against a length at 1, right in .75"
_REPEATS = "a parity of 3, right in all labels, against a length, right in .9"
_XOR = "XOR of the signs of two numbers against a length, right in .75 of the labels"
_PARITY = "a parity of 3, right in .9 of the labels, against a length, right in .8"
_SIGNS = "two signs, right in .95 and .75 of the labels"
_RATE = "two signs, right in .9 and .8 of the labels, learning rate"
NEAR = (0.84, 0.75)  # agreements of the lesser of two bits, the other having .9

CASES: dict[str, Case] = {
    "tie": Case("two bits, each right in .9 of the labels", _equal(_bits(1), 0.9, 0.1), times=2),
    **{
        f"near tie {rho}": Case(f"two bits, right in .9 and {rho:g} of the labels", _equal(_bits(1), rho, 0.1))
        for rho in NEAR
    },
    "broken tie": Case("two parities of 2 bits, right in all labels", _equal(_bits(2), 1.0, 0.0), times=5),
    "decay": Case(f"{_SMALL}, weight decay 4", SMALL, Training(weight_decay=4.0)),
    "no decay": Case(f"{_SMALL}, no weight decay", SMALL),
    "repeats": Case(f"{_REPEATS}, 128 samples 96 times", _against_length(_bits(3), 0.9, 0.0), Training(num_batches=4)),
    "fresh": Case(f"{_REPEATS}, each sample once", _against_length(_bits(3), 0.9, 0.0)),
    "lag": Case(
        "a parity of 3, right in .85 of the labels, against a length, right in .81",
        _against_length(_bits(3), 0.81, 0.15),
        times=3,
    ),
    "xor": Case(f"{_XOR}, margin .1, label noise .1", _xor(0.1), times=2),
    "features": Case(f"{_XOR}, margin .4", _xor(0.4), times=2),
    "verdicts": Case(f"{_XOR}, label noise .02", _xor(0.1, 0.02), times=2),
    "curriculum": Case(
        f"{_XOR}, margin .6 in the first 2048 samples", _xor(0.1), Training(switch=64), _xor(0.6), times=2
    ),
    "parity": Case(_PARITY, _against_length(_bits(3), 0.8), times=2),
    "detour": Case(
        f"{_PARITY}, one bit in its place in the first 2048 samples",
        _against_length(_bits(3), 0.8),
        Training(switch=64),
        _against_length(_bits(1), 0.8),
        times=2,
    ),
    "scale": Case(f"{_SIGNS}, the first at scale .3", _sign(0.3, 0.75, 0.05), Training(0.1), None, LINEAR, 6),
    "no scale": Case(f"{_SIGNS}, both at scale 1", _sign(1.0, 0.75, 0.05), Training(0.1), None, LINEAR, 6),
    "rate": Case(f"{_RATE} 100", _sign(1.0, 0.8, 0.1), Training(100.0), None, LINEAR, 6),
    "no rate": Case(f"{_RATE} .1", _sign(1.0, 0.8, 0.1), Training(0.1), None, LINEAR, 6),
}


def race_all(key: jax.Array, cases: Sequence[Case], num_seeds: int) -> list[Curves]:
    """The curves of some cases of one student, each [seed, ...]; cases[i].times as many seeds."""
    sizes = [num_seeds * case.times for case in cases]
    keys = jax.random.split(key, max(sizes))[np.concatenate([np.arange(size) for size in sizes]), None]
    runs = [case for case, size in zip(cases, sizes, strict=True) for _ in range(size)]
    learned = sandbox.learn_online(
        sandbox.shard(keys),
        stack([run.environment for run in runs]),
        STUDENTS[cases[0].student],
        num_steps=STEPS[cases[0].student],
        training=Training(*(np.array(leaf) for leaf in zip(*(run.training for run in runs), strict=True))),
        curriculum=stack([run.curriculum or run.environment for run in runs]),
    )
    found = curves(jax.tree.map(lambda leaf: np.asarray(leaf)[:, 0], learned._replace(policy=())))
    ends = np.cumsum([0, *sizes])
    return [found.pick(slice(start, end)) for start, end in pairwise(ends)]


@study("thesis/cases", num_seeds=12, full={"num_seeds": 48})
def of_student(key: jax.Array, student: str, *, num_seeds: int) -> dict[str, Curves]:
    """Every case of a student."""
    cases = {name: case for name, case in CASES.items() if case.student == student}
    return dict(zip(cases, race_all(key, list(cases.values()), num_seeds), strict=True))


def raced(settings: Settings, name: str) -> Curves:
    """The curves of a case, [seed, ...]; those of all cases of its student come at once."""
    return of_student(settings, CASES[name].student)[name]
