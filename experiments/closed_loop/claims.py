"""Claims about the closed loop: C1 and C2."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

import theory
from experiments.closed_loop import real_data, study
from experiments.closed_loop.study import LATE, NUM_SAMPLES
from experiments.harness.claim import Found, at_most, claim, equal, paired
from experiments.harness.ledger import Settings
from experiments.harness.statements import PAPER, Statement

HELD_OUT_GENERATION = 10  # later a few collapsed replicas dominate the mean
NUM_SMOOTHED, SMOOTHING = 5, 1.0  # samples of the loop that forgets at a constant rate; added to each count
RATED = 40  # generations; later only rounding is left

RETAINED = "share of information retained"

contraction = jax.jit(theory.contraction)


def training(leak: bool, settings: Settings) -> Found:
    """I(X;Z_0) against I(X;D)."""
    found = study.training(settings, leak)
    return at_most(*paired(found.of_model, found.of_data), found.setting)


def residual(smoothing: float, settings: Settings) -> Found:
    """The information left in the end against that of one draw of the true model."""
    left = study.chain(NUM_SAMPLES, smoothing).information[LATE]
    setting = f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = {LATE}"
    return equal(left, study.residual(), setting + (f", smoothing {smoothing:g}" if smoothing else ""))


def constant_rate(settings: Settings) -> Found:
    """The strong data-processing inequality with a smoothed fit: a rate that holds forever."""
    chain = study.chain(NUM_SMOOTHED, SMOOTHING)
    setting = f"smoothing {SMOOTHING:g}, n = {NUM_SMOOTHED}, t = 1 … {RATED}; η_KL of the kernel"
    return at_most(_retained(chain, RATED), contraction(chain.kernel), setting, RETAINED)


def first_rate(settings: Settings) -> Found:
    """Without smoothing, the share retained in the first generation taken as a constant rate."""
    retained = _retained(study.chain(), study.NUM_GENERATIONS)
    return at_most(retained, retained[0], f"no smoothing, n = {NUM_SAMPLES}; the first generation's share", RETAINED)


def _retained(chain: study.ExactLoop, num_generations: int) -> np.ndarray:
    """I(X;Z_{t+1}) / I(X;Z_t) [t]."""
    return chain.information[1 : num_generations + 1] / chain.information[:num_generations]


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


INFORMATION, COLLAPSE = "closed-loop-information", "closed-loop-collapse"
AGREES = "The simulated closed loop has the exact information at every t: "

CLAIMS = (
    *claim(
        "C1-mean",
        "A model fitted to the sample mean carries at most the information of its data: I(X;Z_0) ≤ I(X;D)",
        partial(training, False),
        control=("… also if the start of the fit depends on the task", partial(training, True)),
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
        "A loop with a smoothed fit forgets at a constant rate: I(X;Z_{t+1}) ≤ η_KL I(X;Z_t), η_KL < 1",
        constant_rate,
        control=("… so does the loop without smoothing", first_rate),
        test="tests/theory/test_claims.py::test_strong_data_processing",
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
            "learner, the optimiser or the number of epochs."
        ),
        conditions=(
            "The learner's randomness must be independent of the task: a seed or a hyperparameter that was chosen on "
            "the answers is a leak. The inequality does not say how much a fit loses."
        ),
        practice=(
            "To learn more about the task, a pipeline needs other data or a signal, not more computation on the same "
            "data. Trust an estimate of information only if its intervals cover known truths, as those of this page "
            "do."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.8.1"),
        test="tests/theory/test_claims.py::test_training",
    ),
    Statement(
        "C2",
        title="A closed loop loses information, generation after generation",
        formula=r"X \to Z_t \to D_t \to Z_{t+1} \quad\Rightarrow\quad I(X;Z_{t+1}) \le I(X;Z_t)",
        words=(
            "A model retrained on nothing but its own samples can only forget (model collapse). A categorical model "
            "ends with the information of a single draw of the true model, whatever the number of samples per "
            "generation."
        ),
        conditions=(
            "The loss is neither strict nor total: for a categorical model I(X;Y) is left in the end, Y one draw of "
            "the true model. Its rate is constant only if the fit is smoothed."
        ),
        practice=(
            "Do not retrain on a model's own samples alone. In our two data sets, accumulating everything ever "
            "generated, or adding the real set in each generation (augmentation), preserves nearly all; 10 % fresh "
            "real samples halt the fall, at a loss."
        ),
        source=(
            f"{PAPER}; "
            "Wright (1931), Evolution in Mendelian populations; Shumailov et al. (2024), AI models collapse when "
            "trained on recursively generated data, Nature 631"
        ),
        test="tests/theory/test_claims.py::test_data_processing",
    ),
)
