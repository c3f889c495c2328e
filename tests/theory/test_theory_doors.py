"""Bad input at every public door of `theory`: the call, and how its message begins; one line a case."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import table_log_likelihood, verdicts

import theory
from theory import budget, claims, drift, gaussian, markov, policies, prequential, supervision
from theory.estimators import classifier
from theory.pipeline import Pipeline
from theory.policies import best_of_n

KEY = jax.random.key(0)
HALF = [0.5, 0.5]
ROW = [[0.5, 0.5, 0.0]]
CHAINS = [HALF], [[HALF, HALF]]
COUNTS = np.ones((2, 2), int)
NOISY = np.array([[0.4, 0.05], [0.15, 0.4]])
CHANNEL = [[0.9, 0.1], [0.2, 0.8]]
LEAVES = [f"N{i}" for i in range(30)]
WIDE = Pipeline(f"X -> {','.join(LEAVES)}", {"X": HALF} | dict.fromkeys(LEAVES, CHANNEL))
LOOP = Pipeline("X -> D -> Z0 -> D0 -> Z1; X -> S0; D0 -> S0; S0 -> Z1")
SCORES = np.random.default_rng(0).normal(size=(2, 20, 3))
MODELS = jnp.asarray(np.random.default_rng(0).dirichlet(np.ones(6), (3, 5)))
DATA = jnp.zeros((3, 5), int)


def classify(features=SCORES, **options):
    return classifier.classifier_bound(KEY, features, **options)


def sandwich(log_likelihood=table_log_likelihood, data=DATA, models=MODELS, prior=None, **options):
    return theory.estimators.sandwich(log_likelihood, data, models, prior, **options)


def each(begins, call, *values):
    return [(partial(call, value), begins) for value in values]


DOORS = [
    (lambda: best_of_n.best_of([0.5, 0.5], [0, 1], 10**400), "n"),
    *each("n", best_of_n.best_of_kl, 2**53 + 1),
    *each("n", best_of_n.expected_maximum, True),
    (lambda: budget.verifier_capacity((0.9, 1.2)), "fpr"),
    (lambda: budget.verifier_capacity((np.nan, 0.2)), "tpr"),
    *each("verifier", budget.verifier_capacity, (0.9, 0.2, 0.1)),
    *each("verifier", lambda x: budget.verdicts(0.5, x), (0.4, 0.4), ([0.4], [0.2])),
    (lambda: budget.verdicts(1e300, (1e-300, 0.0)), "information"),
    (lambda: budget.verdict((0.9, 0.2), [[0.1, 0.2], [0.3]]), "share"),
    (lambda: budget.verdict(([0.9, 0.8], 0.2), [0.1, 0.2, 0.3]), "verifier, share"),
    (lambda: budget.fixed_judge_total([1.0], [[0.5, 0.5]] * 2), "acceptances"),
    (lambda: budget.fixed_judge_total([0.5, 0.5], [[0.5, 0.5]] * 2, [[1.0]]), "initial"),
    (lambda: budget.judge_distribution(np.full((2, 60), 0.5)), "acceptances: a table of tasks and judges of"),
    (lambda: budget.fixed_judge_total(HALF, np.full((2, 90), 0.5)), "acceptances: a table of tasks, judges and starts"),
    (lambda: theory.contraction_at([0.5, 0.5], [[1.0]]), "prior"),
    *each("information", claims.data_processing, [1.0]),
    (lambda: claims.strong_data_processing([1.0, 0.5], np.eye(2)), "kernel"),
    (lambda: claims.strong_data_processing([1.0], np.full((2, 2), 0.5)), "information"),
    (lambda: claims.candidates([0.5, 0.6], [0.1, 0.2, 0.3]), "success, in_support"),
    (lambda: claims.reward_hacking(1.0, 0.1), "agreement"),
    (lambda: claims.reward_hacking(0.9, 0.0), "label_noise"),
    (lambda: claims.reward_hacking([0.9, 0.8], [0.1, 0.2, 0.3]), "agreement, label_noise"),
    *each("features", classify, SCORES[:1]),
    (lambda: classify(SCORES[:, :2]), "held_out"),
    (lambda: classify(prior=[0.5, 0.25, 0.25]), "prior"),
    (lambda: drift.lattice(1000, 6), "n, num_symbols: .*8,459,043,543,951 states"),
    *each("n, num_symbols: a lattice of", lambda x: drift.lattice(*x), (1, 10**6), (9_000, 9_000)),
    (lambda: drift.num_states(10**12, 10**12), "n, num_symbols"),
    *each("n", lambda x: drift.multinomial_kernel(x, [[1.0]]), 2**53 + 1, 10**400, 10**5000),
    (lambda: drift.banded_kernel(200_000), "n: a banded kernel of"),
    (lambda: jax.jit(lambda p: drift.banded_kernel(1, p))(jnp.eye(2)), "probs: a traced"),
    (lambda: drift.neutral_kernel(40_000), "n: .*40,001 × 40,001 states"),
    (lambda: drift.banded_kernel(3, [[0.5, 0.5]]), "probs"),
    (lambda: drift.banded_kernel(1, [[0.6, 0.4], [0.5, 0.5]]), "probs"),
    (lambda: drift.distributions(ROW, np.eye(2), 1), "kernels"),
    (lambda: drift.distributions(ROW, np.stack([np.eye(3)] * 2), 1), "kernels"),
    (lambda: drift.distributions(ROW, drift.banded_kernel(500), 1), "kernels"),
    (lambda: drift.distributions(ROW, np.eye(3), 10**9), "num_generations: a result of"),
    (lambda: drift.information([1.0], ROW, np.eye(3), 10**12), "num_generations: a result of"),
    *each(
        "kernels",
        lambda x: drift.distributions(ROW, drift.BandedKernel(*x), 1),
        ([1], np.eye(3)[None]),
        ([0.0], np.eye(3)[None]),
        ([0, 0], np.eye(3)[None]),
        ([0], np.full((1, 3, 3), np.nan)),
        ([0], np.full((1, 3, 3), 0.5)),
    ),
    *each("kernel", lambda x: drift.truncated(x, 2), np.eye(1), np.full((3, 3), 0.5)),
    (lambda: drift.truncated(lambda s, t: s / 4, 2), "kernel: one to shape"),
    (lambda: drift.truncated(lambda s, t: (s == t) * (2.0 - s), 2), "kernel: an entry 2"),
    (lambda: drift.truncated(lambda s, t: 1.0 * (t == s + 1), 3), "kernel: a row of no mass, that of state 2"),
    (lambda: drift.truncated(np.eye(2), 10**6), "size"),
    (lambda: drift.information([0.5, 0.5], ROW, np.eye(3), 1), "prior"),
    (lambda: drift.pointwise_information([0.5, 0.5], ROW), "prior"),
    (lambda: drift.residual_information([0.5, 0.5], ROW), "prior"),
    *each("kernel", drift.fixation_time, [[0.5, 0.5], [0.5, 0.5]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
    (lambda: drift.fixation_probabilities([[1.0, 0.0]]), "kernel"),
    *each("values", theory.estimate, [1.0], 1.0, [1.7e308, -1.7e308]),
    (lambda: theory.Estimate(0.0, 1.0, 2).interval(1.0), "level"),
    (lambda: theory.Estimate(0.0, 1.0, 1).interval(bounds=(-1.0, 1.0)), "count"),
    (lambda: theory.Estimate(np.zeros(3), np.zeros(2), 5).interval(), "stderr"),
    (lambda: theory.merge(theory.Estimate(0.0, 0.0, -1), theory.Estimate(1.0, 0.0, 5)), "count"),
    (lambda: theory.merge(theory.Estimate(0.0, 0.0, 5), theory.Estimate(np.zeros(2), np.zeros(2), 5)), "b"),
    (lambda: theory.monte_carlo(KEY, lambda k: jnp.zeros(3), 2**31), "num_chunks"),
    *each("draw", lambda x: theory.monte_carlo(KEY, lambda k: x, 2), None, [1.0, 2.0], "no"),
    (lambda: theory.stratified_information(np.zeros((2, 2)), [1.0, 0.0]), "prior"),
    *each("bounds", lambda x: theory.Estimate(0.0, 1.0, 2).interval(bounds=x), (1.0, 1.0), (-1.0, np.inf), (0.5, 1.0)),
    (lambda: theory.merge(theory.Estimate(0.0, 0.0, 0), theory.Estimate(1.0, 0.0, 1)), "b"),
    (lambda: theory.monte_carlo(KEY, lambda k: jnp.zeros(1), 2), "draw"),
    (lambda: theory.monte_carlo(KEY, lambda k: jnp.zeros(3, int), 2), "draw"),
    (lambda: theory.monte_carlo(KEY, lambda k: jnp.array([0.0, jnp.nan]), 2), "draw"),
    (lambda: theory.pointwise_information(0.0, 0), "log_likelihood"),
    (lambda: theory.pointwise_information([-np.inf, 0.0], 0), "log_likelihood"),
    *each("task", lambda x: theory.pointwise_information([0.0, 0.0], x), 2, [0, 1]),
    (lambda: theory.pointwise_information([0.0, 0.0], 1, [1.0, 0.0]), "task"),
    (lambda: theory.Estimate(jnp.nan, 1.0, 5).interval(), "mean"),
    *each("stderr", lambda x: theory.Estimate(0.0, x, 5).interval(), jnp.nan, -1.0),
    (lambda: theory.estimators.pseudo_values(np.ones((1, 2)), 40), "values"),
    (lambda: theory.estimators.pseudo_values(np.ones((7, 2)), 6), "num_replicas"),
    (lambda: theory.Bounds(jnp.zeros(3), jnp.ones(3)).minus(theory.Bounds(jnp.zeros(1), jnp.ones(1))), "other"),
    (lambda: gaussian.expected_variance(1, 2), "n"),
    (lambda: gaussian.expected_deviation(1, 1), "n"),
    (lambda: gaussian.log_variance_moments(3, 1, dimensions=3), "n"),
    (lambda: gaussian.log_variance_density(1, 0), "n"),
    (lambda: gaussian.log_variance_information(5, 0, gaussian.Finite([0.0], [0.5])), "prior.probs"),
    (lambda: gaussian.log_variance_information(5, 0, gaussian.Finite([0.0], [0.5, 0.5])), "prior.probs"),
    (lambda: gaussian.log_variance_information(5, 0, gaussian.Finite([np.nan], [1.0])), "prior.values"),
    (lambda: gaussian.log_variance_information(5, 0, gaussian.Finite([0.0, 1e9], [0.5, 0.5])), "prior.values"),
    (lambda: gaussian.log_variance_information(5, 0, gaussian.Normal(0.0, 0.0)), "prior.variance"),
    (lambda: gaussian.mean_pointwise_information([0.0], [[1e200]], 5), "means"),
    (
        lambda: jax.jit(gaussian.log_variance_information, static_argnums=(0, 1))(5, 0, gaussian.Normal(0.0, 1.0)),
        "prior",
    ),
    (lambda: gaussian.expected_variance(10**400, 2), "n"),
    *each("n", markov.path_counts, 2000),
    (lambda: markov.accepted_counts(1), "n"),
    (lambda: markov.fresh_counts(1, 1), "n"),
    (lambda: markov.fresh_counts(5, 5), "num_real"),
    (lambda: markov.smallest_gap([0.5, 0.5], 1), "n"),
    (lambda: markov.log_num_paths(COUNTS, 2, 0), "first"),
    (lambda: markov.log_num_paths(COUNTS, 0, [0, 1]), "last"),
    (lambda: markov.log_num_paths(COUNTS * 2**60, 0, 0), "counts"),
    (lambda: markov.distributions(*CHAINS, 5, 1, smoothing=1e308), "smoothing"),
    (lambda: markov.distributions([[0.5, 0.5, 0]], CHAINS[1], 5, 1, smoothing=1), "initial"),
    *each("transition", lambda x: markov.distributions(CHAINS[0], x, 5, 1, smoothing=1), [[[0.5, 0.5]]], CHAINS[1] * 2),
    (lambda: markov.information([0.5, 0.5], *CHAINS, 5, 1, smoothing=1), "prior"),
    (lambda: markov.initial_distributions(*CHAINS, 6, markov.accepted_counts(5)), "states"),
    (lambda: markov.initial_distributions(*CHAINS, 5, markov.fresh_counts(6, 2)), "states"),
    (lambda: markov.accepted_kernel(24, [[0.5, 0.5]] * 2, [1, 1], smoothing=1), "n"),
    (lambda: markov.fresh_kernel(*CHAINS, 5, 5, smoothing=1), "num_real"),
    (lambda: markov.fresh_kernel(CHAINS[0] * 25, CHAINS[1] * 25, 40, 10, smoothing=1), "n"),
    (lambda: theory.entropy([1j, 1.0]), "pmf"),
    (lambda: theory.kl_divergence([np.inf, 0.5], [0.5, 0.5]), "p"),
    (lambda: theory.coarsen([[0.5, 0.5]], [0, 1], True), "axis"),
    (lambda: theory.coarsen([[0.5, 0.5]], [7, 2**30], 1), "blocks: 1,073,741,825 blocks"),
    (lambda: jax.jit(theory.coarsen, static_argnums=2)(jnp.ones((1, 2)) / 2, jnp.arange(2), 1), "blocks: a traced"),
    (lambda: budget.fixation(True, (0.9, 0.2), 0.3), "n"),
    (lambda: budget.fixation(5, (0.9, -0.1), 0.3), "fpr"),
    (lambda: budget.success(5, (1.9, 0.1), 0.3), "tpr"),
    (lambda: budget.success(5, (0.0, 0.0), 0.3), "verifier"),
    (lambda: budget.kimura([5, 6], [0.1, 0.2, 0.3], 0.3), "n, selection, initial, num_real"),
    (lambda: budget.fixation(20_000, (0.9, 0.2), 0.3), "n: a kernel of 400,040,001 entries"),
    (lambda: budget.fixation(5, (0.9, 0.2), 0.3, num_real=10**7), "num_real: a kernel of"),
    (lambda: budget.fixation([2, 3], (0.9, 0.2), [0.1, 0.2, 0.3]), "n, verifier, initial, num_real"),
    *each("verifier", lambda x: budget.fixation(5, x, 0.3), (1e-310, 1e-320), ([0.9, 0.8], [0.1, 0.2, 0.3])),
    *each("n", lambda x: budget.break_even(x, 0.9), 5000, [[2], [3, 4]]),
    (lambda: budget.accuracy([2, 3], 0.3, [0.4, 0.5, 0.6]), "n, initial, goal, num_real"),
    (lambda: budget.break_even(5, 0.1), "initial"),
    (lambda: budget.accuracy(5, 0.3, 0.9, num_real=2), "goal"),
    *each("after", lambda x: LOOP.criterion("Z0", x), "Z9", "X", "Z1, Z0", ""),
    *each("before", lambda x: LOOP.criterion(x, "Z1"), "Q, Z0", "X", "Z0, Z0"),
    (lambda: Pipeline("X -> D", {"X": HALF}), "tables: missing D, unknown none"),
    (lambda: Pipeline("X -> D", {"X": HALF, "D": CHANNEL, "Q": CHANNEL}), "tables: missing none, unknown Q"),
    (lambda: Pipeline("X -> D", {"X": [0.5, 0.6], "D": CHANNEL}), r"tables\['X'\]: the sum 1\.1"),
    (lambda: Pipeline("X -> D", {"X": HALF, "D": HALF}), r"tables\['D'\]: shape \(2,\)"),
    (lambda: Pipeline("X -> D", {"X": [0.2, 0.3, 0.5], "D": CHANNEL}), r"tables\['D'\]: shape \(2, 2\)"),
    (lambda: Pipeline("X -> D", {"X": HALF, "D": np.transpose(CHANNEL)}), r"tables\['D'\]: the sum"),
    (lambda: Pipeline("X -> D").information("X", "D"), "tables: None"),
    (lambda: WIDE.joint(["X", *LEAVES]), r"nodes: a table of 2e\+09 entries"),
    (lambda: WIDE.information("X", "X"), "nodes: X, X"),
    (lambda: WIDE.joint(""), "nodes: no node"),
    (lambda: policies.policy_gradient([0.5, 0.5], [1, 0], 0.9), "correct"),
    (lambda: policies.policy_gradient([0.0, 1.0], [True, False], 0.5), "correct"),
    (lambda: policies.policy_gradient([0.5, 0.5], [True, False], 0.4), "accuracy"),
    (lambda: policies.policy_gradient([1.0, 0.0], [True, False], 0.9), "accuracy"),
    (lambda: policies.policy_gradient([1e-310, 1.0], [True, False], 0.9), "start"),
    (lambda: policies.refit_diversity(10**9, 0.5), "num_samples"),
    (lambda: policies.pass_at_estimate(10**9, 10**9, 5), "k"),
    (lambda: policies.times_to(0.6, num_classes=10**400, num_forms=1), "num_classes"),
    *each("goal", lambda x: policies.times_to(x, num_classes=2, num_forms=1), 0.4, [0.6, 1.0]),
    (lambda: policies.times_to(0.6, num_classes=1, num_forms=1), "num_classes"),
    (lambda: policies.pass_at([1, 2, 3], [0.5, 0.5]), "k, accuracy"),
    *each("verifier", lambda x: policies.best_step(x, 0.3, 20), (0.4, 0.4), (0.4, 0.5), 0.4),
    (lambda: policies.reinforce((0.8, 1.4), 0.3, 20, step=1.0), "fpr"),
    *each("initial", lambda x: policies.reinforce((0.8, 0.4), x, 20, step=1.0), 0.0, 1.0, [0.3]),
    *each("step", lambda x: policies.reinforce((0.8, 0.4), 0.3, 20, step=x), 0.0, np.inf, 1e-9, 5e-324),
    *each("group", lambda x: policies.reinforce((0.8, 0.4), 0.3, 20, step=1.0, group=x), 1, 33),
    (lambda: policies.reinforce((0.8, 0.4), 0.3, 10**7, step=0.1), "verdicts"),
    (lambda: policies.reinforce((0.8, 0.4), 0.3, 20, step=1.0, refine=0), "refine"),
    *each("verdicts", lambda x: policies.reinforce_law((0.8, 0.4), 0.3, x), 0, 10**9),
    *each("step", lambda x: policies.differing_pairs((0.8, 0.4), 0.3, 20, step=x), 0.0, np.nan),
    (lambda: policies.differing_pairs((0.8, 0.4), 0.3, 10**5), "verdicts: a table of two counts"),
    (lambda: policies.pass_at_estimate(6, 5, 3), "num_samples"),
    (lambda: policies.pass_at_estimate(2, 5, 6), "num_correct"),
    (lambda: prequential.nats_saved(1.0, 0.5), "losses"),
    (lambda: prequential.nats_saved([1.0], 0.5, batch=10**400), "batch"),
    (lambda: prequential.nats_saved([1e308, 1e308], 0.5), "losses"),
    (lambda: prequential.table_nats_saved(NOISY, 10**9), "num_samples"),
    (lambda: prequential.code_length([[1e308, 1e308]]), "counts, alpha"),
    (lambda: jax.jit(prequential.flow_crossover)(np.eye(2), np.ones(2), np.ones(2)), "covariance, cross, direction"),
    (lambda: prequential.measured_crossover([[1.0, 2.0]], [1, 2]), "lead"),
    (lambda: prequential.measured_crossover(np.eye(2), [2, 2]), "samples"),
    *each("covariance", lambda x: prequential.flow(x, [1.0, 1], 1), [[1, 2], [2, 1]], [[1, 0.1], [0, 1]]),
    (lambda: prequential.flow_crossover(np.diag([1, 0]), [1.0, 1], [1, 1]), "cross"),
    (lambda: prequential.separated_crossover(np.eye(3), np.ones(3), np.ones(3)), "cross"),
    (lambda: prequential.separated_crossover(np.ones((2, 2)), [1.0, 1], [1, -1]), "covariance"),
    (lambda: sandwich(models=MODELS[:, :4]), "models: 4 a task"),
    *each("models", lambda x: sandwich(models=x), MODELS[:2], {"a": MODELS, "b": MODELS[:, :3]}),
    (lambda: sandwich(prior=HALF), "prior"),
    (lambda: sandwich(data=DATA[:, :1], models=MODELS[:, :1]), "data: 1 data set a task"),
    *each("data", lambda x: sandwich(data=x), {"a": DATA, "b": DATA[:, :2]}, DATA[0], {}),
    (lambda: sandwich(models=MODELS.at[0, 0, 0].set(jnp.nan)), "models: a NaN"),
    (lambda: sandwich(lambda *given: table_log_likelihood(*given).T), "log_likelihood"),
    (lambda: sandwich(lambda *given: table_log_likelihood(*given) > 0), "log_likelihood"),
    (lambda: sandwich(data=jnp.array([[0, 1]] * 3), models=jnp.eye(6)[None, :2].repeat(3, 0)), "models: 2 a task"),
    (lambda: budget.spend(5, (0.8, 0.4), 0.3), "sizes"),
    *each("sizes", lambda x: budget.spend(x, (0.8, 0.4), 0.3), [10**5] * 2, [2**53]),
    *each("verifier", lambda x: budget.spend([5], x, 0.3), (0.8, 0.0), ([0.8], 0.4)),
    (lambda: budget.fixed_rounds_law((0.4, 0.4), 0.3, 10), "verifier"),
    (lambda: budget.fixed_rounds_law((0.8, 0.4), 0, 10), "initial"),
    (lambda: budget.fixed_rounds((0.9, 1e-9), 0.9, 1500), "verdicts"),
    (lambda: budget.until_fixation((0.8, 0.4), 0.3, 1), "verdicts"),
    (lambda: budget.until_fixation((0.8, 0.4), 1.0, 1e5), "verdicts"),
    *each("verdicts", lambda x: budget.hard_limit((0.8, 0.4), 0.3, x), 0.5, 1e5),
    *each("size", lambda x: budget.hard_limit((0.8, 0.4), 0.3, 20, size=x), 0, 21),
    (lambda: budget.wrong_exponent((0.0, 0.0), 0.3), "verifier"),
    *each("initial", budget.break_even_limit, 0.2, [0.3, 1.0], 0.0),
    *each("verdicts", lambda x: budget.fixed_rounds((0.9, 0.2), 0.3, x), 1e9, 1e300),
    (lambda: budget.fixed_rounds_law((0.8, 0.4), 1e-320, 1e300), "initial"),
    (lambda: budget.schedule_bound((0.8, 0.4), 0.3, 10, largest=1000), "largest: kernels of"),
    (lambda: drift.migrate([HALF], 0.5, [0.5, 0.25, 0.25]), "pmf"),
    (lambda: drift.filtering_initial(4, [0.5, 0.5], num_real=5), "num_real"),
    (lambda: drift.block_states(2, [7, 2**30]), "blocks: 1,073,741,825 blocks"),
    (lambda: drift.verdict_information([0.5, 0.5], [[HALF]], np.eye(2), [[1, 0.5]], 1), "distributions"),
    (lambda: drift.verdict_information([1], [[HALF]], np.eye(2), [[1, 0.5]] * 2, 1), "acceptances"),
    (lambda: drift.verdict_information([1], [[HALF]], [[0.5, 0.5]], [[1, 0.5]], 1), "states"),
    (lambda: supervision.partition([1, 2], by=lambda y: [y]), "by"),
    (lambda: supervision.price([0.5, 0.5], [1.0]), "student"),
    (lambda: supervision.query_information([1.0], verdicts(2, 1, 0)), "prior"),
    (lambda: supervision.joint_query_information([0.5, 0.5], verdicts(2, 1, 0), [2]), "queries"),
    (lambda: supervision.joint_query_information(np.full(9, 1 / 9), verdicts(9, 1, 0), list(range(9)) * 4), "queries"),
    (lambda: supervision.posterior([0.5, 0.5], verdicts(2, 1, 0), 3, 0), "query"),
    (lambda: supervision.posterior([0.5, 0.5], verdicts(2, 1, 0), 0, 2), "symbol"),
    (lambda: supervision.posterior([0.0, 1.0], verdicts(2, 1, 0), 0, 1), "symbol"),
    (lambda: supervision.queries_to_identify([0.5, 0.5], verdicts(2, 0.9, 0.2)), "channel"),
    (lambda: jax.jit(supervision.queries_to_identify)(jnp.ones(2) / 2, verdicts(2, 1, 0)), "prior, channel"),
]


@pytest.mark.parametrize(("call", "begins"), DOORS)
def test_bad_input_is_refused(call, begins):
    colon = "" if ":" in begins else ":"
    with pytest.raises(ValueError, match=rf"(?s)^{begins}{colon}.* was given; accepted: "):
        call()


def test_a_wide_pipeline_has_small_tables():
    np.testing.assert_allclose(WIDE.joint("N29, N3").sum(), 1, rtol=0, atol=1e-12)
