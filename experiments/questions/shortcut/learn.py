"""Learns the two features of a question online, for several shares of decorrelated labels, and reads off the answers.

Decorrelating a share δ of the labels from the spurious feature makes its agreement (1 − δ)ρ + δ/2.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from rich.console import Console
from scipy.special import rel_entr, stdtrit

from experiments.harness import progress
from experiments.harness.study import key_of
from experiments.questions.shortcut.curves import INTENDED, SPURIOUS, Curves, crossing, learning_curves
from experiments.validation import number, refuse, unknown
from sandbox import shard
from sandbox.shortcuts import KINDS, STUDENTS, Feature, Shortcut, Training, feature, learn_online, shortcut, stack
from sandbox.shortcuts.online import CONTEXT
from sandbox.validation import table
from theory import estimate
from theory.prequential import Crossover

BATCH = 32
FEWEST = 64 * BATCH  # samples of a question
SHARES = np.linspace(0, 1, 9)  # of decorrelated labels
MEANS = 4  # sample numbers for which the decorrelation is shown, a factor 4 apart
RATES = {"Adam": 0.01, "SGD": 0.2}
ORDERS = {"parity": 3, "threshold": 3, "pattern": 3}  # where none is given; 1 for others


class Question(NamedTuple):
    """An environment of two features, a student, and how long it learns; `question` makes one."""

    intended: str
    spurious: str
    environment: Shortcut
    student: str  # a key of STUDENTS
    learning_rate: float
    num_steps: int
    num_seeds: int

    def decorrelated(self, share: float) -> Shortcut:
        """The environment in which the spurious feature is independent of a share of the labels."""
        correct, agreement = np.asarray(self.environment.agreement)
        agreements = np.array([correct, (1 - share) * agreement + share / 2], np.float32)
        return self.environment._replace(agreement=agreements)


def question(
    *,
    agreement: float,
    label_noise: float = 0.1,
    intended: str = "parity",
    order: int | None = None,
    margin: float | None = None,
    scale: float = 1.0,
    spurious: str = "length",
    spurious_order: int | None = None,
    spurious_margin: float | None = None,
    spurious_scale: float = 1.0,
    student: Literal["MLP", "linear", "table"] = "MLP",
    optimizer: Literal["Adam", "SGD"] = "Adam",
    learning_rate: float | None = None,
    samples: int = 32_768,
    seeds: int = 8,
) -> Question:
    """The question that the options of `infoloop shortcut` ask; its help explains them."""
    blocks = [
        _block("intended", intended, ORDERS.get(str(intended), 1) if order is None else order, margin, scale),
        _block("spurious", spurious, 1 if spurious_order is None else spurious_order, spurious_margin, spurious_scale),
    ]
    for option, accepted, given in (("student", ("MLP", "linear", "table"), student), ("optimizer", RATES, optimizer)):
        if given not in tuple(accepted):
            raise unknown(f"--{option}", str(given), accepted)
    for option, block in zip(("intended", "spurious"), blocks, strict=True):
        kind, needed = list(KINDS)[int(block.kind)], KINDS[list(KINDS)[int(block.kind)]].needs(int(block.order))
        if student == "table" and kind in ("parity", "two-layer") and needed > CONTEXT:
            given = f"{kind} of {int(block.order)}"
            raise refuse(f"--{option}", given, f"{CONTEXT} columns or fewer, since a table sees no more of a block")
    rate = RATES[optimizer] if learning_rate is None else learning_rate
    number("--agreement", agreement, lambda x: 0.5 <= x <= 1, "a share from 0.5 to 1")
    number("--label-noise", label_noise, lambda x: 0 <= x < 0.5, "a share from 0 to below 0.5")
    number("--samples", samples, lambda x: FEWEST <= x < np.inf and x == int(x), f"{FEWEST} or more")
    accepted = "2 or more, since they give the errors"
    number("--seeds", seeds, lambda x: 2 <= x < np.inf and x == int(x), accepted)
    number("--learning-rate", rate, lambda x: 0 < x < np.inf, "a number above 0")
    environment = shortcut(blocks[0], blocks[1], agreement=agreement, label_noise=label_noise)
    names = [_name(kind, int(block.order)) for kind, block in zip((intended, spurious), blocks, strict=True)]
    if names[0] == names[1]:
        names = [f"the {option} {name}" for option, name in zip(("intended", "spurious"), names, strict=True)]
    steps = -(-samples // BATCH)
    table("--samples", 9 * steps * seeds * SHARES.size)
    return Question(names[0], names[1], environment, f"{student} {optimizer}", rate, steps, seeds)


def _block(option: str, kind: str, order: int, margin: float | None, scale: float) -> Feature:
    """The feature of an option; a bit is a parity of order 1."""
    if kind not in ("bit", *KINDS):
        raise unknown(f"--{option}", kind, ["bit", *KINDS])
    try:  # the checks of a feature call its order what is --spurious-order here
        if kind == "bit" and order != 1:
            raise refuse("order", order, "with bit 1")
        return feature("parity" if kind == "bit" else kind, order=order, margin=margin, scale=scale)
    except ValueError as error:
        raise ValueError(f"--{'spurious-' * (option == 'spurious')}{error}") from None


def _name(kind: str, order: int) -> str:
    """A feature in words."""
    return kind if order == 1 or kind in ("bit", "length") else f"{kind} of {order}"


def answer(question: Question, seed: int = 0, console: Console | None = None) -> Curves:
    """The curves for each of SHARES, [share, seed, learner, n]: one program, run once a share."""
    keys = shard(jax.random.split(key_of(seed, "race"), question.num_seeds))[:, None]
    options: dict[str, Any] = {"num_steps": question.num_steps, "batch": BATCH}
    options["training"] = Training(learning_rate=question.learning_rate)
    found = []
    with progress.steps(console or Console(stderr=True), "learning", SHARES.size) as step:
        for share in SHARES:
            with step(f"δ = {share:.3g}"):
                seeds = stack([question.decorrelated(share)] * question.num_seeds)  # on axis 0, which the devices share
                learned = learn_online(keys, seeds, STUDENTS[question.student], **options)
                found.append(learning_curves(jax.tree.map(lambda leaf: leaf[:, 0], learned), batch=BATCH))
    return Curves(found[0].samples, *(np.stack(leaves) for leaves in zip(*(one[1:] for one in found), strict=True)))


def decorrelation(found: Curves, n: int) -> tuple[Crossover, Crossover]:
    """The share δ of decorrelated labels at which the student relies on the intended feature, at the n-th number.

    Predicted where the single-feature learners have saved equally much; measured where the reliance is ½. Infinite
    where that is not clear at δ = 1: the intended feature is not learned yet, and no share is enough.
    """
    never = Crossover(*(jnp.asarray(jnp.inf) for _ in range(3)))
    leads = found.lead[..., n], 0.5 - found.reliance[..., n]
    learned = found.nats_saved[-1, :, INTENDED, n], 0.5 - found.reliance[-1, :, n]
    predicted, measured = (
        crossing(lead.T, SHARES) if clear(one) else never for lead, one in zip(leads, learned, strict=True)
    )
    return predicted, measured


def clear(values: np.ndarray, comparisons: int = 1) -> np.ndarray:
    """Whether the mean over seeds, axis 0, is above 0 by Student's t at 97.5 %, or in one of so many comparisons."""
    mean, stderr, seeds = estimate(values)
    return np.asarray(mean > stdtrit(seeds - 1, 1 - 0.025 / comparisons) * stderr)


