"""The loops of each case, simulated once a profile."""

from functools import lru_cache

from experiments.closed_loop.loops import stream
from experiments.continuous_information import chains, mixtures, rings
from experiments.continuous_information.study import Case, Size, Study, study
from experiments.ledger import Settings

CASES = {
    "mixture": mixtures.small,
    "full mixture": mixtures.full,
    "two states": chains.two_states,
    "chain": rings.three_states,
}
FIRST_STREAM = 100  # of the seed's random streams; those below belong to others
QUICK = {
    "mixture": Size(5, 1600, 800, 100),
    "full mixture": Size(3, 1000, 500, 20, num_sandwiches=1, block=2**18),
    "two states": Size(5, 1500, 1000, 400),
    "chain": Size(5, 2000, 2000, 200),
}
FULL = {
    "mixture": Size(10, 15_000, 4000, 400, num_steps=1200),
    "full mixture": Size(20, 10_000, 10_000, 60, num_sandwiches=2, num_steps=2000, block=2**18),
    "two states": Size(10, 10_000, 4000, 500, num_steps=2000),
    "chain": Size(6, 40_000, 40_000, 150, num_steps=1200, block=2**23),
}


def enumerated_loops(settings: Settings) -> tuple[str, ...]:
    """The loops of two states that are held to the exact answer: one closed and one open in the quick profile."""
    return tuple(case("two states").loops) if settings.full else ("closed", "verifier")


@lru_cache
def case(name: str) -> Case:
    """One of `CASES`, made once, since a new one would compile again."""
    return CASES[name]()


@lru_cache
def studied(settings: Settings, name: str, loop: str) -> Study:
    """A loop of a case."""
    index = FIRST_STREAM + 10 * list(CASES).index(name) + list(case(name).loops).index(loop)
    size = (FULL if settings.full else QUICK)[name]
    return study(stream(settings, index), case(name), case(name).loops[loop], size)
