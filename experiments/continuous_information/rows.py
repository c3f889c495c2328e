"""The ledger's rows: claims on models whose information is known between two bounds only, and the bounds themselves."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import theory
from experiments.closed_loop.loops import stream
from experiments.continuous_information import coverage
from experiments.continuous_information.exact import information
from experiments.continuous_information.loops import case, enumerated_loops, studied
from experiments.ledger import STANDARD_ERRORS, Check, Outcome, Settings, bracketed, check, inequality
from theory.estimators import Bounds, classifier_bound, sandwich

LAST = 5  # the generation up to which the rows look
NUM_PROBLEMS, NUM_TASKS, NUM_STATES, NUM_SYMBOLS, NUM_MODELS = 512, 3, 5, 6, 40


def decided(bounds: Bounds, setting: str) -> Outcome:
    """A claim whose slack is between these bounds."""
    lower, upper = bounds.bracket()
    ends = (float(number) for end in (lower, upper) for number in (end.mean, end.stderr))
    return bracketed(*ends, setting=setting)


def at(bounds: Bounds, t: int) -> Bounds:
    """One generation's."""
    return Bounds(bounds.lower[:, t], bounds.upper[:, t])


def loss(name: str, loop: str, settings: Settings, *, last: int = LAST) -> Outcome:
    """C2: I(X;Z_0) − I(X;Z_t), both on the same replicas."""
    bounds = studied(settings, name, loop).bounds
    return decided(at(bounds, 0).minus(at(bounds, last)), f"{name}, {loop}: I(X;Z_0) − I(X;Z_{last})")


def gain(name: str, loop: str, settings: Settings) -> Outcome:
    """C4: I(X;Z_t) − I(X;Z_0)."""
    bounds = studied(settings, name, loop).bounds
    return decided(at(bounds, LAST).minus(at(bounds, 0)), f"{name}, {loop}: I(X;Z_{LAST}) − I(X;Z_0)")


def fresh(settings: Settings) -> Outcome:
    """What a share of fresh data keeps, that the closed loop loses."""
    open_, closed = (at(studied(settings, "mixture", loop).bounds, LAST) for loop in ("fresh data", "closed"))
    return decided(open_.minus(closed), f"mixture, a fifth fresh against closed: I(X;Z_{LAST})")


def enumerated(settings: Settings) -> Outcome:
    """The brackets of two states against the exact answer: the least that one lies inside, five errors allowed."""
    loops = enumerated_loops(settings)
    slack = []
    for loop in loops:
        lower, upper = studied(settings, "two states", loop).bounds.bracket()
        exact = information(loop, lower.mean.size - 1)
        slack += [
            exact - lower.mean + STANDARD_ERRORS * lower.stderr,
            upper.mean + STANDARD_ERRORS * upper.stderr - exact,
        ]
    least = float(np.min(slack))
    setting = f"two states, {', '.join(loops)}, all t: the least margin, five errors allowed"
    return inequality(least, setting=setting)


@lru_cache
def problems(settings: Settings) -> tuple[Array, theory.Bracket]:
    """The exact I(X;D) of random small problems, and their brackets."""

    def solve(key: Array) -> tuple[Array, theory.Bracket]:
        keys = jax.random.split(key, 5)
        shapes = (NUM_TASKS,), (NUM_TASKS, NUM_STATES), (NUM_STATES, NUM_SYMBOLS)
        prior, states, channel = (
            jax.nn.softmax(2 * jax.random.normal(k, shape, float), axis=-1)
            for k, shape in zip(keys[:3], shapes, strict=True)
        )
        models = channel[jax.random.categorical(keys[3], jnp.log(states)[:, None], shape=(NUM_TASKS, NUM_MODELS))]
        data = jax.random.categorical(keys[4], jnp.log(models), axis=-1)
        bounds = sandwich(_of_symbols, data, models, prior).bounds
        return theory.mutual_information(prior[:, None] * (states @ channel)), bounds.bracket()

    return jax.jit(jax.vmap(solve))(jax.random.split(stream(settings, 90), NUM_PROBLEMS))


def _of_symbols(symbols: Array, models: Array) -> Array:
    return jnp.log(models)[:, symbols].T


