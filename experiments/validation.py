"""The one form that every complaint takes, `name: X was given; accepted: Y`; nothing heavy is imported."""

from collections.abc import Iterable
from difflib import get_close_matches

MOST_NAMED = 24  # names that fit into a message


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
