"""A name that somebody got wrong, and those that were meant."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMED = 24  # names that fit into a message


def unknown(what: str, given: str, accepted: Iterable[str], where: str = "") -> ValueError:
    """The error of a name that is not there: it tells the nearest ones, and all of them where they are few.

    Args:
        what: names the argument.
        given: what was written.
        accepted: what may be written, in the order to be told.
        where: all names are found, if they are many.
    """
    folded = {name.casefold(): name for name in accepted}
    nearest = [folded[name] for name in get_close_matches(given.casefold(), folded, cutoff=0.7)]
    meant = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    told = ", ".join(folded.values()) if len(folded) <= MOST_NAMED or not where else f"the {len(folded)} {where}"
    return ValueError(f"{what} is {given!r}; {meant}accepted: {told}")
