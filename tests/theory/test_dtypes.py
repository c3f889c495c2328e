"""The dtype of a result is that of its inputs: float32 stays."""

import inspect
from functools import partial

import fuzz
import fuzz_theory
import jax
import jax.numpy as jnp
import numpy as np

import theory
from theory import Pipeline, budget, drift

HALF = np.full(2, 0.5, np.float32)
TABLE = np.full((2, 2), 0.25, np.float32)
CHANNEL = 2 * TABLE
HOST = ("level", "tolerance", "learning_rate", "held_out", "bounds")  # of Python's floats
PLAIN = """monte_carlo drift.truncated drift.neutral_kernel drift.quasi_stationary markov.path_counts
    markov.log_num_paths markov.smallest_gap policies.best_of_n.best_of_kl policies.best_of_n.expected_maximum
    policies.pass_at_estimate count_log_likelihood
    supervision.queries_to_identify"""  # given no numbers, or whole ones, or functions
DOUBLE = """budget.spend budget.fixed_rounds budget.fixed_rounds_law budget.schedule_bound
    budget.until_fixation budget.hard_limit budget.optimal_rounds budget.adaptive_rounds
    budget.equal_risk_law
    gaussian.log_variance_density gaussian.log_variance_information gaussian.log_variance_pointwise_information
    markov.accepted_kernel markov.fresh_kernel markov.fits
    policies.reinforce policies.best_step policies.reinforce_law policies.reinforce_rate
    policies.differing_pairs"""  # made on the host
TABLES = "Pipeline.joint Pipeline.information Pipeline.bound"  # in the other test
EXEMPT = {f"theory.{name}" for name in f"{PLAIN} {DOUBLE} {TABLES}".split()}


def narrow(x):
    return np.asarray(x, np.float32) if getattr(x, "dtype", type(x)) in (float, np.float64) else x


def floats(row):
    """The dtypes of the floats that a call returns, every float given being float32, or beside arrays a default."""
    function, arguments = fuzz.find(row.name), row.arguments
    if any(isinstance(x, np.ndarray) for x in arguments.values()):
        optional = {name for name, p in inspect.signature(function).parameters.items() if isinstance(p.default, float)}
        arguments = {name: x for name, x in arguments.items() if name not in optional}
    single = {name: x if name in HOST else jax.tree.map(narrow, x) for name, x in arguments.items()}
    call = partial(fuzz.call, function, single)
    try:
        found = jax.eval_shape(call)  # where it can be traced nothing is compiled
    except (TypeError, IndexError, ValueError):  # it looks at values
        found = call()
    return {x.dtype.name for x in jax.tree.leaves(found) if getattr(x, "dtype", np.dtype(int)).kind == "f"}


def test_float32_in_float32_out():
    found = {row.name: floats(row) for row in fuzz_theory.rows() if row.name.split()[0] not in EXEMPT}
    assert sum(map(len, found.values())) > 70
    assert {name: dtypes for name, dtypes in found.items() if dtypes - {"float32"}} == {}


def test_of_tables_and_lists():
    """Lists are of the default dtype, and the wider of two dtypes wins."""
    pipeline = Pipeline("X -> D", {"X": HALF, "D": CHANNEL})
    assert pipeline.information("X", "D").dtype == pipeline.bound("", "D").dtype == np.float32
    assert theory.count_log_likelihood(TABLE, TABLE).dtype == np.float32
    assert theory.entropy([1, 0]).dtype == jnp.result_type(float)
    assert theory.kl_divergence(TABLE, TABLE.tolist()).dtype == np.float64
    assert budget.fixed_judge_total(HALF, TABLE, [[1], [1]]).dtype == np.float64
    assert budget.fixed_judge_total(HALF, TABLE.astype(float), np.float32([[1], [1]])).dtype == np.float64
    assert drift.information([0.5, 0.5], CHANNEL, CHANNEL, 2).dtype == np.float64
    assert drift.distributions(CHANNEL, CHANNEL.astype(float), 2).dtype == np.float64
