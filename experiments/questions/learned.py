"""What verdicts teach first: the code length that a learner of one column alone saves of them.

A table of Krichevsky–Trofimov counts (Jeffreys' ½) over the values of a column saves S = Σ ln KT(a, b) − ln KT(A, B)
nats of the verdicts, ln KT(a, b) = ln B(a+½, b+½) − ln B(½, ½), whatever the order of the rows; numbers are cut at
their quantiles into 2, 4, 8 and 16 bins, a Bayesian mixture. A verdict between 0 and 1 counts as a share of either.
Of c columns one that saves ln 20c nats is learned: 20 to 1 that it carries something, whichever of them it is.

The information I(F;V) has a plug-in Î that is too large by df/2n and, times 2n, has a noncentral χ² distribution of df
degrees of freedom; n is that of independent rows, 2Î/se², with the standard error of the mean of ln p(v|f)/p(v) by
prompts, so that rows of a prompt need not be independent.

References:
    Krichevsky & Trofimov (1981), The performance of universal encoding, IEEE Trans. Inf. Theory 27.
    Dawid (1984), Statistical theory: the prequential approach, JRSS A 147.
    Kullback (1959), Information Theory and Statistics, chapter 8: 2nÎ as a noncentral χ².
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import betaln, chndtr, chndtrinc, logsumexp

from experiments.questions.intervals import LEVELS, Interval
from experiments.questions.logs import Log

BINS = (2, 4, 8, 16)
ODDS = 20  # at which a column is learned
CLEARLY = 0.95  # of the orders
ORDERS = 20  # random ones, of prompts
POINTS = 24  # numbers of rows, of a curve
MOST_LEFT_OUT = 8  # values of groups

Kind = Literal["feature", "group", "value", "truth"]


class Column(NamedTuple):
    """A column as learners see it: the bin of each row, −1 where missing; several binnings are mixed."""

    name: str
    kind: Kind
    bins: tuple[Int[np.ndarray, " n"], ...]
    relative_to: str | None = None


class Feature(NamedTuple):
    """What a learner of one column learns; intervals are of 95 %, over prompts."""

    name: str  # the column, or COL=VALUE of a group
    kind: Kind
    relative_to: str | None
    nats: Interval  # I(F;V), a verdict
    nats_given_truth: Interval | None  # I(F;V|truth); None without labels, and of the truth itself
    saved_nats: Interval  # expected code length saved of so many rows
    learned_after: float | None  # rows at which ln 20c nats are saved; None: not in this log
    crossover: Interval | None  # rows from which on it has saved more than the one before; None: never
    curve: Float[np.ndarray, " point"]  # code length saved, mean over orders


class Pairs(NamedTuple):
    """Pairs of an accepted and a rejected output of one prompt that the first feature tells apart."""

    name: str  # of the feature
    agree: int  # pairs whose accepted output has the likelier value
    disagree: int
    drop: float  # share of the agreeing ones to leave out, so that the feature tells nothing
    rows: Int[np.ndarray, "pair 2"]  # of each prompt's first: places of the accepted and of the rejected one


class Learned(NamedTuple):
    """All columns, in the order in which they are learned."""

    features: tuple[Feature, ...]
    rows: Int[np.ndarray, " point"]  # of the curves
    without: dict[str, str | None]  # COL=VALUE: what saves most in the other rows
    warnings: tuple[str, ...]
    held_out: Int[np.ndarray, " row"] | None  # places where the first feature beside the truth and the truth disagree
    pairs: Pairs | None


def features(log: Log, *, seed: int = 0) -> Learned:
    """What the verdicts of a log teach, in an order; the seed is of the random orders of prompts."""
    columns = candidates(log)
    points = np.unique(np.geomspace(min(8, log.verdict.size), log.verdict.size, POINTS).astype(int))
    if not 0 < log.verdict.sum() < log.verdict.size:
        warning = "all verdicts are the same: they teach nothing"
        return Learned((), points, {}, (warning,), None, None)
    enough = math.log(ODDS * len(columns)) if columns else math.inf
    found, curves, reached = [], {}, {}
    places = _orders(log, seed)
    for column in columns:
        curve = curves[column.name] = _curves(column, log, places, points)
        reached[column.name] = np.array([_reached(points, one, enough) or math.inf for one in curve])
        nats, given, saved = information(column, log)
        after = _reached(points, curve.mean(0), enough)
        found.append(
            Feature(column.name, column.kind, column.relative_to, nats, given, saved, after, None, curve.mean(0))
        )
    found = _in_order(found, reached)
    for i in range(1, len(found)):
        lead = curves[found[i].name] - curves[found[i - 1].name]
        found[i] = found[i]._replace(crossover=_crossover(lead, points))
    first = next((one for one in found if one.kind != "truth" and one.learned_after is not None), None)
    column = next((c for c in columns if first is not None and c.name == first.name), None)
    return Learned(
        tuple(found),
        points,
        _without(log, found),
        constant_texts(log, found),
        None if column is None else _held_out(log, column),
        None if column is None else _pairs(log, column),
    )


def _in_order(found: list[Feature], reached: dict[str, np.ndarray]) -> list[Feature]:
    """Next is, of those that are not clearly later than the earliest one left, the one that saves most."""
    left = sorted(found, key=lambda one: (one.learned_after or math.inf, -one.saved_nats.middle))
    order = []
    while left:
        first = reached[left[0].name]
        tied = [one for one in left if not (reached[one.name] > first).mean() >= CLEARLY]
        tied = tied if left[0].learned_after is not None else left
        order.append(max(tied or left[:1], key=lambda one: one.saved_nats.middle))
        left.remove(order[-1])
    return order


def candidates(log: Log) -> list[Column]:
    """The truth, each feature, each group as a whole, and each of its values against the others if there are three."""
    found = []
    if log.labelled.any():
        found.append(Column(log.roles["truth"], "truth", (np.nan_to_num(log.truth, nan=-1).astype(int),)))
    for name, one in log.features.items():
        if (bins := _binned(one.values)) is not None:
            found.append(Column(name, "feature", bins, one.relative_to))
    for name, group in log.groups.items():
        there = np.unique(group.codes[group.codes >= 0])
        if there.size < 2:
            continue
        found.append(Column(name, "group", (group.codes,)))
        if there.size > 2:
            for code in there:
                bins = np.where(group.codes < 0, -1, group.codes == code)
                found.append(Column(f"{name}={group.values[code]}", "value", (bins,)))
    return found


def _binned(values: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """Few values as they are, many by quantiles; None of a constant."""
    known = np.isfinite(values)
    different = np.unique(values[known])
    if different.size < 2:
        return None
    edges = [different[1:]] if different.size <= max(BINS) else []
    if not edges:
        edges = [np.unique(np.quantile(values[known], np.arange(1, k) / k)) for k in BINS]
    return tuple(np.where(known, np.searchsorted(e, values, side="right"), -1) for e in edges)


def code_length_saved(accepted: np.ndarray, rejected: np.ndarray) -> np.ndarray:
    """S [...] of counts [..., bin]."""
    return _kt(accepted, rejected).sum(-1) - _kt(accepted.sum(-1), rejected.sum(-1))


def _kt(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return betaln(a + 0.5, b + 0.5) - betaln(0.5, 0.5)


def _mixed(saved: Sequence[np.ndarray]) -> np.ndarray:
    """The mixture of equal weights of several learners."""
    return np.asarray(logsumexp(np.stack(saved), axis=0)) - math.log(len(saved))


def _counts(bins: np.ndarray, verdict: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = bins >= 0
    size = int(bins.max()) + 1
    return tuple(np.bincount(bins[known], weights, size) for weights in (verdict[known], 1 - verdict[known]))  # pyright: ignore[reportReturnType]


def best(column: Column, log: Log) -> int:
    """The binning that saves most."""
    return int(np.argmax([float(code_length_saved(*_counts(bins, log.verdict))) for bins in column.bins]))


def information(column: Column, log: Log) -> tuple[Interval, Interval | None, Interval]:
    """I(F;V), I(F;V|truth) and the expected code length saved, at the binning that saves most."""
    bins = column.bins[best(column, log)]
    rows = bins >= 0
    found, plug_in, bias = _estimated(bins[rows], log.verdict[rows], log.prompt[rows], np.zeros(rows.sum(), int))
    saved = float(_mixed([code_length_saved(*_counts(one, log.verdict)) for one in column.bins]))
    number = int(rows.sum())
    ends = [saved + number * (end - (plug_in - bias)) for end in (found.low, found.high)]
    given = None
    if log.labelled.any() and column.kind != "truth":
        rows &= log.labelled
        if rows.any():
            given, _, _ = _estimated(bins[rows], log.verdict[rows], log.prompt[rows], log.truth[rows].astype(int))
    return found, given, Interval(min(ends[0], saved), saved, max(ends[1], saved))


def _estimated(
    bins: np.ndarray, verdict: np.ndarray, prompt: np.ndarray, given: np.ndarray
) -> tuple[Interval, float, float]:
    """I(F;V|given) with its interval, the plug-in, and its bias."""
    size = int(bins.max()) + 1
    cell = given * size + bins
    table = np.stack([np.bincount(cell, weights, 2 * size) for weights in (1 - verdict, verdict)], 1)
    table = table.reshape(2, size, 2)
    totals, outcomes = table.sum(2, keepdims=True), table.sum(1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.log(table / totals) - np.log(outcomes / outcomes.sum(2, keepdims=True))
    gain = np.where(table > 0, gain, 0)
    each = verdict * gain[given, bins, 1] + (1 - verdict) * gain[given, bins, 0]
    plug_in = max(float(each.mean()), 0.0)
    by_prompt = np.bincount(prompt, each - plug_in)
    variance = float((by_prompt**2).sum()) / verdict.size**2
    df = sum(max(int((totals[g] > 0).sum()) - 1, 0) * max(int((outcomes[g] > 0).sum()) - 1, 0) for g in range(2))
    if df == 0 or variance == 0:
        return Interval(plug_in, plug_in, plug_in) if plug_in else Interval(0, 0, 0), plug_in, 0.0
    number = 2 * plug_in / variance  # independent rows
    x = 2 * number * plug_in
    low, high = (_noncentrality(x, df, 1 - level) / (2 * number) for level in LEVELS)
    middle = max(x - df, 0) / (2 * number)
    return Interval(min(low, middle), middle, max(high, middle)), plug_in, df / (2 * number)


def _noncentrality(x: float, df: int, level: float) -> float:
    """λ with P(χ²_df(λ) ≤ x) = level, 0 where that is less at λ = 0."""
    if chndtr(x, df, 0.0) <= level:
        return 0.0
    found = float(chndtrinc(x, df, level))
    if math.isfinite(found) and abs(float(chndtr(x, df, found)) - level) < 1e-6:
        return found
    reach = 1.959963984540054 * math.sqrt(2 * df + 4 * x)  # far out, where it is Gaussian
    return max(x - df - reach if level > 0.5 else x - df + reach, 0.0)


def _orders(log: Log, seed: int) -> np.ndarray:
    """Rows in random orders of whole prompts [order, n]: where each row stands."""
    rng = np.random.default_rng(seed)
    orders = ORDERS if log.verdict.size <= 200_000 else 4
    prompts = int(log.prompt.max()) + 1
    found = np.empty((orders, log.verdict.size), np.int64)
    for k in range(orders):
        rank = rng.permutation(prompts)[log.prompt]
        found[k, np.argsort(rank, kind="stable")] = np.arange(log.verdict.size)
    return found


def _curves(column: Column, log: Log, places: np.ndarray, points: np.ndarray) -> Float[np.ndarray, "order point"]:
    """Code length saved of the first rows of each order."""
    found = []
    for bins in column.bins:
        known = bins >= 0
        size = int(bins.max()) + 1
        saved = np.empty((len(places), points.size))
        for k, place in enumerate(places):
            cell = np.searchsorted(points, place[known], side="right") * size + bins[known]
            parts = [
                np.bincount(cell, w, (points.size + 1) * size).reshape(-1, size)[: points.size].cumsum(0)
                for w in (log.verdict[known], 1 - log.verdict[known])
            ]
            saved[k] = code_length_saved(*parts)
        found.append(saved)
    return _mixed(found)


def _reached(points: np.ndarray, mean: np.ndarray, enough: float) -> float | None:
    """Rows at which the curve passes this for good."""
    below = np.flatnonzero(mean < enough)
    if not below.size:
        return float(points[0])
    i = int(below[-1])
    if i == points.size - 1:
        return None
    share = (enough - mean[i]) / (mean[i + 1] - mean[i])
    return float(math.exp(math.log(points[i]) + share * math.log(points[i + 1] / points[i])))


def _crossover(lead: np.ndarray, points: np.ndarray) -> Interval | None:
    """Rows from which on the mean lead over orders is above 0, and over orders the middle 95 %; None if never."""
    if lead.mean(0)[-1] <= 0:
        return None

    def at(one: np.ndarray) -> float:
        behind = np.flatnonzero(one <= 0)
        return float(points[0] if not behind.size else points[min(behind[-1] + 1, points.size - 1)])

    middle, each = at(lead.mean(0)), np.array([at(one) for one in lead])
    low, high = np.quantile(each, LEVELS)
    return Interval(min(float(low), middle), middle, max(float(high), middle))


def _without(log: Log, found: Sequence[Feature]) -> dict[str, str | None]:
    """What saves most where a value of a group that is learned is left out."""
    best_of: dict[str, str | None] = {}
    for one in [f for f in found if f.kind == "value" and f.learned_after is not None][:MOST_LEFT_OUT]:
        rest = log.pick(~_of_value(log, one.name))
        saved = {
            c.name: float(_mixed([code_length_saved(*_counts(b, rest.verdict)) for b in c.bins]))
            for c in candidates(rest)
            if c.kind != "truth"
        }
        name = max(saved, key=saved.__getitem__, default=None)
        best_of[one.name] = name if name is not None and saved[name] > math.log(ODDS * len(saved)) else None
    return best_of


def _of_value(log: Log, name: str) -> np.ndarray:
    column, _, value = name.partition("=")
    group = log.groups[column]
    return group.codes == group.values.index(value)


def constant_texts(log: Log, found: Sequence[Feature]) -> tuple[str, ...]:
    """Values of a group whose outputs are all of one length, in each column of lengths: one text for every prompt."""
    warnings = []
    for one in found:
        if one.kind != "value":
            continue
        rows = _of_value(log, one.name)
        same = {
            name: feature.raw[rows][0]
            for name, feature in log.features.items()
            if rows.sum() > 2 and np.ptp(feature.raw[rows]) == 0 and np.ptp(feature.raw) > 0
        }
        if same and len(same) == len(log.features):
            which = ", ".join(f"{name} {value:g}" for name, value in list(same.items())[:2])
            text = f"{one.name}: every output has {which}: its text is constant"
            warnings.append(f"{text}; an audit of length alone would miss what the judge sees in it")
    return tuple(warnings)


def _held_out(log: Log, column: Column) -> np.ndarray | None:
    """Rows on which the feature's likelier verdict and the truth disagree."""
    if not log.labelled.any():
        return None
    bins = column.bins[best(column, log)]
    accepted, rejected = _counts(bins, log.verdict)
    likely = accepted * rejected.sum() > rejected * accepted.sum()  # likelier accepted than outputs are at all
    rows = log.labelled & (bins >= 0)
    return log.places[rows & (likely[bins] != (log.truth == 1))]


def _pairs(log: Log, column: Column) -> Pairs | None:
    """The first accepted and the first rejected output of each prompt, where the feature tells them apart."""
    bins = column.bins[best(column, log)]
    accepted, rejected = _counts(bins, log.verdict)
    with np.errstate(invalid="ignore"):
        likely = np.nan_to_num(accepted / (accepted + rejected))
    rows = np.flatnonzero(bins >= 0)
    ends = []
    for yes in (True, False):
        of = rows[(log.verdict[rows] >= 0.5) == yes]
        prompt, first = np.unique(log.prompt[of], return_index=True)
        ends.append(dict(zip(prompt.tolist(), of[first].tolist(), strict=True)))
    both = sorted(ends[0].keys() & ends[1].keys())
    pairs = np.array([(ends[0][p], ends[1][p]) for p in both], int).reshape(-1, 2)
    side = np.sign(likely[bins[pairs[:, 0]]] - likely[bins[pairs[:, 1]]])
    agree, disagree = int((side > 0).sum()), int((side < 0).sum())
    if not agree + disagree:
        return None
    drop = max(0.0, 1 - disagree / agree) if agree else 0.0
    told = side != 0
    return Pairs(column.name, agree, disagree, drop, log.places[pairs[told]])
