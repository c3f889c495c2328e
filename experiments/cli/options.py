"""What was written on the command line, held to the signature of the command before tyro reads it.

tyro answers a mistake with a box of several lines; ours is one line in the grammar of `validation`.
"""

import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tyro.conf import UseAppendAction, arg

from experiments.validation import refuse, unknown

_GUESSED = "(default: guessed by its name)"
Column = Annotated[str | None, arg(metavar="COL", help_behavior_hint=_GUESSED)]  # of a log
Columns = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="COL ...", help_behavior_hint=_GUESSED)]
Where = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="COL=VALUE ...", help_behavior_hint="(default: all)")]

_OPTION = re.compile(r"-[^\d.]")  # and no negative number


def check(command: Callable[..., int], written: Sequence[str]) -> list[str]:
    """The words for tyro: an option of several values once for each, --where A B as --where A --where B.

    Raises:
        ValueError: an option or a value is unknown, missing, or of another kind than its annotation says.
    """
    parameters = inspect.signature(command).parameters.values()
    kinds = {parameter.name: _kind(hint) for parameter, hint in zip(parameters, _hints(command), strict=True)}
    options = {_option(one.name): one.name for one in parameters if one.kind is one.KEYWORD_ONLY}
    places = [one.name.upper() for one in parameters if one.kind is not one.KEYWORD_ONLY]
    left, given, checked = list(places), set(), []
    words, several = iter(written), None
    for word in words:
        if not _OPTION.match(word):
            if several:
                checked.append(several)
            elif left:
                left.pop(0)
            else:
                raise refuse("ARGUMENT", repr(word), f"{' '.join(places)}, then options" if places else "options")
            checked.append(word)
            continue
        option, equals, value = word.partition("=")
        if option not in options:
            raise unknown("OPTION", option, options)
        given.add(options[option])
        kind, several = kinds[options[option]], None
        checked.append(word)
        if kind is bool:
            if equals:
                raise refuse(option, repr(value), "no value")
            continue
        if not equals:
            value = next(words, None)
            if value is None or _OPTION.match(value):
                raise refuse(option, "no value", _accepted(kind))
            checked.append(value)
            several = option if get_origin(kind) is tuple else None
        _check_value(option, kind, value)
    needed = [_option(one.name) for one in parameters if one.default is one.empty and one.name.upper() not in places]
    for name in [*left, *(option for option in needed if options[option] not in given)]:
        raise refuse(name, "nothing", "a value, which the command needs; --help explains it")
    return checked


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _hints(command: Callable[..., int]) -> list[Any]:
    return [hint for name, hint in get_type_hints(command).items() if name != "return"]


def _kind(hint: Any) -> Any:
    """The type without None."""
    arguments = [kind for kind in get_args(hint) if kind is not type(None)]
    return hint if get_origin(hint) is Literal or type(None) not in get_args(hint) else arguments[0]


def _accepted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    return {int: "a whole number", float: "a number"}.get(kind, "a value")


def _check_value(option: str, kind: Any, value: str) -> None:
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise unknown(option, value, get_args(kind))
    if kind in (int, float):
        try:
            kind(value)
        except ValueError:
            raise refuse(option, repr(value), _accepted(kind)) from None


def share(option: str, text: str) -> float:
    """A share that somebody wrote: .3, 0.3 or 30%."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise refuse(option, repr(text), "a number such as 0.3 or 30%") from None


def persistence(option: str, text: str) -> float:
    """The share of a verifier's errors that persists, as somebody wrote it."""
    kinds = {"independent": 0.0, "persistent": 1.0}
    try:
        found = kinds[text] if text in kinds else share(option, text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= 1:
        raise refuse(option, repr(text), "independent, persistent or a share from 0 to 1, such as .3")
    return found


def whole(option: str, text: str) -> int:
    """A whole number that somebody wrote: 1000, 1,000 or 1e3; 1,5 is none, and is not 15."""
    grouped = re.fullmatch(r"\d{1,3}(,\d{3})+", text)
    try:
        number = float(text.replace(",", "") if grouped else text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise refuse(option, repr(text), "a whole number such as 1000, 1,000 or 1e3")
    return int(number)


def read(reader: Callable[[str, str], Any], **texts: str | None) -> dict[str, Any]:
    """What was written for some options, read by `reader(option, text)`; None stays None."""
    return {name: None if text is None else reader(_option(name), text) for name, text in texts.items()}