def brackets(settings: Settings) -> Outcome:
    """No bracket misses by more than five errors."""
    exact, (lower, upper) = problems(settings)
    least = min(
        float((exact - lower.mean + STANDARD_ERRORS * lower.stderr).min()),
        float((upper.mean + STANDARD_ERRORS * upper.stderr - exact).min()),
    )
    return inequality(least, setting=f"{NUM_PROBLEMS} random problems: the least margin, five errors allowed")


def swapped(settings: Settings) -> Outcome:
    """The twin: the model that made the data is left in where it must be left out; the gap over all problems."""
    exact, (_, upper) = problems(settings)
    gap = theory.estimate(exact - upper.mean)
    setting = f"{NUM_PROBLEMS} random problems: I(X;D) less the end with the own model in"
    return inequality(float(gap.mean), measured=float(gap.mean), stderr=float(gap.stderr), setting=setting)


@lru_cache
def real_samples(settings: Settings) -> dict[str, Array]:
    """Values [replica] of I(X;D), I(X;D,S), I(X;K) and below I(X;Z): real samples, verdicts, what is kept, a fit."""
    mixture = case("mixture")
    loop, tasks, num_replicas = mixture.loops["verifier"], mixture.tasks, 20_000 if settings.full else 4000
    of_signal = loop.signal_log_prob
    assert of_signal is not None  # a verifier looks at the task

    def replica(key: Array) -> tuple[Array, Array, Array, Array]:
        seen = jax.vmap(loop.seen)(jax.random.split(key, tasks.weights.shape[0]), tasks, tasks)
        of_data = mixture.log_likelihood(seen.x, tasks)
        of_verdicts = jax.vmap(lambda one: jax.vmap(lambda task: of_signal(one, task))(tasks))(seen)
        fitted = jax.vmap(mixture.fit, (None, 0, 0))(None, seen.x, seen.kept)
        return of_data, of_data + of_verdicts, loop.log_likelihood(seen, (tasks, tasks)), fitted

    draw_key, train_key = jax.random.split(stream(settings, 91))
    *log_likelihoods, fitted = jax.jit(jax.vmap(replica))(jax.random.split(draw_key, num_replicas))
    fitted = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), fitted)
    below = classifier_bound(train_key, mixture.features(fitted)).values
    names = ("data", "data and verdicts", "kept")
    known = {name: theory.stratified_information(table) for name, table in zip(names, log_likelihoods, strict=True)}
    return {name: values[-below.size :] for name, values in known.items()} | {"model": below}


def external_signal(settings: Settings, known: str = "data and verdicts") -> Outcome:
    """C3: I(X;D) + I(X;S|D) − I(X;Z), where I(X;D,S) is known; the twin leaves out the signal's part."""
    values = real_samples(settings)
    slack = Bounds(values[known] - values["kept"], values[known] - values["model"])
    return decided(slack, f"mixture, 20 real samples and their verdicts: I(X;{known}) − I(X;model)")


_sandwich = "theory/test_sandwich.py::"
_study = "experiments/test_continuous_information.py::"
_rows = "experiments/test_rows.py::test_rows_are_as_expected"
MIXTURE, CHAIN = "continuous-mixture", "continuous-chain"

