"""The ledger's rows: C1 and C2, exact, by simulation and on real data, each with the false twin that must fail."""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import theory
from experiments.closed_loop import loops, real_data
from experiments.closed_loop.loops import NUM_GENERATIONS, NUM_SAMPLES, PRIOR, SHARES, Information
from experiments.ledger import Check, Outcome, Settings, check, equality, inequality
from theory import claims, drift, gaussian

HELD_OUT_GENERATION = 20  # later, the few replicas that have collapsed carry the mean
NUM_SMOOTHED, SMOOTHING = 5, 1.0  # the loop that forgets at a constant rate, and what is added to each of its counts


def random_training(settings: Settings, leak: float = 0.0) -> Outcome:
    """C1 over 256 random tasks, data and learners; in the twin Z is drawn from X with probability `leak`."""
    rng = np.random.default_rng(settings.seed)
    data = rng.dirichlet(np.full(20, 0.3), 256).reshape(256, 4, 5, 1)
    learner = rng.dirichlet(np.full(6, 0.3), (256, 1, 5))
    leaked = rng.dirichlet(np.full(6, 0.3), (256, 4, 1))
    slack = jax.vmap(claims.training)(jnp.asarray(data * ((1 - leak) * learner + leak * leaked)))
    aside = f", Z drawn from X with probability {leak:g}" if leak else ""
    return inequality(float(slack.min()), setting=f"smallest of 256 random X → D → Z, 4×5×6 symbols{aside}")


def training_a_mean(settings: Settings) -> Outcome:
    """C1 by Monte-Carlo: a learner that fits the mean of data whose variance also tells the task."""
    means, scales, n = jnp.linspace(-1.0, 1.0, 8), jnp.linspace(0.5, 1.5, 8), 20
    num_replicas = 4000 if settings.full else 1000
    noise = jax.random.normal(loops.stream(settings, 6), (num_replicas, 8, n), float)
    data = means[None, :, None] + scales[None, :, None] * noise

    def pointwise(log_likelihood: jax.Array) -> jax.Array:  # [replica, task, candidate]
        own = jnp.diagonal(log_likelihood, axis1=1, axis2=2)
        return (own - jax.nn.logsumexp(log_likelihood, axis=2) + jnp.log(8.0)).mean(1)

    logpdf = jax.scipy.stats.norm.logpdf
    with jax.numpy_rank_promotion("allow"):
        of_data = pointwise(logpdf(data[..., None], means, scales).sum(2))
        of_mean = pointwise(logpdf(data.mean(2)[..., None], means, scales / n**0.5))
    slack = theory.estimate(of_data - of_mean)
    setting = f"8 tasks N(μ_x, σ_x²), n = {n}, only the mean is fitted, {num_replicas} paired replicas"
    return inequality(float(slack.mean), measured=float(slack.mean), stderr=float(slack.stderr), setting=setting)


def loss(information: Callable[[Settings], jax.Array], setting: str, settings: Settings) -> Outcome:
    """C2 on exact informations: the smallest loss in one generation."""
    slack = claims.data_processing(information(settings))
    return inequality(float(slack.min()), setting=f"{setting}; the smallest loss of {slack.size} generations")


@lru_cache
def categorical(settings: Settings) -> jax.Array:
    """I(X;Z_t) of the closed loop of two symbols."""
    num_generations = 20_000 if settings.full else 2_000
    return drift.information(PRIOR, loops.starts(), drift.neutral_kernel(NUM_SAMPLES), num_generations)


def three_symbols(settings: Settings) -> jax.Array:
    """I(X;Z_t) on a lattice of three symbols, for six random tasks."""
    n, num_generations = (40, 400) if settings.full else (20, 200)
    tasks = np.random.default_rng(settings.seed).dirichlet(np.ones(3), 6)
    starts = jnp.stack([drift.initial(n, task) for task in tasks])
    return drift.information(jnp.full(6, 1 / 6), starts, drift.neutral_kernel(n, 3), num_generations)


