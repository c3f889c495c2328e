"""One good call of every public function of `theory`, by its dotted name: a newcomer's function gets a line here."""

import jax
import jax.numpy as jnp
import numpy as np
from fuzz_values import row

import theory
from theory import gaussian, markov

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def draw(key):
    return jax.random.uniform(key, (3,))


def geometric(source, target):
    return 0.5 ** (target + 1.0) + 0.0 * source


def three(accuracy):
    return np.full(accuracy.shape, 3)


def log_rows(data, models):
    return jnp.log(models)[:, data].T


def joint(*shape):
    return RNG.dirichlet(np.full(np.prod(shape), 3.0)).reshape(shape)


P, Q, PRIOR = [0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [0.6, 0.4]
CHANNEL, JOINT, TWO = [[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.1], [0.15, 0.35]], [[0.7, 0.3], [0.4, 0.6]]
THREE = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]
QUERIES = np.array([[[0.9, 0.1], [0.3, 0.7], [0.3, 0.7]], [[0.2, 0.8], [0.8, 0.2], [0.2, 0.8]]])  # [query, x, symbol]
ASKED = {"prior": P, "channel": QUERIES}
IS = np.array([[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]])
VERIFIER, LOOP = (0.8, 0.3), {"n": 5, "verifier": (0.8, 0.3), "initial": 0.3}
ONE = {"verifier": VERIFIER, "initial": 0.3, "verdicts": 20}
GRAPH = "X -> D -> Z0 -> D0 -> Z1; X -> S0; D0 -> S0; S0 -> Z1"
TABLES = {"X": np.array(PRIOR), "D": np.array(CHANNEL), "Z": np.array(TWO)}
FLOW = {"covariance": [[1.0, 0.2], [0.2, 0.5]], "cross": [1.0, 0.3]}
CHAINS = {"initial": TWO, "transition": [[[0.8, 0.2], [0.3, 0.7]], [[0.5, 0.5], [0.6, 0.4]]]}
ESTIMATE = theory.Estimate(np.float64(0.4), np.float64(0.1), 9)
BOUNDS = theory.Bounds(np.array([0.1, 0.2, 0.15]), np.array([0.3, 0.4, 0.45]))
COUNTS = markov.path_counts(4)


def rows():
    yield row("theory.entropy", pmf=P)
    yield row("theory.kl_divergence", p=P, q=Q)
    yield row("theory.mutual_information", joint=JOINT)
    yield row("theory.conditional_mutual_information", joint=joint(2, 2, 2))
    yield row("theory.coarsen", joint=joint(2, 3), blocks=[0, 1, 1], axis=1)
    yield row("theory.capacity", channel=CHANNEL, tolerance=1e-9, max_iterations=1000)
    yield row("theory.contraction", channel=CHANNEL)
    yield row("theory.contraction_at", prior=PRIOR, channel=CHANNEL)
    yield row("theory.dobrushin", channel=CHANNEL)
    yield row("theory.maximal_correlation", joint=JOINT)
    yield row("theory.Estimate.interval", self=ESTIMATE, level=0.9, bounds=(0.0, 1.0))
    yield row("theory.Bounds.minus", {"self": BOUNDS}, other=BOUNDS)
    yield row("theory.Bounds.bracket", {"self": BOUNDS})
    yield row("theory.Bracket.interval", {"self": BOUNDS.bracket()}, level=0.9)
    yield row("theory.estimate", values=[0.1, 0.5, 0.7])
    yield row("theory.merge", a=ESTIMATE, b=ESTIMATE)
    yield row("theory.monte_carlo", key=KEY, draw=draw, num_chunks=4)
    yield row("theory.pointwise_information", log_likelihood=[-1.0, -2.5], task=1, prior=PRIOR)
    yield row("theory.stratified_information", log_likelihood=[[-1.0, -2.5], [-0.5, -0.1]], prior=PRIOR)
    yield row("theory.count_log_likelihood", counts=[[2, 1, 0], [0, 0, 3]], probs=[P, Q])
    yield row("theory.Pipeline", graph="X -> D; D -> Z", tables=TABLES)
    yield row("theory.Pipeline.criterion", {"self": theory.Pipeline(GRAPH)}, before="Z0", after="Z1")
    yield row("theory.Pipeline.entries", {"self": theory.Pipeline(GRAPH)}, before="Z0", after="Z1", among="D0, S0")
    tables = {"self": theory.Pipeline("X -> D; D -> Z", TABLES)}
    yield row("theory.Pipeline.joint", tables, nodes="X, Z")
    yield row("theory.Pipeline.information", tables, a="X", b="Z", given="D")
    yield row("theory.Pipeline.bound", tables, before="D", after="Z")
    yield from rows_of_rooms()


