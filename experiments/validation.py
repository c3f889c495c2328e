"""The one form that every complaint takes, `name: X was given; accepted: Y`; nothing heavy is imported."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

MOST_NAMED = 30  # names that fit into a message


def refuse(name: str, given: object, accepted: str) -> ValueError:
    """The complaint about an argument or an option."""
    return ValueError(f"{name}: {given} was given; accepted: {accepted}")


def unknown(name: str, given: object, accepted: Iterable[str], where: str = "") -> ValueError:
    """The complaint about a word that is none of those accepted, with those that are nearest to it.

    Args:
        name: the argument.
        given: what was written.
        accepted: the words, in the order in which they are listed.
        where: they are all found, where they are too many for a message.
    """
    words = {word.casefold(): word for word in accepted}
    nearest = [words[word] for word in get_close_matches(str(given).casefold(), words, cutoff=0.7)]
    listed = ", ".join(words.values()) if len(words) <= MOST_NAMED or not where else f"the {len(words)} {where}"
    return refuse(name, repr(given), listed + (f"; did you mean {' or '.join(nearest)}?" if nearest else ""))


def number(name: str, value: Any, holds: Callable[[Any], bool], accepted: str, kind: type = float) -> None:
    """Raises unless `value` is one real number, of kind int a whole one, for which `holds`."""
    found = value.item() if getattr(value, "shape", None) == () else value
    real = isinstance(found, int if kind is int else int | float) and not isinstance(found, bool)
    if not real or not holds(found):
        raise refuse(name, " ".join((repr(value) if isinstance(value, str) else str(value)).split())[:80], accepted)


def instance(name: str, value: Any, kind: Any, accepted: str) -> None:
    """Raises unless `value` is of a kind, or of one of several."""
    if not isinstance(value, kind):
        raise refuse(name, " ".join((repr(value) if isinstance(value, str) else str(value)).split())[:80], accepted)