def with_verdicts(settings: Settings) -> jax.Array:
    """I(X;Z_t) of two tasks where a verdict that depends on the task decides what is kept: the loop is open."""
    z = drift.lattice(NUM_SAMPLES, 2) / NUM_SAMPLES
    tasks, acceptances = jnp.array([[0.4, 0.6], [0.6, 0.4]]), jnp.array([[0.5, 0.9], [0.9, 0.5]])
    kept = z[None] * acceptances[:, None, :]
    kernels = [drift.multinomial_kernel(NUM_SAMPLES, law / law.sum(1, keepdims=True)) for law in kept]
    starts = jnp.stack([drift.initial(NUM_SAMPLES, task) for task in tasks])
    return drift.information([0.5, 0.5], starts, jnp.stack(kernels), 20)


def residual(settings: Settings, claimed: float | None = None) -> Outcome:
    """What is left in the end is what one draw of the true model tells; the twin claims that it is zero."""
    limit = drift.residual_information(PRIOR, np.stack([SHARES, 1 - SHARES], axis=1)) if claimed is None else claimed
    left = categorical(settings)[2000]
    return equality(float(left), float(limit), setting=f"2 symbols, n = {NUM_SAMPLES}, 19 tasks, t = 2000")


def constant_rate(settings: Settings) -> Outcome:
    """The strong data-processing inequality, where the fit is smoothed: a rate that holds for ever."""
    states = drift.lattice(NUM_SMOOTHED, 2)
    kernel = drift.multinomial_kernel(NUM_SMOOTHED, (states.astype(float) + SMOOTHING) / (NUM_SMOOTHED + 2 * SMOOTHING))
    information = drift.information(PRIOR, loops.starts(NUM_SMOOTHED), kernel, NUM_GENERATIONS)
    slack = claims.strong_data_processing(information, kernel)
    rate = float(theory.contraction(kernel))
    setting = f"smoothing {SMOOTHING:g}, n = {NUM_SMOOTHED}: η_KL = {rate:.6f}; the smallest slack"
    return inequality(float(slack.min()), setting=setting)


def first_rate_for_ever(settings: Settings) -> Outcome:
    """The twin: without smoothing, the share kept in the first generation taken for a rate."""
    information = categorical(settings)[: NUM_GENERATIONS + 1]
    rate = information[1] / information[0]
    slack = rate * information[:-1] - information[1:]
    return inequality(float(slack.min()), setting=f"no smoothing, n = {NUM_SAMPLES}: the first rate is {rate:.6f}")


def simulated(study: Callable[[Settings], Information], t: int, setting: str, settings: Settings) -> Outcome:
    """The instrument against the exact law."""
    result = study(settings)
    return equality(
        float(result.simulated.mean[t]),
        float(result.exact[t]),
        stderr=float(result.simulated.stderr[t]),
        setting=f"{setting}, t = {t}, {result.simulated.count} replicas",
    )


def simulated_loss(study: Callable[[Settings], Information], t: int, setting: str, settings: Settings) -> Outcome:
    """C2 by simulation, both generations on the same replicas."""
    result = study(settings)
    slack = theory.estimate(result.pointwise[:, 0] - result.pointwise[:, t])
    return inequality(
        float(slack.mean),
        stderr=float(slack.stderr),
        predicted=float(result.exact[0] - result.exact[t]),
        measured=float(slack.mean),
        setting=f"{setting}, I(X;Z_0) − I(X;Z_{t}), {slack.count} paired replicas",
    )


def held_out_loss(name: str, settings: Settings) -> Outcome:
    """What a closed loop on real data loses on data that it never saw."""
    study = real_data.built_in(name, settings)
    values = study.records["replace"].model["held_out"][0]  # [replica, t]
    slack = theory.estimate(values[:, 0] - values[:, HELD_OUT_GENERATION])
    return inequality(
        float(slack.mean),
        measured=float(slack.mean),
        stderr=float(slack.stderr),
        setting=f"{study.setting}, t = {HELD_OUT_GENERATION}, {slack.count} replicas",
        unit="nats a sample",
    )


_CLAIMS = "theory/test_claims.py::"
_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_LOSES = "A closed loop loses information in every generation, I(X;Z_{t+1}) ≤ I(X;Z_t)"
_CATEGORICAL = f"2 symbols, n = {NUM_SAMPLES}, 19 tasks"
_MEAN, _VARIANCE = f"n = {loops.NUM_MEAN}, τ = σ = 1", f"n = {loops.NUM_VARIANCE}, prior N(0, 1) on ln σ²"
_INFORMATION = "closed-loop-information"

