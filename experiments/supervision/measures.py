"""What the rows of the ledger measure: how supervision splits into task and form, and what the form costs."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import theory
from experiments.ledger import Outcome, Settings, equality, inequality
from experiments.supervision import costs, signals
from experiments.supervision.signals import NUM_CLASSES, NUM_FORMS
from sandbox import feedback
from theory import claims, supervision

NUM_TABLES = 256  # random joints of a row
BLOCKS = (0, 0, 1, 1, 2)  # of their outputs
SKEWED = np.array([0.7, 0.1, 0.1, 0.1])  # the law of the forms of a reference
SIZES = [(2, 4), (4, 2), (8, 1), (4, 8)]  # classes × forms
MANY = 16  # forms, against one
_SAMPLES = {"SFT": "references anew", "SFT once": "references, one fixed,", "RLVR": "verdicts"}

_decompose = jax.jit(jax.vmap(partial(supervision.decompose, blocks=BLOCKS)))
_slack = jax.jit(jax.vmap(claims.supervision))
_information = jax.jit(jax.vmap(theory.conditional_mutual_information))


def _joints(settings: Settings, *shape: int) -> np.ndarray:
    """Random tables [table, …]."""
    rng = np.random.default_rng(settings.seed)
    return rng.dirichlet(np.full(int(np.prod(shape)), 0.3), NUM_TABLES).reshape(NUM_TABLES, *shape)


def chain(settings: Settings) -> Outcome:
    """C7: the identity, each of its three terms computed for itself."""
    split = _decompose(jnp.asarray(_joints(settings, 5, 3, 2)))
    gaps = np.abs(np.asarray(split.total - split.task - split.within))
    setting = f"largest gap of {NUM_TABLES} random joints, 5 outputs in 3 blocks × 3 symbols × 2 prompts"
    return equality(float(gaps.max()), 0.0, setting=f"{setting}; I(Y;S|Q) {float(split.total.mean()):.3f} on average")


def summary(settings: Settings) -> Outcome:
    """C7 for a summary P of any kind, not a function of Y."""
    slack = _slack(jnp.asarray(_joints(settings, 4, 3, 3, 2)))
    setting = f"smallest of {NUM_TABLES} random joints of (Y,P,S,Q), 4×3×3×2; {float(slack.mean()):.3f} on average"
    return inequality(float(slack.min()), setting=setting)


def summary_slack(settings: Settings) -> Outcome:
    """The slack against I(P;S|Y,Q), computed for itself; a block has none."""
    joints = _joints(settings, 4, 3, 3, 2)
    given = np.transpose(joints, (0, 2, 3, 1, 4)).reshape(NUM_TABLES, 3, 3, 8)  # [p, s, (y, q)]
    gap = _slack(jnp.asarray(joints)) - _information(jnp.asarray(given))
    block = np.eye(3)[np.array(BLOCKS)][None, :, :, None, None] * _joints(settings, 5, 3, 2)[:, :, None]
    none = _slack(jnp.asarray(block))
    worst = max(float(jnp.abs(gap).max()), float(jnp.abs(none).max()))
    setting = f"largest gap of {NUM_TABLES} random joints of (Y,P,S,Q), and of as many with P = [Y], whose slack is 0"
    return equality(worst, 0.0, setting=setting)


def xor(_: Settings) -> Outcome:
    """The twin: P = Y xor S splits nothing, as it says of S what Y does not."""
    y, s = np.indices((2, 2))
    joint = np.zeros((1, 2, 2, 2, 1))
    joint[0, y, y ^ s, s, 0] = 0.25
    slack = float(_slack(jnp.asarray(joint))[0])
    return equality(slack, 0.0, setting="Y, S independent bits: I(Y;S) = I(P;S) = 0, but I(Y;S|P) = ln 2")


def blind(settings: Settings) -> Outcome:
    """η of signals that look at the block alone, on random laws of output and prompt."""
    rng = np.random.default_rng(settings.seed)
    law = rng.dirichlet(np.full(10, 0.3), NUM_TABLES).reshape(NUM_TABLES, 5, 1, 2)
    answers = rng.dirichlet(np.full(3, 0.3), (NUM_TABLES, 3, 2))[:, np.array(BLOCKS)]  # [table, y, q, s]
    split = _decompose(jnp.asarray(law * np.swapaxes(answers, 2, 3)))
    setting = f"smallest of {NUM_TABLES} random signals p(s|block, prompt); I(Y;S|Q) {float(split.total.mean()):.3f}"
    return equality(float(split.efficiency.min()), 1.0, setting=f"{setting} nats on average", unit="share")


def graded(_: Settings) -> Outcome:
    """The twin: a rubric with one criterion of style."""
    split = signals.described("rubric + style").decomposition
    setting = f"8 classes × 8 forms, three criteria of the class and one of the form: {float(split.total):.3f} nats a "
    setting += f"query, {float(split.within):.3f} of the form"
    return equality(float(split.efficiency), 1.0, setting=setting, unit="share")


def reference_efficiency(_: Settings) -> Outcome:
    """η of references over c classes × M forms against the closed form."""
    tables = [np.eye(c * m)[:, :, None] / (c * m) for c, m in SIZES]
    blocks = [tuple((np.arange(c * m) // m).tolist()) for c, m in SIZES]
    found = [float(signals.split(*x).efficiency) for x in zip(map(jnp.asarray, tables), blocks, strict=True)]
    gaps = [abs(eta - np.log(c) / np.log(c * m)) for eta, (c, m) in zip(found, SIZES, strict=True)]
    shown = ", ".join(f"{eta:.3f} at {c} × {m}" for eta, (c, m) in zip(found, SIZES, strict=True))
    return equality(max(gaps), 0.0, setting=f"largest gap; η = {shown}", unit="share")


def per_nat(_: Settings) -> Outcome:
    """Nats of the class in each nat that is told: verdict less reference."""
    verdict, shown = (signals.described(name).decomposition for name in ("verdict", "reference + style"))
    slack = float(verdict.efficiency - shown.efficiency)
    setting = f"{NUM_CLASSES} × {NUM_FORMS}: verdict {float(verdict.total):.3f} nats, all of the class; reference "
    setting += f"{float(shown.total):.3f}, of which {float(shown.task):.3f}"
    measured, predicted = float(verdict.efficiency), float(shown.efficiency)
    return inequality(slack, predicted=predicted, measured=measured, setting=setting, unit="share")


def verdict_queries(_: Settings) -> Outcome:
    """Verdicts on one class after the other, against (c−1)(c+2)/(2c)."""
    greedy = signals.described("verdict").queries.greedy
    c = NUM_CLASSES
    setting = f"{c} × {NUM_FORMS}, greedy; a reference takes 1 query and tells ln {c * NUM_FORMS} nats"
    return equality(greedy, (c - 1) * (c + 2) / (2 * c), setting=setting, unit="queries")


def fewer_queries(_: Settings) -> Outcome:
    """The twin: one reference against the greedy verdicts."""
    verdict, shown = (signals.described(name).queries for name in ("verdict", "reference + style"))
    setting = f"{NUM_CLASSES} × {NUM_FORMS}: no policy needs fewer than {verdict.converse:.2f} verdicts"
    slack = shown.greedy - verdict.greedy
    return inequality(slack, predicted=shown.greedy, measured=verdict.greedy, setting=setting, unit="queries")


def price_cap(settings: Settings) -> Outcome:
    """H(form) ≤ ln M over random laws of the form, and the skewed one as an example."""
    laws = jnp.asarray(_joints(settings, 4))
    told = jax.vmap(supervision.price)(laws).told
    skewed = float(supervision.price(SKEWED).told)
    split = signals.describe(feedback.reference(2, 4), 4, np.tile(SKEWED / 2, 2)).decomposition
    setting = f"smallest ln 4 − H(form) of {NUM_TABLES} random laws and (.7, .1, .1, .1), where H = {skewed:.4f} and "
    setting += f"I(Y;S|[Y]) = {float(split.within):.4f}"
    return inequality(min(float(np.log(4) - told.max()), float(np.log(4) - skewed)), setting=setting)


def price_always(_: Settings) -> Outcome:
    """The twin: ln M whatever the forms."""
    told = float(supervision.price(SKEWED).told)
    return equality(told, float(np.log(4)), setting="forms (.7, .1, .1, .1): H(form), against ln 4")


def student(start: np.ndarray, name: str, _: Settings) -> Outcome:
    """What a student has to learn of the form."""
    told, learned = (float(x) for x in supervision.price(SKEWED, start))
    setting = f"forms (.7, .1, .1, .1), {name}: H(form) = {told:.4f} is told anew by each reference"
    return equality(learned, 0.0, setting=setting)


def time(method: str, settings: Settings) -> Outcome:
    """Trained against predicted, at the M where they differ most."""
    found, expected = costs.trained(method), costs.predicted(method)
    gap = np.abs(found.time / expected - 1)
    worst = int(gap.argmax())
    shown = " → ".join(f"{found.time[i]:.4g}" for i in (0, -1))
    setting = f"{costs.METHODS[method]}, {costs.NUM_CLASSES} classes, to {costs.GOAL:.0%}: {shown} for M = 1 → "
    setting += (
        f"{costs.FORMS[-1]}; worst at M = {costs.FORMS[worst]}. Exact gradients in {costs.NUM_UPDATES} and twice "
    )
    setting += f"as many updates (apart by {found.moved.max():.1e}), extrapolated, hence 1e-5 for the order rate²"
    tolerance = 1e-5 * expected[worst]
    return equality(found.time[worst], expected[worst], tolerance=tolerance, setting=setting, unit="rate × updates")


def growth(method: str, claimed: str, _: Settings) -> Outcome:
    """A twin: another dependence on M than the method has."""
    found = costs.trained(method).time
    m = costs.FORMS[-1]
    expected = {"M": m * found[0], "ln M": found[0] + np.log(m), "none": found[0]}[claimed]
    setting = f"{costs.METHODS[method]}, {costs.NUM_CLASSES} classes: M = {m} against M = 1 ({found[0]:.4g})"
    return equality(found[-1], expected, tolerance=0.1 * expected, setting=setting + "; ± 10 %", unit="rate × updates")


def large_steps(settings: Settings) -> Outcome:
    """The references that a table with large steps takes, the most of all seeds."""
    cost = costs.on_table(settings, "SFT", "large steps")[costs.forms(settings).index(MANY)]
    setting = (
        f"table, learning rate {costs.STEPS['large steps']:g}, M = {MANY}: the most of {costs.num_seeds(settings)} "
    )
    setting += f"seeds; then {cost.diversity.mean():.3f} nats of forms are left of ln {MANY}"
    return equality(float(cost.samples.max()), 1.0, setting=setting, unit="references")


def small_steps(claimed: float, settings: Settings) -> Outcome:
    """The ratio of references on a table with small steps, at least `claimed`."""
    one, many = (costs.on_table(settings, "SFT", "small steps")[costs.forms(settings).index(m)] for m in (1, MANY))
    return _ratio(many, one, claimed, 1, f"SFT, table, rate 1, M = {MANY} against 1", settings)


def network_ratio(
    above: tuple[str, int], below: tuple[str, int], bound: float, sign: int, settings: Settings
) -> Outcome:
    """The ratio of the samples of two trainings of the network; sign +1: at least `bound`; −1: at most."""
    high, low = (costs.on_network(settings, *which) for which in (above, below))
    names = [f"{_SAMPLES[method]} at M = {m}" for method, m in (above, below)]
    return _ratio(high, low, bound, sign, f"network, ADAM .01, {names[0]} per {names[1]}", settings)


def _ratio(high: costs.Cost, low: costs.Cost, bound: float, sign: int, setting: str, settings: Settings) -> Outcome:
    """A bound on the geometric mean over seeds, decided in logarithms."""
    log = theory.estimate(np.log(high.samples) - np.log(low.samples))
    ends = [float(np.exp(x)) for x in log.interval()]
    sizes = f"{np.exp(np.log(high.samples).mean()):.4g} per {np.exp(np.log(low.samples).mean()):.4g}"
    setting += f": {np.exp(float(log.mean)):.3g} (95 %: {ends[0]:.3g} to {ends[1]:.3g}), {sizes} a prompt, to "
    setting += f"{costs.GOAL:.0%}; geometric means of {log.count} seeds, {high.stuck} and {low.stuck} not there in time"
    slack = sign * (float(log.mean) - np.log(bound))
    predicted, measured = float(np.log(bound)), float(log.mean)
    return inequality(
        slack, stderr=float(log.stderr), predicted=predicted, measured=measured, setting=setting, unit="ln ratio"
    )
