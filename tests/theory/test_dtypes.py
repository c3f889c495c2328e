"""The dtype of a result is that of its inputs: float32 stays."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import theory
from theory import Pipeline, budget, drift, gaussian, policies, prequential, supervision
from theory.policies import best_of_n

ONE = np.float32(0.9)
HALF = np.full(2, 0.5, np.float32)
FLAT = np.full(8, 0.125, np.float32)
TABLE = np.full((2, 2), 0.25, np.float32)
UNIT = np.eye(2, dtype=np.float32)
RATES, CHANNEL = 2 * HALF, 2 * TABLE
RIGHT = np.arange(8) % 3 == 0
PIPELINE = Pipeline("X -> D", {"X": HALF, "D": CHANNEL})

FLOAT32 = [
    lambda: theory.entropy(TABLE),
    lambda: theory.mutual_information(TABLE),
    lambda: theory.kl_divergence(TABLE, TABLE),
    lambda: theory.coarsen(TABLE, [0, 0], 0),
    lambda: theory.capacity(CHANNEL),
    lambda: theory.pointwise_information(TABLE, [0, 1]),
    lambda: theory.stratified_information(TABLE),
    lambda: theory.count_log_likelihood(TABLE, TABLE),
    lambda: PIPELINE.information("X", "D"),
    lambda: PIPELINE.bound("", "D"),
    lambda: best_of_n.best_of(FLAT, FLAT, 3),
    lambda: budget.verifier_capacity((ONE, ONE)),
    lambda: budget.information_needed(ONE, HALF),
    lambda: budget.fixed_judge_total(HALF, TABLE),
    lambda: budget.fixed_judge_total(HALF, TABLE, CHANNEL),
    lambda: drift.information(HALF, CHANNEL, CHANNEL, 2),
    lambda: drift.truncated(CHANNEL, 1),
    lambda: drift.pointwise_information(HALF, CHANNEL),
    lambda: drift.multinomial_kernel(5, TABLE * 2),
    lambda: drift.selection_kernel(3, HALF),
    lambda: drift.filtering_kernel(3, HALF).kernel,
    lambda: drift.filtering_initial(3, HALF),
    lambda: gaussian.expected_variance(5, 2, variance=ONE),
    lambda: policies.natural_gradient(FLAT, FLAT, ONE),
    lambda: policies.policy_gradient(FLAT, RIGHT, ONE),
    lambda: policies.refit_diversity(3, ONE),
    lambda: policies.times_to(ONE, num_classes=3, num_forms=2),
    lambda: policies.pass_at(2, ONE),
    lambda: prequential.nats_saved(UNIT, ONE),
    lambda: prequential.measured_crossover(UNIT, np.float32([1, 2])),
    lambda: prequential.code_length(UNIT),
    lambda: prequential.table_nats_saved(TABLE, 4),
    lambda: prequential.table_nats_saved_law(TABLE, RATES),
    lambda: prequential.mixture_weights(UNIT),
    lambda: prequential.mixture_nats_saved(UNIT, HALF),
    lambda: prequential.flow(UNIT, RATES, RATES),
    lambda: prequential.separated_crossover(UNIT, RATES, RATES),
    lambda: supervision.decompose(TABLE[:, :, None], [0, 1]),
    lambda: supervision.price(HALF),
    lambda: supervision.diversity(HALF, [0, 0]),
    lambda: supervision.joint_query_information(HALF, UNIT[None], [0, 0]),
    lambda: supervision.posterior(HALF, UNIT[None], 0, 1),
    lambda: supervision.best_query(HALF, UNIT[None]).information,
]


IN_NUMPY = [
    lambda: best_of_n.regressional_goodhart(3, TABLE),
    lambda: budget.success(5, (HALF, HALF / 2), HALF),
    lambda: prequential.flow_crossover(UNIT, RATES, RATES),
]


@pytest.mark.parametrize("f", [*(partial(jax.eval_shape, f) for f in FLOAT32), *IN_NUMPY])
def test_float32_in_float32_out(f):
    assert {leaf.dtype for leaf in jax.tree.leaves(f())} == {jnp.dtype(jnp.float32)}


def test_lists_are_of_the_default_dtype():
    assert theory.entropy([1, 0]).dtype == jnp.result_type(float)
    assert theory.kl_divergence(TABLE, TABLE.tolist()).dtype == np.float64
    assert budget.fixed_judge_total(HALF, TABLE, [[1], [1]]).dtype == np.float64
    assert budget.fixed_judge_total(HALF, TABLE.astype(float), np.float32([[1], [1]])).dtype == np.float64
    assert drift.information([0.5, 0.5], CHANNEL, CHANNEL, 2).dtype == np.float64
    assert drift.distributions(CHANNEL, CHANNEL.astype(float), 2).dtype == np.float64