def rows_of_rooms():
    yield row("theory.budget.verifier_capacity", verifier=VERIFIER)
    yield row("theory.budget.verdict", verifier=VERIFIER, share=0.3)
    yield row("theory.budget.item_capacities", acceptances=[[0.9, 0.2], [0.3, 0.4]])
    yield row("theory.budget.judge_distribution", acceptances=[[0.9, 0.2], [0.3, 0.4]])
    yield row("theory.budget.fixed_judge_total", prior=PRIOR, acceptances=[[0.9, 0.2], [0.3, 0.4]], initial=TWO)
    yield row("theory.budget.candidate_verdicts", num_candidates=4, verifier=VERIFIER, error=0.05)
    yield row("theory.budget.candidate_judge_total", verifier=VERIFIER, num_candidates=4)
    yield row("theory.budget.information_needed", error=0.1, prior=P)
    yield row("theory.budget.verdicts", information=0.5, verifier=VERIFIER, start=0.1)
    yield row("theory.budget.fixation", **LOOP, num_real=3, until_kept=True)
    yield row("theory.budget.success", **LOOP, num_real=3, until_kept=True)
    yield row("theory.budget.fixation filtering", LOOP, until_kept=False)
    yield row("theory.budget.kimura", n=5, selection=0.1, initial=0.3, num_real=3)
    yield row("theory.budget.break_even", n=5, initial=0.6, until_kept=True)
    yield row("theory.budget.break_even_limit", initial=0.3)
    yield row("theory.budget.accuracy", n=5, initial=0.3, goal=0.6, num_real=3, until_kept=True)
    yield row("theory.budget.spend", sizes=[4, 8], verifier=VERIFIER, initial=0.3)
    spending = theory.budget.spend([4, 8], VERIFIER, 0.3)
    yield row("theory.budget.Spending.within", {"self": spending}, verdicts=20.0)
    yield row("theory.budget.fixed_rounds", verifier=VERIFIER, initial=0.3, verdicts=100.0)
    yield row("theory.budget.fixed_rounds_law", verifier=VERIFIER, initial=0.3, verdicts=100.0)
    yield row("theory.budget.until_fixation", verifier=VERIFIER, initial=0.3, verdicts=100.0)
    yield row("theory.budget.hard_limit", verifier=VERIFIER, initial=0.3, verdicts=30, size=4)
    yield row("theory.budget.wrong_exponent", verifier=VERIFIER, initial=0.3, fitted=True)
    yield row("theory.budget.persistent_kinds", verifier=VERIFIER, initial=0.3, persistence=0.2)
    yield row("theory.budget.persistent_rounds", verifier=VERIFIER, initial=0.3, persistence=0.2, rounds=4.0)
    yield row("theory.budget.shares_by_round", n=3, acceptance=[0.9, 0.3, 1.0], initial=P, num_rounds=4)
    yield row("theory.budget.ceiling", correct=[0.2, 0.5], wrong=[0.1, 0.3], weights=PRIOR)
    yield row("theory.policies.resampling", attempts=4.0, correct=[0.2, 0.5], wrong=[0.1, 0.3], weights=PRIOR)
    yield row("theory.budget.both", first=VERIFIER, second=(0.8, 0.4), correlation=0.1)
    yield row("theory.budget.ends_with", n=4, acceptance=[0.9, 0.3, 1.0], initial=P)
    yield row("theory.budget.blind_exponent", verifier=VERIFIER, initial=P, blind=1.0)
    yield row("theory.budget.roc", auc=0.9, fpr=0.2)
    yield row("theory.budget.best_threshold", n=3, auc=0.9, initial=P, blind=1.0)
    yield row("theory.budget.threshold_rule", n=4, auc=0.9, initial=P)
    yield row("theory.budget.optimal_rounds", verifier=VERIFIER, initial=0.3, price=1e-3, largest=8)
    yield row("theory.budget.adaptive_rounds", sizes=three, verifier=VERIFIER, initial=0.3, largest=8)
    yield row("theory.budget.equal_risk", accuracy=0.3, verifier=VERIFIER, risk=1e-3)
    yield row("theory.budget.equal_risk_law", verifier=VERIFIER, initial=0.3, risk=1e-3)
    yield row("theory.budget.schedule_bound", verifier=VERIFIER, initial=0.3, verdicts=40.0, largest=8)

    information = [1.0, 0.7, 0.4]
    yield row("theory.claims.training", joint=joint(2, 2, 2))
    yield row("theory.claims.data_processing", information=information)
    yield row("theory.claims.strong_data_processing", information=information, kernel=TWO)
    yield row("theory.claims.external_signal", joint=joint(2, 2, 2, 2))
    yield row("theory.claims.injection", information=information, injected=[0.1, 0.2])
    yield row("theory.claims.self_consistency", joint=joint(2, 2, 2, 2))
    yield row("theory.claims.fixed_reward_model", information=information, total=0.3)
    yield row("theory.claims.candidates", success=[0.3, 0.5], in_support=[0.6, 0.7])
    yield row("theory.claims.supervision", joint=joint(2, 2, 2, 2))
    yield row("theory.claims.learned_first", nats_saved=[2.0, 1.0], reliance=[0.7, 0.3])
    yield row("theory.claims.reward_hacking", agreement=0.9, label_noise=0.2)
    yield row("theory.claims.coverage", together=0.5, singles=[0.3, 0.4])

    kernel = np.asarray(theory.drift.neutral_kernel(3))
    start = np.asarray(theory.drift.initial(3, PRIOR))
    banded = theory.drift.banded_kernel(3)
    drift = {"initial": np.stack([start, start[::-1]]), "kernels": kernel, "num_generations": 2}
    yield row("theory.drift.truncated", kernel=geometric, size=3)
    yield row("theory.drift.truncated table", {"size": 2}, kernel=kernel)
    yield row("theory.drift.lattice", n=3, num_symbols=2)
    yield row("theory.drift.num_states", n=3, num_symbols=2)
    yield row("theory.drift.neutral_kernel", n=3, num_symbols=2)
    yield row("theory.drift.initial", n=3, pmf=PRIOR)
    yield row("theory.drift.multinomial_kernel", n=2, probs=[[1.0, 0.0], [0.5, 0.5], [0.2, 0.8]])
    yield row("theory.drift.banded_kernel", n=2, probs=[[0.0, 1.0], [0.5, 0.5], [0.8, 0.2]])
    yield row("theory.drift.distributions", **drift)
    yield row("theory.drift.distributions banded", drift, kernels=banded)
    yield row("theory.drift.information", prior=PRIOR, **drift)
    yield row("theory.drift.pointwise_information", prior=PRIOR, distributions=THREE)
    yield row("theory.drift.residual_information", prior=PRIOR, pmfs=THREE)
    late = {"prior": PRIOR, "pmfs": THREE, "n": 3, "num_generations": 2}
    yield row("theory.drift.quasi_stationary", n=3)
    yield row("theory.drift.second_draw_information", prior=PRIOR, pmfs=THREE)
    yield row("theory.drift.excess_information", **late)
    yield row("theory.drift.smoothed_information", **late, smoothing=0.5)
    yield row("theory.drift.fixation_probabilities", kernel=kernel)
    yield row("theory.drift.fixation_time", kernel=kernel)
    yield row("theory.drift.fixation_time_diffusion", n=5, pmf=PRIOR)
    yield row("theory.drift.selection_kernel", n=3, acceptance=[0.9, 0.4])
    yield row("theory.drift.filtering_kernel", n=3, acceptance=[0.9, 0.4])
    yield row("theory.drift.filtering_initial", n=3, pmf=PRIOR, num_real=2)
    yield row("theory.drift.block_states", n=3, blocks=[0, 1, 1])
    yield row("theory.drift.migrate", distributions=TWO, share=0.2, pmf=PRIOR)
    yield row("theory.drift.mutate", distributions=TWO, rate=0.2)
    yield row("theory.drift.select", distributions=TWO, acceptance=[0.9, 0.4])
    told = {"prior": PRIOR, "distributions": joint(2, 4)[None]}
    told["distributions"] = told["distributions"] / told["distributions"].sum(2, keepdims=True)
    told |= {
        "states": [[1.0, 0.0], [0.5, 0.5], [0.2, 0.8], [0.0, 1.0]],
        "acceptances": [[0.9, 0.2], [0.3, 0.7]],
        "n": 2,
    }
    yield row("theory.drift.verdict_information", **told, candidates=True)

    scores = {"features": RNG.normal(size=(2, 20, 3)), "prior": PRIOR, "hidden": 4, "depth": 1, "num_steps": 4}
    scores |= {"batch_size": 8, "learning_rate": 0.01, "held_out": 0.2}
    yield row("theory.estimators.classifier_bound", key=KEY, **scores)
    drawn = {
        "data": np.zeros((3, 5), int),
        "models": RNG.dirichlet(np.ones(4), (3, 5)),
    }
    yield row("theory.estimators.sandwich", drawn, log_likelihood=log_rows, prior=P, block=1000)
    yield row("theory.estimators.pseudo_values", values=RNG.normal(size=(6, 2)), num_replicas=9)

    moments = {"n": 5, "num_generations": 2, "variance": 1.5, "unbiased": True}
    carried = {"n": 5, "num_generations": 2, "variance": 1.5, "accumulate": True}
    normal, finite = gaussian.Normal(0.5, 2.0), gaussian.Finite(np.array([0.0, 1.0]), np.array([0.4, 0.6]))
    for name in ("expected_deviation", "expected_squared_error", "expected_variance"):
        yield row(f"theory.gaussian.{name}", **moments)
    yield row("theory.gaussian.log_variance_moments", **moments, dimensions=2)
    yield row("theory.gaussian.mean_variance", **carried)
    yield row("theory.gaussian.mean_information", **carried, prior_variance=2.0)
    means = {"task": [0.5, 1.0], "means": [[0.1, 0.4], [0.9, 1.1]], "n": 5}
    yield row("theory.gaussian.mean_pointwise_information", **means, prior=normal, variance=1.5, accumulate=True)
    yield row("theory.gaussian.mean_pointwise_information finite", means, prior=finite)
    yield row("theory.gaussian.log_variance_density", n=5, generation=1, prior=normal, unbiased=True)
    yield row("theory.gaussian.log_variance_density finite", {"n": 5, "generation": 1}, prior=finite)
    yield row("theory.gaussian.log_variance_information", n=5, num_generations=1, prior=normal, unbiased=True)
    logs = {"task": [0.5, 1.0], "log_variances": [[0.1, 0.4], [0.9, 1.1]], "n": 5}
    yield row("theory.gaussian.log_variance_pointwise_information", **logs, prior=normal, unbiased=True)

    smooth = {"smoothing": [0.5, 0.5]}
    yield row("theory.markov.path_counts", n=4)
    yield row("theory.markov.accepted_counts", n=4)
    yield row("theory.markov.fresh_counts", n=4, num_real=2)
    yield row("theory.markov.log_num_paths", counts=[[1, 1], [1, 2]], first=0, last=0)
    yield row("theory.markov.smallest_gap", n=4, **smooth)
    yield row("theory.markov.distributions", **CHAINS, n=4, num_generations=2, **smooth)
    yield row("theory.markov.information", prior=PRIOR, **CHAINS, n=4, num_generations=2, **smooth)
    yield row(
        "theory.markov.accepted_kernel", n=4, acceptance=[[0.9, 0.4], [0.2, 0.7]], accept_first=[0.8, 0.6], **smooth
    )
    yield row("theory.markov.fresh_kernel", **CHAINS, n=4, num_real=2, **smooth)
    yield row("theory.markov.fits", made=("states",), states=COUNTS, **smooth)
    yield row("theory.markov.initial_distributions", **CHAINS, n=4, states=markov.accepted_counts(4), made=("states",))
    yield row("theory.markov.TransitionCounts.rows", {"self": markov.accepted_counts(4)})
    yield row("theory.markov.PathCounts.rows", {"self": COUNTS})

    yield row("theory.policies.best_of_n.best_of", pmf=P, score=[0.1, 2.0, 1.0], n=3)
    yield row("theory.policies.best_of_n.best_of_kl", n=3)
    yield row("theory.policies.best_of_n.expected_maximum", n=3)
    yield row("theory.policies.best_of_n.regressional_goodhart", n=3, noise=0.5)
    yield row("theory.policies.pass_at", k=3, accuracy=[0.2, 0.5])
    yield row("theory.policies.reinforce", **ONE, step=2.0, group=4, standardised=True, refine=2)
    yield row("theory.policies.best_step", **ONE, group=2, standardised=False)
    yield row("theory.policies.reinforce_law", **ONE, group=4, standardised=True)
    yield row("theory.policies.reinforce_rate", verifier=VERIFIER, group=4, standardised=True)
    yield row("theory.policies.differing_pairs", **ONE, step=2.0)
    yield row("theory.policies.pass_at_estimate", k=3, num_samples=8, num_correct=[2, 5])
    yield row("theory.policies.natural_gradient", start=P, reward=[1.0, 0.0, 0.5], time=2.0)
    yield row("theory.policies.policy_gradient", start=P, correct=[True, False, True], accuracy=0.9)
    yield row("theory.policies.refit_diversity", num_samples=4, accepted=0.5)
    yield row("theory.policies.times_to", goal=[0.6, 0.8], num_classes=2, num_forms=2)

    yield row("theory.prequential.nats_saved", losses=[0.6, 0.4, 0.2], entropy=0.7, batch=2)
    yield row(
        "theory.prequential.measured_crossover",
        lead=[[-1.0, 0.5, 1.0], [-0.8, 0.1, 1.3]],
        samples=[1.0, 2.0, 4.0],
        level=0.9,
    )
    yield row("theory.prequential.code_length", counts=[[1.0, 2.0], [3.0, 0.0]], alpha=0.5)
    yield row("theory.prequential.table_nats_saved", joint=JOINT, num_samples=3, alpha=0.5)
    yield row("theory.prequential.table_nats_saved_law", joint=JOINT, samples=[10.0, 20.0], alpha=0.5)
    yield row("theory.prequential.mixture_weights", nats_saved=[[1.0, 2.0], [0.0, 3.0]], prior=PRIOR)
    yield row("theory.prequential.mixture_nats_saved", nats_saved=[[1.0, 2.0], [0.0, 3.0]], prior=PRIOR)
    yield row("theory.prequential.flow", **FLOW, times=[0.5, 2.0])
    yield row(
        "theory.prequential.flow_crossover",
        covariance=[[2.0, 0.2], [0.2, 0.5]],
        cross=[1.0, 0.9],
        direction=[1.0, -1.0],
    )
    yield row(
        "theory.prequential.separated_crossover",
        covariance=[[2.0, 0.2], [0.2, 0.5]],
        cross=[1.0, 0.9],
        direction=[1.0, -1.0],
    )

    yield row("theory.supervision.decompose", joint=joint(3, 2, 2), blocks=[0, 1, 1])
    yield row("theory.supervision.diversity", pmf=P, blocks=[0, 1, 1])
    yield row("theory.supervision.partition", {"by": None}, outputs=[0, 1, 1])
    yield row("theory.supervision.price", reference=P, student=Q)
    yield row("theory.supervision.query_information", **ASKED, blocks=[0, 1, 1])
    yield row("theory.supervision.best_query", **ASKED, blocks=[0, 1, 1])
    yield row("theory.supervision.joint_query_information", **ASKED, queries=[0, 1, 1], blocks=[0, 1, 1])
    yield row("theory.supervision.posterior", **ASKED, query=1, symbol=0)
    yield row("theory.supervision.queries_to_identify", prior=P, channel=IS, blocks=[0, 1, 1])