CHECKS: tuple[Check, ...] = (
    check(
        "C1-intervals",
        "monte-carlo",
        "95 % intervals of a Monte-Carlo information hold the truth in 93 to 97 % of the cases",
        _rows,
        coverage.normal_covers,
        "coverage",
    ),
    check(
        "C1-intervals-twin",
        "monte-carlo",
        "… also where values that share a task are taken for independent",
        _rows,
        coverage.normal_covers_twin,
        "coverage",
        twin=True,
    ),
    check(
        "C1-bernstein",
        "monte-carlo",
        "empirical-Bernstein intervals hold the truth in 95 % of the cases at least, at any n",
        _rows,
        coverage.bernstein_covers,
        "coverage",
    ),
    check(
        "C1-bernstein-twin",
        "monte-carlo",
        "… as do normal intervals of few replicas with a rare task",
        _rows,
        coverage.bernstein_covers_twin,
        "coverage",
        twin=True,
    ),
    check(
        "C1-brackets",
        "monte-carlo",
        "E[ln p̂_out(d|x) − ln p̂_in(d)] ≤ I(X;D) ≤ E[ln p̂_in(d|x) − ln p̂_out(d)]",
        _sandwich + "test_contains_the_exact_information",
        brackets,
    ),
    check(
        "C1-brackets-twin",
        "monte-carlo",
        "E[ln p̂_in(d|x) − ln p̂_out(d)] ≤ I(X;D)",
        _sandwich + "test_swapped_ends_are_no_bounds",
        swapped,
        twin=True,
    ),
    check(
        "C2-two-states",
        "monte-carlo",
        "brackets of I(X;Z_t) hold the exact value, by counting paths, in closed and open loops",
        _study + "test_the_bounds_hold_the_exact_information",
        enumerated,
        "continuous-two-states",
    ),
    check(
        "C2-mixture",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) in the closed loop of a mixture",
        _rows,
        partial(loss, "mixture", "closed"),
        MIXTURE,
    ),
    check(
        "C2-mixture-twin",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) in the loop with a verifier",
        _rows,
        partial(loss, "mixture", "verifier"),
        MIXTURE,
        twin=True,
    ),
    check(
        "C2-mixture-first",
        "monte-carlo",
        "I(X;Z_1) ≤ I(X;Z_0) in the closed loop of a mixture: one generation decides",
        _rows,
        partial(loss, "mixture", "closed", last=1),
        MIXTURE,
    ),
    check(
        "C2-chain",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) in the closed loop of a Markov chain of three states",
        _rows,
        partial(loss, "chain", "closed"),
        CHAIN,
    ),
    check(
        "C2-chain-twin",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) in the loop with a verifier",
        _rows,
        partial(loss, "chain", "verifier"),
        CHAIN,
        twin=True,
    ),
    check(
        "C2-chain-first",
        "monte-carlo",
        "I(X;Z_1) ≤ I(X;Z_0) in the closed loop of a Markov chain: one generation decides",
        _rows,
        partial(loss, "chain", "closed", last=1),
        CHAIN,
    ),
    check(
        "C3-mixture",
        "monte-carlo",
        "I(X;Z) ≤ I(X;D) + I(X;S|D) for a mixture fitted to what verdicts kept of real samples",
        _rows,
        external_signal,
    ),
    check(
        "C3-mixture-twin",
        "monte-carlo",
        "I(X;Z) ≤ I(X;D), the signal left out",
        _rows,
        partial(external_signal, known="data"),
        twin=True,
    ),
    check(
        "C4-mixture",
        "monte-carlo",
        "a mixture under a verifier knows more after five generations: I(X;Z_5) ≥ I(X;Z_0)",
        _rows,
        partial(gain, "mixture", "verifier"),
        MIXTURE,
    ),
    check(
        "C4-mixture-twin",
        "monte-carlo",
        "… also without one",
        _rows,
        partial(gain, "mixture", "closed"),
        MIXTURE,
        twin=True,
    ),
    check(
        "C4-chain",
        "monte-carlo",
        "a Markov chain under a verifier knows more after five generations: I(X;Z_5) ≥ I(X;Z_0)",
        _rows,
        partial(gain, "chain", "verifier"),
        CHAIN,
    ),
    check(
        "C4-chain-twin",
        "monte-carlo",
        "… also under a self-judge",
        _rows,
        partial(gain, "chain", "self-judge"),
        CHAIN,
        twin=True,
    ),
    check(
        "C4-fresh",
        "monte-carlo",
        "a fifth of fresh samples keeps what the closed loop loses: I(X;Z_5) is larger",
        _rows,
        fresh,
        MIXTURE,
    ),
    check(
        "C5-mixture",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) under a self-judge",
        _rows,
        partial(loss, "mixture", "self-judge"),
        MIXTURE,
    ),
    check(
        "C5-chain",
        "monte-carlo",
        "I(X;Z_5) ≤ I(X;Z_0) under a self-judge, while the share right rises",
        _rows,
        partial(loss, "chain", "self-judge"),
        CHAIN,
    ),
)
