"""Claims about models whose information is known between two bounds only, and about the bounds themselves."""

from functools import partial
from typing import Any

import numpy as np

from experiments.continuous_information import study
from experiments.continuous_information.coverage import BERNSTEIN, LEVEL, NAIVE, NORMAL, Coverage, covered
from experiments.continuous_information.exact import information
from experiments.harness.claim import TAIL, Found, at_least, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from theory.estimators import Bounds, Bracket, Estimate

MARGIN = 0.02  # of a coverage, either way
MANY = 500  # replicas, from which on a normal interval is to be right
LAST = 5  # the generation of a single comparison


def between(a: Bounds, b: Bounds) -> tuple[Bracket, Bracket]:
    """Two sides known between bounds on the same replicas, as `paired` makes them of values."""
    low, high = paired(a.lower, b.upper), paired(a.upper, b.lower)
    return Bracket(low[0], high[0]), Bracket(high[1], low[1])  # pyright: ignore[reportArgumentType]


def at(bounds: Bounds, t: Any) -> Bounds:
    """Some generations."""
    return Bounds(bounds.lower[:, t], bounds.upper[:, t])


def never_more(of: Any, loop: str, settings: Settings, *, generations: tuple[int, ...] = ()) -> Found:
    """I(X;Z_t) ≤ I(X;Z_0), of these t or of all."""
    bounds = of(settings, loop).bounds
    later = generations or range(1, bounds.lower.shape[1])
    where = [f"{loop}: I(X;Z_{t}) against I(X;Z_0)" for t in later]
    return at_most(*between(at(bounds, list(later)), at(bounds, [0])), where)


def learns(of: Any, loop: str, settings: Settings) -> Found:
    """I(X;Z_t) ≥ I(X;Z_0), all t ≥ 1."""
    return never_more(of, loop, settings)._replace(relation="≥")


def sharpens(settings: Settings) -> Found:
    """The accuracy of a chain that judges itself, in all generations."""
    accuracy = study.chain(settings, "self-consistency").accuracy
    mean, stderr, count = accuracy
    first, later = (Estimate(mean[t], stderr[t], count) for t in (slice(0, 1), slice(1, None)))
    where = [f"chain, self-consistency judge: t = {t} against t = 0" for t in range(1, len(mean))]
    return at_least(later, first, where, "accuracy")


def fresh(settings: Settings) -> Found:
    """The information that a share of fresh data preserves, against the closed loop."""
    open_, closed = (at(study.mixture(settings, loop).bounds, LAST) for loop in ("fresh data", "closed"))
    return at_least(*between(open_, closed), f"mixture, 20 % fresh samples against closed: I(X;Z_{LAST})")


def external_signal(known: str, settings: Settings) -> Found:
    """I(X;Z) against the information in real samples, with or without their verdicts."""
    found = study.real_samples(settings)
    values = getattr(found, known)
    words = known.replace("_", " ")
    model = Bounds(found.model, found.accepted)
    return at_most(
        *between(model, Bounds(values, values)), f"mixture, 20 real samples: I(X;model) against I(X;{words})"
    )


def enumerated(settings: Settings) -> Found:
    """The brackets of two states against the exact answer, all t."""
    found = study.two_states(settings)
    brackets = [one.bounds.bracket() for one in found.values()]
    lower, upper = (
        Estimate(np.stack([end.mean for end in ends]), np.stack([end.stderr for end in ends]), ends[0].count)
        for ends in zip(*brackets, strict=True)
    )
    exact = np.stack([information(loop, lower.mean.shape[1] - 1) for loop in found])
    where = [[f"two states, {loop}, t = {t}" for t in range(exact.shape[1])] for loop in found]
    return equal(Bracket(lower, upper), exact, where)


def brackets(settings: Settings) -> Found:
    """The brackets of random problems against the exact answer."""
    exact, bracket = study.problems(settings)
    where = [f"problem {i} of {len(exact)} random ones" for i in range(len(exact))]
    return equal(bracket, exact, where)


def swapped(settings: Settings) -> Found:
    """The bounds with the model that made the data left in, as the mean over all problems."""
    exact, bracket = study.problems(settings)
    return at_most(*paired(bracket.upper.mean, exact), f"mean over {len(exact)} random problems")


def normal_covers(interval: str, settings: Settings) -> Found:
    """The coverage of normal intervals against 95 %."""
    rows = [row for row in covered(settings) if row.interval == interval and row.replicas >= MANY]
    distance, errors = np.array([(abs(row.share - LEVEL), row.stderr) for row in rows]).T
    where = [f"{_words(row)}, how far from {LEVEL:g}" for row in rows]
    return at_most(Estimate(distance, errors, rows[0].repeats), MARGIN, where, "share")


