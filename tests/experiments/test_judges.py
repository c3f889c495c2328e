"""The chains of the judges are what their formulas say, and their rows can fail."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.judges import chains, loops, rows
from experiments.judges.chains import PRIOR, TASKS, WEAK
from experiments.ledger import Settings
from theory import budget, drift

QUICK = Settings()


def test_the_share_right_of_a_path_is_that_of_its_steps():
    """A chain that stays where it is has no step to the right, although its first symbol passes for one."""
    still = loops.MODELS["chain"]._replace(transition=jnp.eye(4))
    assert float(loops.share_right(loops.RIGHT["chain"], still)["right"]) == 0


@pytest.mark.parametrize("t", [1, 7])
def test_an_earlier_student_is_a_chain_of_pairs(t):
    """(Z_0, Z_t) moves by one block a Z_0; Z_t is what is seen of it."""
    n = 10
    keeps = chains.preferences(n, WEAK)
    blocks = [np.asarray(drift.selection_kernel(n, keep)) for keep in keeps]
    kernel = np.einsum("ab,acd->acbd", np.eye(n + 1), np.stack(blocks)).reshape((n + 1) ** 2, -1)
    first = np.stack([np.diag(drift.initial(n, task)).ravel() for task in TASKS])
    pairs = first @ np.linalg.matrix_power(kernel, t)
    expected = pairs.reshape(2, n + 1, n + 1).sum(1)
    np.testing.assert_allclose(chains.earlier_student(WEAK, n).laws[t], expected, atol=1e-14)


def test_starts_are_the_fits_to_real_samples():
    np.testing.assert_allclose(chains.starts(51), [drift.initial(51, task) for task in TASKS], rtol=1e-11)


def test_a_judge_of_many_samples_is_a_perfect_one():
    """It always prefers the right symbol, so that the next fit has no other."""
    loop, total = chains.learned_judge(3001)
    perfect = budget.frozen_total(PRIOR, jnp.eye(2), chains.starts())
    np.testing.assert_allclose(total, perfect, atol=1e-12)
    np.testing.assert_allclose(loop.right[1:], 1, atol=1e-12)


def shifted(study):
    """Its informations and shares as if they were those of one generation later, and the start at the end."""
    path = study()
    return lambda: path._replace(information=np.roll(path.information, -1), right=np.roll(path.right, -1))


@pytest.mark.parametrize(
    "row",
    [
        lambda: rows.loss(shifted(chains.self_judge), "shifted", QUICK),
        lambda: rows.ends_right(shifted(chains.frozen_judge), QUICK),
        lambda: rows.simulated_right("self", chains.no_judge, loops.NUM_SELF, QUICK),
        lambda: rows.simulated_information("self", chains.no_judge, loops.NUM_SELF, QUICK),
        lambda: rows.equal_law(lambda goal: 1.01 * chains.equal_law(goal), QUICK),
    ],
    ids=["loss", "ends-right", "right", "information", "law"],
)
def test_a_row_can_fail(row):
    """A study that is broken on purpose."""
    assert row().verdict == "fails"


def test_rows_are_reached_by_their_seed():
    assert rows.random_judges(Settings(seed=1)).slack != rows.random_judges(QUICK).slack
