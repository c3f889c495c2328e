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
    "mixture": Size(num_generations=5, num_replicas=1600, num_models=800, num_data=100),
    "full mixture": Size(
        num_generations=3, num_replicas=1000, num_models=500, num_data=20, num_sandwiches=1, block=2**18
    ),
    "two states": Size(num_generations=5, num_replicas=1500, num_models=1000, num_data=400),
    "chain": Size(num_generations=5, num_replicas=2000, num_models=2000, num_data=200),
}
FULL = {
    "mixture": Size(num_generations=10, num_replicas=15_000, num_models=4000, num_data=400, num_steps=1200),
    "full mixture": Size(
        num_generations=20,
        num_replicas=10_000,
        num_models=10_000,
        num_data=60,
        num_sandwiches=2,
        num_steps=2000,
        block=2**18,
    ),
    "two states": Size(num_generations=10, num_replicas=10_000, num_models=4000, num_data=500, num_steps=2000),
    "chain": Size(num_generations=6, num_replicas=40_000, num_models=40_000, num_data=150, num_steps=1200, block=2**23),
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
