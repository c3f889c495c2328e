"""Learners that leave nothing unused: of data and a signal, and of the verdicts of a loop.

X is which of 4 symbols is correct, all equally likely; a model is a distribution z over them. The learners move its
logits, and E ln 4 z(X) ≤ I(X;Z), with equality where z is the posterior (Barber & Agakov 2003): no plug-in bias.
"""

from typing import NamedTuple

import jax
import numpy as np
from scipy.special import log_softmax, softmax, xlogy

import theory
from experiments.harness.study import generator, study
from theory import drift

NUM_SYMBOLS, NUM_REAL = 4, 6
CORRECT, WRONG = 0.4, 0.2  # the probability of the correct symbol in real data, and of each other one
VERIFIER = np.array([0.9, 0.3])  # (tpr, fpr)
ANNOTATOR = 0.7  # how often an annotator is right; else a wrong label at random
NUM_GENERATIONS, NUM_PROPOSALS = 6, 3  # the latter in each generation, or as many accepted
X = np.arange(NUM_SYMBOLS)
SAME = np.eye(NUM_SYMBOLS, dtype=bool)
LABEL = np.where(SAME, ANNOTATOR, (1 - ANNOTATOR) / (NUM_SYMBOLS - 1))  # P(label | what is labelled)
EVIDENCE = np.log(VERIFIER[0] / VERIFIER[1]), np.log((1 - VERIFIER[0]) / (1 - VERIFIER[1]))  # of yes, and of no


class Learned(NamedTuple):
    """What a model knows against what its data and its signal carry, in nats."""

    score: np.ndarray  # ln 4 z(X) [replica]
    of_data: float  # I(X;D)
    alone: float  # I(X;S)
    beyond: float  # I(X;S|D)
    setting: str


@study("open-loop/data-and-signal", independent=("signal",), num_replicas=20_000, full={"num_replicas": 200_000})
def data_and_signal(key: jax.Array, signal: str, *, num_replicas: int) -> Learned:
    """A model fitted to real samples, moved by a signal: a verdict on its best guess, a label, or a copied label.

    The copied label is that of an annotator who saw nothing but the same data: the guess, through the same noise.
    """
    rng = generator(key)
    counts = np.asarray(drift.lattice(NUM_REAL, NUM_SYMBOLS))
    guess = counts.argmax(1)
    data = np.stack([drift.initial(NUM_REAL, np.where(SAME[x], CORRECT, WRONG)) for x in X])  # p(d|x)
    correct = guess == X[:, None]  # [x, d]
    accepted = np.where(correct, *VERIFIER)
    given = {  # p(s|x,d) [x, d, s]
        "verdict": np.stack([1 - accepted, accepted], axis=2),
        "label": np.broadcast_to(LABEL[:, None], (NUM_SYMBOLS, len(counts), NUM_SYMBOLS)),
        "copied label": np.broadcast_to(LABEL[guess], (NUM_SYMBOLS, len(counts), NUM_SYMBOLS)),
    }[signal]
    joint = data[:, :, None] * given / NUM_SYMBOLS

    x = rng.integers(NUM_SYMBOLS, size=num_replicas)
    samples = np.where(rng.random((num_replicas, NUM_REAL)) < CORRECT - WRONG, x[:, None], -1)  # else any
    samples = np.where(samples < 0, rng.integers(NUM_SYMBOLS, size=samples.shape), samples)
    seen = (samples[:, :, None] == X).sum(1)
    best = seen.argmax(1)
    logits = seen * np.log(CORRECT / WRONG)
    if signal == "verdict":
        yes = rng.random(num_replicas) < np.where(best == x, *VERIFIER)
        logits += np.where(yes, *EVIDENCE)[:, None] * SAME[best]
    if signal == "label":
        wrong = (x + rng.integers(1, NUM_SYMBOLS, size=num_replicas)) % NUM_SYMBOLS
        label = np.where(rng.random(num_replicas) < ANNOTATOR, x, wrong)
        logits += np.log(LABEL[label])
    score = np.log(NUM_SYMBOLS) + log_softmax(logits, axis=1)[np.arange(num_replicas), x]
    of_data, alone = (float(theory.mutual_information(table)) for table in (joint.sum(2), joint.sum(1)))
    beyond = float(theory.conditional_mutual_information(np.moveaxis(joint, 1, 2)))
    setting = f"{NUM_SYMBOLS} symbols, {NUM_REAL} real samples ({CORRECT:g} correct), {signal}, {num_replicas} replicas"
    return Learned(score, of_data, alone, beyond, setting)


