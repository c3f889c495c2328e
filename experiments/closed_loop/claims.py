"""Claims about the closed loop: C1 and C2."""

from collections.abc import Callable
from functools import partial

import numpy as np

import theory
from experiments.closed_loop import fresh, real_data, seeds, study
from experiments.closed_loop.study import LATE, NUM_SAMPLES
from experiments.harness.claim import Found, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement

HELD_OUT_GENERATION = 10  # later a few collapsed replicas dominate the mean
SMOOTHING = 1.0  # added to each count
RATED = (20, 50)  # samples of the loops whose rate is measured, at t = 8n: later rounding, earlier all rates differ


def training(choices: tuple[str, ...], settings: Settings) -> Found:
    """I(X;Z_0) against I(X;D), batch by batch, with a seed that was chosen on these."""
    found = [seeds.trained(settings, choice) for choice in choices]
    models, data = (np.stack([getattr(one, name) for one in found], axis=1) for name in ("of_model", "of_data"))
    return at_most(*paired(models, data), [one.setting for one in found])


def residual(smoothing: float, settings: Settings) -> Found:
    """The information left in the end against that of one draw of the true model."""
    left = study.chain(NUM_SAMPLES, smoothing).information[LATE]
    setting = f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = {LATE}"
    return equal(left, study.residual(), setting + (f", smoothing {smoothing:g}" if smoothing else ""))


def late_rate(smoothing: float, predicted: float, settings: Settings) -> Found:
    """n(1 − r), r the share of the excess I(X;Z_t) − I(X;Z_∞) that a late generation keeps."""
    rates, left = [], 0.0 if smoothing else study.residual()
    for n in RATED:
        excess = study.chain(n, smoothing).information[8 * n :][:2] - left
        rates.append(n * (1 - excess[1] / excess[0]))
    tail = f", smoothing {smoothing:g}" * bool(smoothing) + "; tolerance 1e-3 for what decays faster, e^−8 = 3e-4"
    where = [f"2 symbols, n = {n}, 19 tasks, t = {8 * n}{tail}" for n in RATED]
    return equal(rates, predicted, where, "n × share of the excess lost", tolerance=1e-3)


def counted(by_number: bool, settings: Settings) -> Found:
    """The share of ln 2 that m fresh samples of n retain, against that which they retain of any n."""
    points = [
        (n, m if by_number else round(share * n), m, p)
        for p in fresh.ACCURACIES
        for n in fresh.SIZES
        for m, share in zip(fresh.NUMBERS, fresh.SHARES, strict=True)
    ]
    found = [fresh.retained(n, given, p) for n, given, _, p in points]
    expected = [fresh.wright(m, p) for _, _, m, p in points]
    tail = "; tolerance .035, of order m/n, at most a fifth here"
    where = [f"2 symbols, p = {p:g}, n = {n}, {given} fresh a generation, t → ∞{tail}" for n, given, _, p in points]
    return equal(found, expected, where, "share of ln 2", tolerance=0.035)


def preserves(keeping: bool, settings: Settings) -> Found:
    """The held-out log-likelihood lost in 200 generations, against a tenth of what the closed loop loses in 10."""
    loops = real_data.faithful(settings), real_data.english(settings)
    chosen = [(loops[0], "reuse"), (loops[1], "reuse"), (loops[1], "accumulate")]
    if not keeping:
        chosen = [(loop, "replace") for loop in loops]
    lost, tenth, where = [], [], []
    for loop, regime in chosen:
        mine, closed = (loop.measures[name]["held_out"] for name in (regime, "replace"))  # [replica, t]
        sides = paired(mine[:, 0] - mine[:, -1], (closed[:, 0] - closed[:, HELD_OUT_GENERATION]) / 10)
        lost, tenth = [*lost, sides[0]], [*tenth, sides[1]]
        where.append(f"{loop.setting}, {regime}, t = {real_data.NUM_GENERATIONS}, {len(mine)} replicas")
    mean, error, count = map(np.array, zip(*lost, strict=True))
    return at_most(theory.Estimate(mean, error, count), tenth, where, "nats per sample")  # pyright: ignore[reportArgumentType]


def simulated(loop: Callable[[Settings], study.SimulatedLoop], settings: Settings) -> Found:
    """The simulated information against the exact one, at every t."""
    found = loop(settings)
    where = [f"{found.setting}, t = {t}, {len(found.pointwise)} replicas" for t in range(len(found.exact))]
    return equal(found.information, found.exact, where)