CHECKS: tuple[Check, ...] = (
    check(
        "C1-chains",
        "exact",
        "Training adds nothing about the task beyond its data: I(X;Z) ≤ I(X;D)",
        _CLAIMS + "test_training",
        random_training,
    ),
    check(
        "C1-chains-twin",
        "exact",
        "… even where the learner's randomness depends on the task",
        _CLAIMS + "test_training_twin",
        partial(random_training, leak=0.5),
        twin=True,
    ),
    check(
        "C1-mean",
        "monte-carlo",
        "A fit that keeps the mean alone knows less than its data: I(X;D) − I(X;Z_0) ≥ 0",
        _ROWS,
        training_a_mean,
    ),
    check(
        "C2-categorical",
        "exact",
        f"{_LOSES}: two symbols, exactly",
        _CLAIMS + "test_data_processing",
        partial(loss, categorical, _CATEGORICAL),
        _INFORMATION,
    ),
    check(
        "C2-categorical-twin",
        "exact",
        "… even where a verdict that depends on the task enters",
        _CLAIMS + "test_data_processing_twin",
        partial(
            loss,
            with_verdicts,
            f"2 symbols, n = {NUM_SAMPLES}, tasks .4 and .6, the likelier kept with .9, the other with .5",
        ),
        twin=True,
    ),
    check(
        "C2-three-symbols",
        "exact",
        f"{_LOSES}: three symbols, exactly",
        _CLAIMS + "test_data_processing",
        partial(loss, three_symbols, "6 random tasks"),
    ),
    check(
        "C2-mean",
        "exact",
        f"{_LOSES}: the mean of a normal law, ½ ln(1 + nτ²/((t+1)σ²))",
        "theory/test_gaussian.py::test_published_information",
        partial(loss, lambda _: gaussian.mean_information(loops.NUM_MEAN, NUM_GENERATIONS), _MEAN),
        _INFORMATION,
    ),
    check(
        "C2-log-variance",
        "exact",
        f"{_LOSES}: the variance of a normal law, from the density of its log-variance walk",
        "theory/test_gaussian.py::test_published_information",
        partial(loss, lambda _: gaussian.log_variance_information(loops.NUM_VARIANCE, NUM_GENERATIONS), _VARIANCE),
        _INFORMATION,
    ),
    check(
        "C2-residual",
        "exact",
        "What is left in the end is what one draw of the true model tells: I(X;Z_∞) = I(X;Y)",
        "theory/test_drift.py::test_what_is_left_is_one_draw",
        residual,
        _INFORMATION,
    ),
    check(
        "C2-residual-twin",
        "exact",
        "… it goes to zero",
        "theory/test_drift.py::test_what_is_left_is_one_draw",
        partial(residual, claimed=0.0),
        twin=True,
    ),
    check(
        "C2-rate",
        "exact",
        "A loop whose fit is smoothed forgets at a constant rate: I(X;Z_{t+1}) ≤ η_KL I(X;Z_t), η_KL < 1",
        _CLAIMS + "test_strong_data_processing",
        constant_rate,
    ),
    check(
        "C2-rate-twin",
        "exact",
        "… so does the categorical loop without smoothing",
        _CLAIMS + "test_the_closed_loop_has_no_rate",
        first_rate_for_ever,
        twin=True,
    ),
    *(
        row
        for name, study, setting in (
            ("categorical", loops.categorical, _CATEGORICAL),
            ("mean", loops.gaussian_mean, _MEAN),
            ("log-variance", loops.log_variance, _VARIANCE),
        )
        for row in (
            check(
                f"C2-{name}-simulated",
                "monte-carlo",
                "The simulated loop has the information of the exact law",
                _ROWS,
                partial(simulated, study, 20, setting),
                _INFORMATION,
            ),
            check(
                f"C2-{name}-lost",
                "monte-carlo",
                "The simulated closed loop has lost information",
                _ROWS,
                partial(simulated_loss, study, 20, setting),
                _INFORMATION,
            ),
        )
    ),
    *(
        check(
            f"C2-{name}",
            "monte-carlo",
            f"{title}, retrained on its own samples, loses held-out log-likelihood",
            _ROWS,
            partial(held_out_loss, name),
            f"closed-loop-{name}",
        )
        for name, title in (
            ("faithful", "A mixture fitted to the Old Faithful eruptions"),
            ("english", "A Markov chain of characters fitted to an English text"),
        )
    ),
)