def learned_first(found: Curves) -> int | None:
    """The index of the first sample number at which one single-feature learner clearly saves code length, and more."""
    count = found.samples.size
    clearly = [
        clear(sign * found.lead, count) & clear(found.nats_saved[:, i], count)
        for i, sign in ((INTENDED, 1), (SPURIOUS, -1))
    ]
    at = np.flatnonzero(clearly[0] | clearly[1])
    return int(at[0]) if at.size else None


def numbers(found: Curves) -> Sequence[int]:
    """Indices of the sample numbers for which a decorrelation is shown."""
    wanted = (max(found.samples[-1] / 4**i, found.samples[0]) for i in range(MEANS))
    return sorted({found.at(n) for n in wanted})


def feature_information(shortcuts: Sequence[Shortcut]) -> Float[np.ndarray, "environment 2"]:
    """I(Y; block) in nats of the intended and of the spurious block, exact.

    With p(evidence | sign) of `Feature.evidence`, and a sign that is the label's with probability a:
    p(y, e) = ½ [a p(e | y) + (1 − a) p(e | −y)].
    """
    stack(shortcuts)  # which refuses what is no list of environments
    joints = np.array(
        [
            [np.array([[a, 1 - a], [1 - a, a]]) @ block.evidence() / 2 for block, a in zip(one[:2], rates, strict=True)]
            for one, rates in ((one, np.asarray(one.agreement, float)) for one in shortcuts)
        ]
    )
    return rel_entr(joints, joints.sum(-1, keepdims=True) * joints.sum(-2, keepdims=True)).sum((-2, -1))