def covers(interval: str, settings: Settings) -> Found:
    """The coverage of intervals of one kind, also of few replicas and rare tasks, where no share is normal."""
    rows = [
        row for row in covered(settings) if row.interval == interval and (interval == BERNSTEIN or row.replicas < MANY)
    ]
    low, high = np.array([row.between(TAIL) for row in rows]).T
    where = [f"{_words(row)}; Clopper and Pearson's interval at 5 sigma" for row in rows]
    return at_least(Bracket(low, high), LEVEL, where, "share")  # pyright: ignore[reportArgumentType]


def _words(row: Coverage) -> str:
    return f"{row.case}, {row.interval}, {row.replicas} replicas, {row.repeats} repeats: covers {row.share:.4f}"


MIXTURE, CHAIN, COVERAGE = "continuous-mixture", "continuous-chain", "coverage"

CLAIMS = (
    *claim(
        "instrument-intervals",
        "95 % intervals of a Monte Carlo information cover the truth in 93 to 97 % of the cases",
        partial(normal_covers, NORMAL),
        control=("… also where values that share a task count as independent", partial(normal_covers, NAIVE)),
        figure=COVERAGE,
    ),
    *claim(
        "instrument-bernstein",
        "Empirical Bernstein intervals cover the truth in at least 95 % of the cases, at any n",
        partial(covers, BERNSTEIN),
        control=("… as do normal intervals from few replicas of a rare task", partial(covers, NORMAL)),
        figure=COVERAGE,
        kind="monte-carlo",
    ),
    *claim(
        "instrument-brackets",
        "E[ln p̂_out(d|x) − ln p̂_in(d)] ≤ I(X;D) ≤ E[ln p̂_in(d|x) − ln p̂_out(d)]",
        brackets,
        control=("E[ln p̂_in(d|x) − ln p̂_out(d)] ≤ I(X;D): the model that made d left in where it must be out", swapped),
        test="tests/theory/test_sandwich.py::test_contains_the_exact_information",
    ),
    *claim(
        "instrument-two-states",
        "Brackets of I(X;Z_t) contain the exact value, from counts of paths, in closed and open loops",
        enumerated,
        figure="continuous-two-states",
        test="tests/experiments/test_continuous_information.py::test_exact_information_is_the_enumeration_of_paths",
    ),
    *claim(
        "C2-mixture",
        "I(X;Z_t) ≤ I(X;Z_0) in the closed loop of a mixture, from the first generation on",
        partial(never_more, study.mixture, "closed"),
        control=("… also in the loop with a verifier", partial(never_more, study.mixture, "verifier")),
        figure=MIXTURE,
    ),
    *claim(
        "C2-chain",
        "I(X;Z_t) ≤ I(X;Z_0) in the closed loop of a Markov chain of three states, from the first generation on",
        partial(never_more, study.chain, "closed"),
        control=("… also in the loop with a verifier", partial(never_more, study.chain, "verifier")),
        figure=CHAIN,
    ),
    *claim(
        "C3-mixture",
        "I(X;Z) ≤ I(X;D) + I(X;S|D) for a mixture fitted to the real samples that a verifier accepted",
        partial(external_signal, "data_and_verdicts"),
        control=("I(X;Z) ≤ I(X;D), without the term of the signal", partial(external_signal, "data")),
    ),
    *claim(
        "C4-mixture",
        "With a verifier a mixture gains information about its task: I(X;Z_t) ≥ I(X;Z_0) in each generation",
        partial(learns, study.mixture, "verifier"),
        control=("… also with a verifier of likelihood ratio 1", partial(learns, study.mixture, "equal rates")),
        figure=MIXTURE,
    ),
    *claim(
        "C4-chain",
        "With a verifier a Markov chain gains information about its task: I(X;Z_t) ≥ I(X;Z_0) in each generation",
        partial(learns, study.chain, "verifier"),
        figure=CHAIN,
    ),
    *claim(
        "C4-fresh",
        "With 20 % fresh samples, 4 of 20 on average, I(X;Z_5) of a mixture is larger than in the closed loop",
        fresh,
        figure=MIXTURE,
    ),
    *claim(
        "C5-mixture",
        "I(X;Z_5) ≤ I(X;Z_0) in a mixture with a self-consistency judge",
        partial(never_more, study.mixture, "self-consistency", generations=(LAST,)),
        figure=MIXTURE,
    ),
    *claim(
        "C5-chain",
        "I(X;Z_5) ≤ I(X;Z_0) in a Markov chain with a self-consistency judge, …",
        partial(never_more, study.chain, "self-consistency", generations=(LAST,)),
        figure=CHAIN,
    ),
    *claim(
        "C5-chain-right", "… while its accuracy is above that of Z_0 in every later generation", sharpens, figure=CHAIN
    ),
)
STATEMENTS: tuple[Statement, ...] = ()
