"""The ledger's rows: C3, C4 and C6, exact and by simulation, each with the false twins that must fail."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import sandbox
import theory
from experiments.ledger import Check, Outcome, Settings, check, equality, inequality
from experiments.open_loop import chains
from experiments.open_loop.chains import NUM_GENERATIONS, PRIOR, RARE, SCENES, Scene
from sandbox import regions
from theory import budget, claims, drift

LN2 = math.log(2)
ALMOST_BLIND = Scene("almost no selection", 0.6, 1.0, 0.99, 50)
GOOD_ENOUGH = ALMOST_BLIND._replace(fpr=0.94)


def random_signals(settings: Settings) -> Outcome:
    """C3 over 256 random tasks, data, signals that look at both, and learners."""
    rng = np.random.default_rng(settings.seed)
    data = rng.dirichlet(np.full(12, 0.3), 256).reshape(256, 3, 4, 1, 1)
    signal = rng.dirichlet(np.full(3, 0.3), (256, 3, 4))[..., None]
    learner = rng.dirichlet(np.full(5, 0.3), (256, 1, 4, 3))
    slack = jax.vmap(claims.external_signal)(jnp.asarray(data * signal * learner))
    return inequality(float(slack.min()), setting="smallest of 256 random X → (D,S) → Z, 3×4×3×5 symbols")


def synergy(settings: Settings) -> Outcome:
    """The twin: what the signal says alone, I(X;S), in the place of I(X;S|D)."""
    joint = np.zeros((2, 2, 2))  # [x, d, s]
    for x in range(2):
        for d in range(2):
            joint[x, d, x ^ d] = 1 / 4
    bound = theory.mutual_information(joint.sum(2)) + theory.mutual_information(joint.sum(1))
    known = theory.mutual_information(joint.reshape(2, 4))
    setting = "X and D fair coins, S = X xor D, Z = (D,S): each alone says nothing"
    return inequality(float(bound - known), measured=float(known), predicted=float(bound), setting=setting)


def means(settings: Settings) -> Outcome:
    """C3 by Monte-Carlo: data and a signal of another accuracy, of which the learner keeps the average alone."""
    tasks, n, noise, num_replicas = jnp.linspace(-1.0, 1.0, 8), 4, 0.25, 4000 if settings.full else 1000
    data_key, signal_key = jax.random.split(jax.random.fold_in(jax.random.key(settings.seed), 102))
    data = tasks[None, :] + jax.random.normal(data_key, (num_replicas, 8), float) / n**0.5  # the mean of n samples
    signal = tasks[None, :] + noise * jax.random.normal(signal_key, (num_replicas, 8), float)

    def pointwise(log_likelihood: jax.Array) -> jax.Array:  # [replica, task, candidate]
        own = jnp.diagonal(log_likelihood, axis1=1, axis2=2)
        return (own - jax.nn.logsumexp(log_likelihood, axis=2) + jnp.log(8.0)).mean(1)

    def log_likelihood(x: jax.Array, scale: float) -> jax.Array:
        return jax.scipy.stats.norm.logpdf(x[..., None], tasks[None, None, :], scale)

    both = pointwise(log_likelihood(data, n**-0.5) + log_likelihood(signal, noise))  # ln p(d,s|x), independent given x
    kept = pointwise(log_likelihood((data + signal) / 2, (1 / n + noise**2) ** 0.5 / 2))
    slack = theory.estimate(both - kept)
    setting = f"8 tasks N(μ_x, 1), D: {n} samples, S: μ_x ± {noise:g}, Z = (mean of D + S)/2"
    return inequality(
        float(slack.mean),
        measured=float(slack.mean),
        stderr=float(slack.stderr),
        setting=f"{setting}; I(X;D) + I(X;S|D) − I(X;Z), {num_replicas} paired replicas",
    )


def injection(settings: Settings) -> Outcome:
    """C4 in every generation of several loops."""
    slacks = []
    for scene in SCENES:
        loop = chains.filtering(scene)
        slacks.append(claims.injection(loop.information, loop.injected))
    setting = f"filtering, n = 10: {'; '.join(f'{s.share:g}, {s.tpr:g}, {s.fpr:g}' for s in SCENES)} (p, φ, ψ)"
    smallest = float(jnp.stack(slacks).min())
    return inequality(smallest, setting=f"{setting}; the smallest slack of {NUM_GENERATIONS} generations each")


def without_candidates(settings: Settings) -> Outcome:
    """The twin: one verdict on one toss of a fair coin, whose face the bound does not look at."""
    acceptances = np.array([[1.0, 0.2], [0.2, 1.0]])
    coin = jnp.full((1, 2, 1), 1.0)  # [t, x, s]: Z_0 is the coin under both tasks
    states = jnp.full((1, 2), 0.5)
    verdict = drift.verdict_information(PRIOR, coin, states, acceptances, 1, candidates=False)[0]
    kept = acceptances / 2
    stays = 1 - kept.sum(1, keepdims=True)
    gained = theory.mutual_information(np.concatenate([kept, stays], axis=1) / 2)  # Z_1: heads, tails, or the coin
    setting = "a fair coin, one proposal, one verdict (1, .2): I(X;S|Z_0) against I(X;Z_1)"
    return inequality(float(verdict - gained), predicted=float(verdict), measured=float(gained), setting=setting)


def in_the_end(scene: Scene, settings: Settings) -> Outcome:
    """Whether an open loop ends with more than it began with."""
    n, p = scene.num_samples, scene.share
    right = budget.success(n, (scene.tpr, scene.fpr), p, num_real=n)
    last = LN2 - float(theory.entropy(jnp.stack([right, 1 - right])))
    joint = np.stack([np.asarray(drift.initial(n, task)) for task in scene.tasks]) / 2
    first = float(theory.mutual_information(joint))
    setting = f"until kept, {scene.text}: ends right with {float(right):.4f}"
    return inequality(last - first, predicted=first, measured=last, setting=setting)


def simulated_information(keep: bool, t: int, settings: Settings) -> Outcome:
    """The sandbox against the exact law."""
    loop, exact = chains.simulated(RARE, keep, settings), (chains.until_kept if keep else chains.filtering)(RARE)
    found = theory.estimate(loop.pointwise[:, t])
    return equality(
        float(found.mean),
        float(exact.information[t]),
        stderr=float(found.stderr),
        setting=f"{_protocol(keep)}, {RARE.text}, t = {t}, {found.count} pairs of replicas",
    )


def simulated_right(keep: bool, t: int, settings: Settings) -> Outcome:
    """The share of right outputs, sandbox against the exact law."""
    loop, exact = chains.simulated(RARE, keep, settings), (chains.until_kept if keep else chains.filtering)(RARE)
    found = theory.estimate(loop.right[:, t])
    return equality(
        float(found.mean),
        float(exact.right[t]),
        stderr=float(found.stderr),
        setting=f"{_protocol(keep)}, {RARE.text}, t = {t}, {found.count} pairs of replicas",
        unit="share right",
    )


def other_protocol(t: int, settings: Settings) -> Outcome:
    """The twin: the loop that samples until n are kept, taken for the one that filters n proposals."""
    loop, exact = chains.simulated(RARE, True, settings), chains.filtering(RARE)
    found = theory.estimate(loop.right[:, t])
    return equality(
        float(found.mean),
        float(exact.right[t]),
        stderr=float(found.stderr),
        setting=f"until kept against filtering, {RARE.text}, t = {t}, {found.count} pairs of replicas",
        unit="share right",
    )


def simulated_injection(settings: Settings) -> Outcome:
    """C4 by simulation: the gain of a generation, paired, against what its verdicts inject."""
    scene = chains.LITTLE_KNOWN
    loop, exact = chains.simulated(scene, False, settings), chains.filtering(scene)
    gain = theory.estimate(loop.pointwise[:, 1] - loop.pointwise[:, 0])
    return inequality(
        float(exact.injected[0] - gain.mean),
        stderr=float(gain.stderr),
        predicted=float(exact.injected[0]),
        measured=float(gain.mean),
        setting=f"filtering, {scene.text}, I(X;Z_1) − I(X;Z_0), {gain.count} pairs of replicas",
    )


def support(settings: Settings) -> Outcome:
    """C6 over a grid of starts, verifiers and sizes, both protocols."""
    n, p, ratio = np.array([1, 4, 16, 64])[:, None, None], np.array([0.02, 0.1, 0.5])[:, None], np.array([0, 0.3, 0.9])
    ends = budget.success(n, (np.ones(3), ratio), p, num_real=n)
    slack = claims.candidates(ends, jnp.asarray(1 - (1 - p) ** n))
    setting = "until kept, n = 1 … 64 real samples, p = .02 … .5, ψ/φ = 0 … .9"
    return inequality(float(slack.min()), setting=f"{setting}; the smallest slack", unit="probability")


def simulated_support(settings: Settings) -> Outcome:
    """C6 by simulation: a perfect verifier ends right where there was anything right in Z_0, and only there."""
    n, p, num_replicas, num_generations = 10, 0.1, 10_000 if settings.full else 2_000, 60
    record = sandbox.ensemble(
        jax.random.fold_in(jax.random.key(settings.seed), 103),
        sandbox.Categorical(jnp.array([[p, 1 - p]])),
        sandbox.Verifier(1.0, 0.0, regions.Symbols(jnp.array([True, False]))),
        num_samples=n,
        num_generations=num_generations,
        num_replicas=num_replicas,
        num_real=n,
        every=num_generations,
        progress=False,
    )
    ends = theory.estimate(record.model.probs[0, :, -1, 0])
    return equality(
        float(ends.mean),
        1 - (1 - p) ** n,
        stderr=float(ends.stderr),
        setting=f"filtering, φ = 1, ψ = 0, n = {n}, p = {p:g}, t = {num_generations}, {num_replicas} replicas",
        unit="share right",
    )


def no_candidates(settings: Settings) -> Outcome:
    """The twin: a perfect verifier is said to need no candidates."""
    n, p = 10, 0.1
    ends = float(budget.success(n, (1.0, 0.0), p, num_real=n))
    setting = f"until kept, a perfect verifier, p = {p:g}, n = {n} real samples"
    return inequality(ends - 1, predicted=1.0, measured=ends, setting=setting, unit="probability")


def no_direction(settings: Settings) -> Outcome:
    """C6: candidates without a signal."""
    p, n = 0.3, 50
    ends = float(budget.success(n, (0.5, 0.5), p))
    setting = f"until kept, φ = ψ = .5, n = {n}, p = {p:g}; 1e-10: a linear system of {n + 1} states"
    return equality(ends, p, setting=setting, tolerance=1e-10, unit="probability")


def no_direction_twin(settings: Settings) -> Outcome:
    """The twin: enough candidates are said to find what is right by themselves."""
    p, n = 0.3, 200
    ends = float(budget.success(n, (0.5, 0.5), p))
    setting = f"until kept, φ = ψ = .5, n = {n}, p = {p:g}"
    return inequality(ends - 0.5, predicted=0.5, measured=ends, setting=setting, unit="probability")


def _protocol(keep: bool) -> str:
    return "until kept" if keep else "filtering"


_CLAIMS, _SELECTION = "theory/test_claims.py::", "theory/test_selection.py::"
_ROWS = "experiments/test_rows.py::test_rows_are_as_expected"
_INJECTION, _SIMULATED = "open-loop-injection", "open-loop-simulated"
_LOOP = "The simulated loop has the {} of the exact chain"

CHECKS: tuple[Check, ...] = (
    check(
        "C3-signals",
        "exact",
        "A signal raises the bound by what it knows beyond the data: I(X;Z) ≤ I(X;D) + I(X;S|D)",
        _CLAIMS + "test_external_signal",
        random_signals,
    ),
    check(
        "C3-signals-twin",
        "exact",
        "… by what it knows alone: I(X;Z) ≤ I(X;D) + I(X;S)",
        _CLAIMS + "test_external_signal_twin",
        synergy,
        twin=True,
    ),
    check(
        "C3-means",
        "monte-carlo",
        "A learner that averages its data and a better signal knows less than both: I(X;Z) ≤ I(X;D) + I(X;S|D)",
        _ROWS,
        means,
    ),
    check(
        "C4-injection",
        "exact",
        "A generation gains at most what its verdicts inject: I(X;Z_{t+1}) ≤ I(X;Z_t) + I(X;S_t|Z_t,D_t)",
        _SELECTION + "test_injection",
        injection,
        _INJECTION,
    ),
    check(
        "C4-injection-twin",
        "exact",
        "… what they say without the candidates they are about: I(X;Z_{t+1}) ≤ I(X;Z_t) + I(X;S_t|Z_t)",
        _SELECTION + "test_injection_twin",
        without_candidates,
        twin=True,
    ),
    check(
        "C4-gain",
        "exact",
        "A loop whose verifier beats the break-even accuracy ends with more than it began with: I(X;Z_∞) ≥ I(X;Z_0)",
        _ROWS,
        partial(in_the_end, GOOD_ENOUGH),
    ),
    check(
        "C4-gain-twin",
        "exact",
        "… so does every information-open loop",
        _ROWS,
        partial(in_the_end, ALMOST_BLIND),
        twin=True,
    ),
    *(
        row
        for keep, name in ((False, "filtering"), (True, "until-kept"))
        for row in (
            check(
                f"C4-{name}",
                "monte-carlo",
                _LOOP.format("information"),
                _ROWS,
                partial(simulated_information, keep, 4),
                _SIMULATED,
            ),
            check(
                f"C4-{name}-right",
                "monte-carlo",
                _LOOP.format("share of right outputs"),
                _ROWS,
                partial(simulated_right, keep, NUM_GENERATIONS),
                _SIMULATED,
            ),
        )
    ),
    check(
        "C4-filtering-right-twin",
        "monte-carlo",
        "… so has the loop that samples until n are kept",
        _ROWS,
        partial(other_protocol, NUM_GENERATIONS),
        _SIMULATED,
        twin=True,
    ),
    check(
        "C4-injection-simulated",
        "monte-carlo",
        "What a simulated generation gains is at most what its verdicts inject",
        _ROWS,
        simulated_injection,
        _INJECTION,
    ),
    check(
        "C6-candidates",
        "exact",
        "A signal only chooses among the candidates: P(ends right) ≤ P(the right symbol is in the support of Z_0)",
        "theory/test_outcomes.py::test_candidates",
        support,
    ),
    check(
        "C6-candidates-twin",
        "exact",
        "… a perfect one ends right whatever the candidates",
        "theory/test_outcomes.py::test_candidates_twin",
        no_candidates,
        twin=True,
    ),
    check(
        "C6-simulated",
        "monte-carlo",
        "A perfect verifier ends right where anything right was in Z_0, and only there",
        _ROWS,
        simulated_support,
    ),
    check(
        "C6-direction",
        "exact",
        "Candidates without a signal have no direction: P(ends right) is the share right at the start",
        _ROWS,
        no_direction,
    ),
    check(
        "C6-direction-twin",
        "exact",
        "… enough of them find what is right by themselves",
        _ROWS,
        no_direction_twin,
        twin=True,
    ),
)