class Weighed(NamedTuple):
    """What a loop gains and what its verdicts inject, summed over the generations, in nats [replica]."""

    gained: np.ndarray
    injected: np.ndarray
    setting: str


@study("open-loop/weighing", independent=("until_kept",), num_replicas=8_000, full={"num_replicas": 80_000})
def weighing(key: jax.Array, until_kept: bool, rejected_too: bool, *, num_replicas: int) -> Weighed:
    """A model that moves its logits by the evidence of each verdict, or by that of the accepted outputs alone.

    `rejected_too`: it learns from rejected outputs, too; else it knows of them at most how many there were. Each
    generation has proposals from the model at its start; the injected information is I(X;S_t|Z_t,D_t), verdict by
    verdict, each given those before it.
    """
    rng = generator(key)
    replica, x = np.arange(num_replicas), rng.integers(NUM_SYMBOLS, size=num_replicas)
    logits = start = np.zeros((num_replicas, NUM_SYMBOLS))
    injected = np.zeros(num_replicas)
    for _ in range(NUM_GENERATIONS):
        probs = softmax(logits, axis=1)
        accept = VERIFIER[1] + (VERIFIER[0] - VERIFIER[1]) * probs  # P(a proposal is accepted | x)
        known, kept = logits.copy(), logits.copy()
        asked, accepted = np.zeros(num_replicas, int), np.zeros(num_replicas, int)
        while (open_ := (accepted if until_kept else asked) < NUM_PROPOSALS).any():
            proposal = (probs.cumsum(1) < rng.random((num_replicas, 1))).sum(1).clip(max=NUM_SYMBOLS - 1)
            yes = rng.random(num_replicas) < np.where(proposal == x, *VERIFIER)
            injected += open_ * _verdict(softmax(known, axis=1)[replica, proposal])
            asked, accepted = asked + open_, accepted + (open_ & yes)
            known += (open_ * np.where(yes, *EVIDENCE))[:, None] * SAME[proposal]
            kept += (open_ & yes)[:, None] * EVIDENCE[0] * SAME[proposal]
        unseen = -np.log(accept) * accepted[:, None] if until_kept else (asked - accepted)[:, None] * np.log(1 - accept)
        logits = known if rejected_too else kept + unseen
    gained = (log_softmax(logits, axis=1) - log_softmax(start, axis=1))[replica, x]
    protocol = f"until {NUM_PROPOSALS} are accepted" if until_kept else f"{NUM_PROPOSALS} proposals, filtered"
    words = f"{NUM_SYMBOLS} symbols, verifier ({VERIFIER[0]:g}, {VERIFIER[1]:g}), {protocol}"
    return Weighed(gained, injected, f"{words}, {NUM_GENERATIONS} generations, {num_replicas} replicas")


def _verdict(share: np.ndarray) -> np.ndarray:
    """I(X;S) of one verdict on an output that is correct with probability `share`."""

    def entropy(p: np.ndarray | float) -> np.ndarray:
        return -xlogy(p, p) - xlogy(1 - np.asarray(p), 1 - np.asarray(p))

    tpr, fpr = VERIFIER
    return entropy(share * tpr + (1 - share) * fpr) - share * entropy(tpr) - (1 - share) * entropy(fpr)