def diversity(settings: Settings) -> Found:
    """The simulated diversity against (1 − 1/n)^{t+1}, at every t."""
    found = study.diversity(settings)
    where = [f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = {t}, {found.count} replicas" for t in range(len(found.mean))]
    return equal(found, study.expected_diversity(), where, "of the true model's diversity")


def held_out(loops: Callable[[Settings], real_data.Loops], settings: Settings) -> Found:
    """The held-out log-likelihood of a closed loop from real data, against that of Z_0."""
    found = loops(settings)
    values = found.measures["replace"]["held_out"]  # [replica, t]
    setting = f"{found.setting}, t = {HELD_OUT_GENERATION} against t = 0, {len(values)} replicas"
    return at_most(*paired(values[:, HELD_OUT_GENERATION], values[:, 0]), setting, "nats per sample")


INFORMATION, COLLAPSE, FRESH = (f"closed-loop-{name}" for name in ("information", "collapse", "fresh"))
AGREES = "The simulated closed loop has the exact information at every t: "

CLAIMS = (
    *claim(
        "C1-seed",
        "A model trained with any seed, or the best on its data, carries at most what these carry: I(X;Z) ≤ I(X;D)",
        partial(training, ("nothing", "data")),
        control=("… also with the seed that is best on the true answers", partial(training, ("answers",))),
        kind="monte-carlo",
        test="tests/theory/test_claims.py::test_training",
    ),
    *claim(
        "C2-residual",
        "A categorical loop ends with the information of one draw of the true model: I(X;Z_∞) = I(X;Y)",
        partial(residual, 0.0),
        control=("… also with a smoothed fit", partial(residual, SMOOTHING)),
        figure=INFORMATION,
        test="tests/theory/test_drift.py::test_what_is_left_is_one_draw",
    ),
    *claim(
        "C2-rate",
        "Late, the excess of a categorical loop over what stays, I(X;Z_t) − I(X;Y), falls by the factor 1 − 1/n",
        partial(late_rate, 0.0, 1.0),
        control=("… also with a smoothed fit", partial(late_rate, SMOOTHING, 1.0)),
    ),
    *claim(
        "C2-fresh",
        "m fresh samples of n ≥ 5m a generation retain the same information for every n, to .035 of ln 2 (two symbols)",
        partial(counted, True),
        control=("… so does the same share of fresh samples", partial(counted, False)),
        figure=FRESH,
        test="tests/experiments/test_closed_loop.py::test_retained_is_the_chain_run_to_its_end",
    ),
    *claim(
        "C2-practice",
        "With the real set in each, 200 generations lose less than a tenth of what 10 fully synthetic ones lose",
        partial(preserves, True),
        control=("… so do fully synthetic ones", partial(preserves, False)),
        figure="closed-loop-english",
    ),
    *claim(
        "C2-faithful",
        "A mixture fitted to the Old Faithful eruptions, retrained on its own samples, loses held-out log-likelihood",
        partial(held_out, real_data.faithful),
        figure="closed-loop-faithful",
    ),
    *claim(
        "C2-english",
        "A Markov chain of characters fitted to an English text, retrained on its own samples, loses held-out "
        "log-likelihood",
        partial(held_out, real_data.english),
        figure="closed-loop-english",
    ),
    *claim(
        "instrument-closed-categorical",
        AGREES + "a symbol's probability",
        partial(simulated, study.categorical),
        figure=INFORMATION,
    ),
    *claim(
        "instrument-closed-mean",
        AGREES + "the mean of a Gaussian",
        partial(simulated, study.mean),
        figure=INFORMATION,
    ),
    *claim(
        "instrument-closed-log-variance",
        AGREES + "the variance of a Gaussian",
        partial(simulated, study.log_variance),
        figure=INFORMATION,
    ),
    *claim(
        "instrument-closed-diversity",
        "The diversity of the simulated closed loop falls by the factor 1 − 1/n per generation",
        diversity,
        figure=COLLAPSE,
    ),
)

STATEMENTS = (
    Statement(
        "C1",
        title="Training adds nothing about the task beyond its data",
        formula=r"X \to D \to Z \quad\Rightarrow\quad I(X;Z) \le I(X;D)",
        words=(
            "A model Z fitted to data D carries at most the information about its task X that D carries, whatever the "
            "learner, the optimiser or the number of epochs, if its randomness is independent of the task."
        ),
        conditions=(
            "A seed or a hyperparameter that was chosen on the answers is a leak: then the model may carry more; one "
            "chosen on the data is none. The inequality does not say how much a fit loses."
        ),
        practice=(
            "To learn more about the task, in Shannon's sense, a pipeline needs other data or a signal; more "
            "computation may extract more of what the data hold (Finzi et al. 2026, arXiv:2601.03220). A held-out set "
            "on which you choose is data: count it."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.8.1"),
        test="tests/theory/test_claims.py::test_training",
        decided_by="C1-seed",
        fails_where="Where the seed was chosen on the true answers.",
    ),
    Statement(
        "C2",
        title="A closed loop loses information, generation after generation",
        formula=r"X \to Z_t \to D_t \to Z_{t+1} \quad\Rightarrow\quad I(X;Z_{t+1}) \le I(X;Z_t)",
        words=(
            "A model retrained on nothing but its own samples can only forget (model collapse). A categorical model "
            "that is refitted to n samples a generation, without smoothing, ends with the information of a single draw "
            "of the true model, I(X;Y), whatever n; what it has beyond that falls late by the factor 1 − 1/n a "
            "generation."
        ),
        conditions=(
            "The loss is neither strict nor total: for a categorical model I(X;Y) is left in the end, Y one draw of "
            "the true model. With a smoothed fit nothing is left, at another rate. The loop must be closed: with m "
            "fresh real samples in each generation information is retained, and m counts, not their share of n (two "
            "and three symbols, m/n small; the mean of a Gaussian: what 2m − m²/n samples carry). Beside a verifier m "
            "alone does not decide: n times its ln LR counts, too."
        ),
        practice=(
            "Do not retrain on a model's own samples alone. In our two data sets the real set again in each generation "
            "(augmentation), and for the text accumulating everything ever generated, preserve nearly all; fresh real "
            "samples halt the fall at a level that their number sets: count them."
        ),
        source=(
            f"{PAPER}; "
            "Wright (1931), Evolution in Mendelian populations; Shumailov et al. (2024), AI models collapse when "
            "trained on recursively generated data, Nature 631"
        ),
        test="tests/theory/test_claims.py::test_data_processing",
        decided_by="C2-mixture",
        fails_where="Where a verifier opens the loop.",
    ),
)
