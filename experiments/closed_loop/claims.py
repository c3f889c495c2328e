"""What is claimed of the closed loop: C1 and C2."""

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

HELD_OUT_GENERATION = 10  # later, the few replicas that have collapsed carry the mean
NUM_SMOOTHED, SMOOTHING = 5, 1.0  # the loop that forgets at a constant rate, and what is added to each of its counts
RATED = 40  # generations; later nothing is left but rounding

contraction = jax.jit(theory.contraction)


def training(leak: bool, settings: Settings) -> Found:
    """I(X;Z_0) against I(X;D)."""
    found = study.training(settings, leak)
    return at_most(*paired(found.of_model, found.of_data), found.setting)


def residual(smoothing: float, settings: Settings) -> Found:
    """What is left in the end against what one draw of the true model tells."""
    left = study.chain(NUM_SAMPLES, smoothing).information[LATE]
    setting = f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = {LATE}"
    return equal(left, study.residual(), setting + (f", smoothing {smoothing:g}" if smoothing else ""))


def constant_rate(settings: Settings) -> Found:
    """The strong data-processing inequality, where the fit is smoothed: a rate that holds for ever."""
    chain = study.chain(NUM_SMOOTHED, SMOOTHING)
    setting = f"smoothing {SMOOTHING:g}, n = {NUM_SMOOTHED}, t = 1 … {RATED}; η_KL of the kernel"
    return at_most(_kept(chain, RATED), contraction(chain.kernel), setting, "share kept")


def first_rate(settings: Settings) -> Found:
    """Without smoothing, the share kept in the first generation taken for a rate."""
    accepted = _kept(study.chain(), study.NUM_GENERATIONS)
    return at_most(
        accepted, accepted[0], f"no smoothing, n = {NUM_SAMPLES}; the first generation's share", "share kept"
    )


def _kept(chain: study.Chain, num_generations: int) -> np.ndarray:
    """I(X;Z_{t+1}) / I(X;Z_t) [t]."""
    return chain.information[1 : num_generations + 1] / chain.information[:num_generations]


def simulated(loop: Callable[[Settings], study.Simulated], settings: Settings) -> Found:
    """The simulated information against the exact one, at every t."""
    found = loop(settings)
    where = [f"{found.setting}, t = {t}, {len(found.pointwise)} replicas" for t in range(len(found.exact))]
    return equal(found.information, found.exact, where)


def diversity(settings: Settings) -> Found:
    """The simulated diversity against (1 − 1/n)^{t+1}, at every t."""
    found = study.diversity(settings)
    where = [f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = {t}, {found.count} replicas" for t in range(len(found.mean))]
    return equal(found, study.diversity_law(), where, "that of the true model")


def held_out(loops: Callable[[Settings], real_data.Loops], settings: Settings) -> Found:
    """What data that a closed loop on real data never saw are worth to it, against Z_0."""
    found = loops(settings)
    values = found.measures["replace"]["held_out"]  # [replica, t]
    setting = f"{found.setting}, t = {HELD_OUT_GENERATION} against t = 0, {len(values)} replicas"
    return at_most(*paired(values[:, HELD_OUT_GENERATION], values[:, 0]), setting, "nats a sample")


INFORMATION, COLLAPSE = "closed-loop-information", "closed-loop-collapse"
AGREES = "The simulated closed loop has the information of the exact law at every t: "

CLAIMS = (
    *claim(
        "C1-mean",
        "A fit that keeps the mean alone knows no more than its data: I(X;Z_0) ≤ I(X;D)",
        partial(training, False),
        control=("… even where the start of the fit was chosen on the answers", partial(training, True)),
        test="tests/theory/test_claims.py::test_training",
    ),
    *claim(
        "C2-residual",
        "What is left in the end is what one draw of the true model tells: I(X;Z_∞) = I(X;Y)",
        partial(residual, 0.0),
        control=("… also where the fit is smoothed", partial(residual, SMOOTHING)),
        figure=INFORMATION,
        test="tests/theory/test_drift.py::test_what_is_left_is_one_draw",
    ),
    *claim(
        "C2-rate",
        "A loop whose fit is smoothed forgets at a constant rate: I(X;Z_{t+1}) ≤ η_KL I(X;Z_t), η_KL < 1",
        constant_rate,
        control=("… so does the categorical loop without smoothing", first_rate),
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
        AGREES + "the mean of a normal law",
        partial(simulated, study.mean),
        figure=INFORMATION,
    ),
    *claim(
        "instrument-closed-log-variance",
        AGREES + "the variance of a normal law",
        partial(simulated, study.log_variance),
        figure=INFORMATION,
    ),
    *claim(
        "instrument-closed-diversity",
        "The diversity of the simulated closed loop falls by a share 1/n a generation",
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
            "Whatever the learner, the optimiser or the number of epochs: a model Z that was fitted to data D knows no"
            " more of its task X than the data did."
        ),
        conditions=(
            "The learner's own randomness must not depend on the task: a seed or a setting that was chosen on the "
            "answers is a leak. And the inequality does not say how much a fit throws away."
        ),
        practice=(
            "To know more, a pipeline needs other data or a signal, not more computation on the same. Where an "
            "information is estimated, trust only intervals that were seen to hold known truths; those of this page "
            "were."
        ),
        source=(f"{PAPER}; Cover & Thomas (2006), Elements of Information Theory, theorem 2.8.1"),
        test="tests/theory/test_claims.py::test_training",
    ),
    Statement(
        "C2",
        title="A closed loop loses information, generation after generation",
        formula=r"X \to Z_t \to D_t \to Z_{t+1} \quad\Rightarrow\quad I(X;Z_{t+1}) \le I(X;Z_t)",
        words=(
            "A model that is trained on what it generated itself can only forget. A categorical model ends at what a "
            "single draw of the true model tells, whatever the number of samples in a generation."
        ),
        conditions=(
            "The loss is neither strict nor total: what is left in the end is I(X;Y), Y one draw of the true model. "
            "Nor has it a constant rate, unless the fit is smoothed."
        ),
        practice=(
            "Do not retrain on a model's own samples alone. In our two sets of real data keeping everything that was "
            "ever generated, or the real set again, keeps nearly all; a tenth of fresh samples halts the fall, at a "
            "loss."
        ),
        source=(
            f"{PAPER}; "
            "Wright (1931), Evolution in Mendelian populations; Shumailov et al. (2024), AI models collapse when "
            "trained on recursively generated data, Nature 631"
        ),
        test="tests/theory/test_claims.py::test_data_processing",
    ),
)
