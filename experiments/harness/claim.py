"""A claim is `measured (=, ≥, ≤) predicted`: what was found decides whether it holds, fails or stays open.

A row is a function of the settings that returns `Found`. Its sides are numbers, arrays, `theory.Estimate`s, or a
`theory.Bracket` of two; of an array the worst entry decides.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from scipy.special import ndtr, stdtrit

from experiments.harness.ledger import EXACT_TOLERANCE, Decision, Kind, Outcome, Row, Settings
from experiments.validation import refuse, unknown
from theory.estimators import Bracket, Estimate

Relation = Literal["=", "≥", "≤"]
Setting = str | Sequence[Any] | np.ndarray  # of texts, one an entry
FEWEST = 12  # independent units behind a simulated outcome
TAIL = float(ndtr(-5.0))  # beyond five sigma, on one side
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # needs no quotes in a shell, and no escape in a file name
_CLAIM = re.compile(r"C([1-9]|1[0-2])|L[1-4]|[ABD-KM-Z]\d+[a-z]?|instrument")


class Found(NamedTuple):
    """What was found: `measured relation predicted`, entry by entry.

    An estimate is decided by Student's t at the level of five sigma, an equality of exact numbers by `tolerance`.
    """

    measured: Any  # a number, an array, an Estimate, or a Bracket of Estimates
    relation: Relation
    predicted: Any  # likewise
    setting: Setting
    unit: str = "nats"
    tolerance: float | None = None  # of an equality that is not exact to 1e-12; its reason stands in the setting

    def decide(self) -> Decision:
        """The entry that decides: the one with the least slack, in units of the half-width of its interval."""
        if self.relation not in get_args(Relation):
            raise unknown("relation", self.relation, get_args(Relation))
        measured, predicted = _ends(self.measured), _ends(self.predicted)
        low, high = _minus(measured[0], predicted[1]), _minus(measured[1], predicted[0])  # of measured − predicted
        exact = all(isinstance(side, _Exact) for side in (*measured, *predicted))
        if self.tolerance is not None and (self.relation != "=" or not exact):
            raise refuse("tolerance", self.tolerance, "None where an error or a bound decides")
        if self.relation == "=":
            reach = (self.tolerance if self.tolerance is not None else EXACT_TOLERANCE) if exact else 0.0
            slack = np.minimum(high.mean + high.reach, low.reach - low.mean) + reach
            outcomes = np.where(slack >= 0, "holds", "fails")
            shown, reach = slack, np.maximum(np.maximum(low.reach, high.reach), reach)
        else:
            near, far = (low, high) if self.relation == "≥" else (_negative(high), _negative(low))
            margin = EXACT_TOLERANCE if exact else 0.0
            holds, fails = near.mean - near.reach >= -margin, far.mean + far.reach < -margin
            outcomes = np.where(holds, "holds", np.where(fails, "fails", "open"))
            shown, reach = np.where(fails, far.mean, near.mean), np.where(fails, far.reach, near.reach)
        at = _worst(outcomes, shown, reach, exact)
        setting = str(np.broadcast_to(np.asarray(self.setting), shown.shape)[at])
        bracket = next((side for side in (measured, predicted) if side[0] is not side[1]), None)
        first = self.relation != "≤"  # of a bracket that end is shown that decides
        ends = [
            side[0 if (first == (side is measured)) != (outcomes[at] == "fails") else 1]
            for side in (measured, predicted)
        ]
        values = [float(np.broadcast_to(end.mean, shown.shape)[at]) for end in ends]
        error = np.hypot(*(np.broadcast_to(end.stderr, shown.shape)[at] for end in ends))
        return Decision(
            setting=setting + (f"; the worst of {shown.size}" if shown.size > 1 else ""),
            slack=float(shown[at]),
            measured=values[0],
            predicted=values[1],
            stderr=None if exact else float(error),
            lower=None if bracket is None else float(np.broadcast_to(bracket[0].mean, shown.shape)[at]),
            upper=None if bracket is None else float(np.broadcast_to(bracket[1].mean, shown.shape)[at]),
            unit=self.unit,
            outcome=str(outcomes[at]),  # pyright: ignore[reportArgumentType]
            reach=float(reach[at]),
        )


def equal(measured: Any, predicted: Any, setting: Setting, unit: str = "nats", tolerance: float | None = None) -> Found:
    """measured = predicted."""
    return Found(measured, "=", predicted, setting, unit, tolerance)


def at_least(measured: Any, predicted: Any, setting: Setting, unit: str = "nats") -> Found:
    """measured ≥ predicted."""
    return Found(measured, "≥", predicted, setting, unit)


def at_most(measured: Any, predicted: Any, setting: Setting, unit: str = "nats") -> Found:
    """measured ≤ predicted."""
    return Found(measured, "≤", predicted, setting, unit)


def paired(a: Any, b: Any) -> tuple[Estimate, np.ndarray]:
    """Two sides from the same replicas [replica, ...], as in `at_least(*paired(a, b), setting)`.

    Returns:
        The mean of a with the standard error of a − b, and the mean of b: their difference has the error of the pairs.
    """
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    if a.ndim == 0 or len(a) < FEWEST:
        raise refuse("a", f"shape {a.shape}", f"{FEWEST} replicas or more on axis 0")
    error = (a - b).std(0, ddof=1) / len(a) ** 0.5
    return Estimate(a.mean(0), error, len(a)), b.mean(0)  # pyright: ignore[reportArgumentType]


class _Side(NamedTuple):
    """One end of one side: means with errors, the degrees of freedom of these, and how far they reach at 5 sigma."""

    mean: np.ndarray
    stderr: np.ndarray
    freedom: np.ndarray

    @property
    def reach(self) -> np.ndarray:
        return np.where(self.stderr > 0, -stdtrit(self.freedom, TAIL) * self.stderr, 0.0)


class _Exact(_Side):
    """A side without an error."""


def _ends(side: Any) -> tuple[_Side, _Side]:
    if isinstance(side, Bracket):
        return _ends(side.lower)[0], _ends(side.upper)[0]
    if not isinstance(side, Estimate):
        values = _finite("a side", side)
        one = _Exact(values, np.zeros_like(values), np.full_like(values, np.inf))
        return one, one
    mean, stderr = np.broadcast_arrays(_finite("mean", side.mean), _finite("stderr", side.stderr))
    count = np.broadcast_to(np.asarray(side.count, float), mean.shape)
    if (stderr < 0).any():
        raise refuse("stderr", stderr.min(), "0 or more")
    if (count < FEWEST).any():
        raise refuse("count", f"{count.min():g}", f"{FEWEST} independent units or more")
    one = _Side(mean, stderr, count - 1)
    return one, one


def _finite(name: str, values: Any) -> np.ndarray:
    found = np.asarray(values, float)
    if not found.size or not np.isfinite(found).all():
        raise refuse(name, found, "finite numbers, at least one")
    return found


def _minus(a: _Side, b: _Side) -> _Side:
    """a − b for independent sides, with Welch's degrees of freedom."""
    squares = a.stderr**2, b.stderr**2
    total = squares[0] + squares[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = total**2 / (squares[0] ** 2 / a.freedom + squares[1] ** 2 / b.freedom)
    return _Side(a.mean - b.mean, np.sqrt(total), np.where(total > 0, np.nan_to_num(freedom, nan=np.inf), np.inf))


def _negative(side: _Side) -> _Side:
    return side._replace(mean=-side.mean)


def _worst(outcomes: np.ndarray, slack: np.ndarray, reach: np.ndarray, exact: bool) -> tuple[int, ...]:
    """The entry that decides: of those with the gravest outcome the one with the least slack (per reach)."""
    clear = np.where(slack >= -EXACT_TOLERANCE, np.inf, -np.inf)  # of an entry that had no error at all
    score = slack if exact else np.where(reach > 0, slack / np.where(reach > 0, reach, 1.0), clear)
    gravest = next(outcome for outcome in ("fails", "open", "holds") if (outcomes == outcome).any())
    return tuple(map(int, np.unravel_index(np.argmin(np.where(outcomes == gravest, score, np.inf)), slack.shape)))


@dataclass(frozen=True, kw_only=True)
class Check:
    """One row to be: what is claimed and how it is found. Made by `claim`."""

    id: str
    statement: str
    find: Callable[[Settings], Found] = field(repr=False)
    kind: Kind | None = None  # None: exact or monte-carlo, as what is found has an error or not
    figure: str | None = None  # the stem of its file, a key of the experiment's FIGURES
    test: str | None = None  # an independent test: tests/…/test_x.py::test_y
    expected: Outcome = "holds"
    original: "Check | None" = None  # the row whose negative control this is

    def __post_init__(self) -> None:
        for what, name in (("id", self.id), ("figure", self.figure)):
            if name is not None and not _NAME.fullmatch(name):
                raise refuse(what, repr(name), "letters, digits, dot, hyphen and underscore")
        if not _CLAIM.fullmatch(self.claim):
            known = "a claim (C1 … C12, L1 … L4, R1, …) or instrument, then a hyphen and a name"
            raise refuse("id", repr(self.id), known)
        if self.test is not None and not re.fullmatch(r"tests/[\w/]+\.py::.+", self.test):
            raise refuse("test", f"{self.test!r} for {self.id}", "tests/…/test_x.py::test_y")
        if not self.statement.strip():
            raise refuse("statement", f"nothing for {self.id}", "the claim in words or symbols")

    @property
    def claim(self) -> str:
        """The claim that the row belongs to: what its id begins with."""
        return self.id.partition("-")[0]

    def row(self, settings: Settings, of: Row | None = None) -> Row:
        """Measures it; `of` is the row of the original of a control, if that has been measured.

        Raises:
            ValueError: the control is its row with the sign turned, which shows nothing.
        """
        found = self.find(settings).decide()
        expected = self.expected
        if self.original is not None:
            of = of or self.original.row(settings)
            turned = math.isclose(found.slack, -(of.slack or 0.0), rel_tol=1e-9)
            if found.unit == of.unit and found.slack and turned:
                given = f"the slack {found.slack:g}, that of {of.id} with its sign turned,"
                raise refuse("control", given, "a study in which a hypothesis is missing")
            if expected == "open" and not self._excludes(found, of):
                expected = "fails"
        return Row(
            id=self.id,
            claim=self.claim,
            kind=self.kind or ("exact" if found.stderr is None else "monte-carlo"),
            statement=self.statement,
            setting=found.setting,
            predicted=found.predicted,
            measured=found.measured,
            stderr=found.stderr,
            lower=found.lower,
            upper=found.upper,
            unit=found.unit,
            slack=found.slack,
            outcome=found.outcome,
            expected=expected,
            control_of=None if self.original is None else self.original.id,
            test=self.test,
            figure=self.figure,
            command=f"infoloop verify --row {self.id}",
        )

    @staticmethod
    def _excludes(found: Decision, of: Row) -> bool:
        """Whether a control that is to tie does so, and not by noise: its interval excludes the slack of its row."""
        return found.outcome == "open" and abs(found.slack - (of.slack or 0.0)) > found.reach


Finder = Callable[[Settings], Found]


def claim(
    id: str,
    says: str,
    find: Finder,
    *,
    control: tuple[str, Finder] | None = None,
    tie: tuple[str, Finder] | None = None,
    figure: str | None = None,
    kind: Kind | None = None,
    test: str | None = None,
) -> tuple[Check, ...]:
    """A row and, where there is one, its negative control: the same where a hypothesis is removed.

    Args:
        id: begins with the claim, as in C2-mean; the control's is that and -control.
        says: the statement.
        find: measures it.
        control: the statement and the measure of a control that must fail.
        tie: the same of a control that must not be decided, but exclude what the row measured.
        figure: a key of the experiment's FIGURES.
        kind: proof or adversarial, where it is one of these.
        test: an independent test, tests/…/test_x.py::test_y.
    """
    check = Check(id=id, statement=says, find=find, kind=kind, figure=figure, test=test)
    if control is None and tie is None:
        return (check,)
    if control is not None and tie is not None:
        raise refuse("tie", f"one beside a control of {id}", "one of the two")
    words, wrong = control or tie or ("", find)
    other = Check(
        id=f"{id}-control",
        statement=words,
        find=wrong,
        kind=kind,
        figure=figure,
        test=test,
        expected="fails" if control is not None else "open",
        original=check,
    )
    return check, other
