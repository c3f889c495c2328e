"""What the door of the bracket refuses: a fit that knows the task would put the lower bound above the truth."""

import jax
import jax.numpy as jnp
import pytest

import sandbox
from experiments.questions import bracket

KEY = jax.random.key(0)
TASKS = sandbox.Gaussian(jnp.linspace(-3, 3, 4)[:, None], jnp.ones((4, 1, 1)))
SMALL = bracket.Simulation(num_generations=1, num_replicas=20, num_models=8, num_data=4, num_steps=10, block=1000)


def bracketed(tasks=TASKS, sampler=None, injective=False, closed=None, **parts):
    loop = bracket.Loop(10, **parts)
    return bracket.information(KEY, tasks, loop, SMALL, sampler, injective=injective, closed=closed)


def halfway(model, x, weights):
    """A fit that starts from its model."""
    return model._replace(mean=(model.mean + x.mean(0)) / 2)


def nowhere(x, tasks):
    return jnp.full((x.shape[0], 4), jnp.nan)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"fit": halfway}, "loop.fit"),
        ({"fit": lambda model, x: model}, "loop.fit"),
        ({"signal": sandbox.KeepAll()}, "loop.signal"),
        ({"regime": sandbox.Replace()}, "loop.regime"),
        ({"truth": "x"}, "loop.truth"),
        ({"accuracy": lambda model, task: jnp.asarray(7.0)}, "loop.accuracy"),
        ({"accuracy": lambda model, task: None}, "loop.accuracy"),
        ({"features": lambda models: models.mean[..., 0]}, "loop.features"),
        ({"tasks": TASKS._replace(mean=TASKS.mean.at[0].set(jnp.nan))}, "tasks.mean"),
        ({"tasks": jax.tree.map(lambda leaf: leaf[:1], TASKS)}, "tasks"),
        ({"sampler": "x"}, "sampler"),
        (
            {"sampler": bracket.everything(TASKS, bracket.Loop(10))._replace(real_log_likelihood=nowhere)},
            "sampler.real_log_likelihood",
        ),
        ({"fit": lambda model, x, weights: model if x[0, 0] > 0 else None}, "loop, sampler"),
        ({"injective": "no"}, "injective"),
        ({"closed": "x"}, "closed"),
    ],
)
def test_nonsense_is_refused(parts, name):
    with pytest.raises(ValueError, match=rf"^{name}: .* was given; accepted: "):
        bracketed(**parts)


@pytest.mark.slow
def test_a_fit_that_starts_elsewhere_is_accepted():
    """The control: the same rule from a fixed start."""
    start = sandbox.Gaussian(jnp.zeros(1), jnp.ones((1, 1)))
    found = bracketed(fit=lambda _, x, weights: halfway(start, x, weights)).information
    assert (found.lower.mean <= found.upper.mean + 5 * found.upper.stderr + 5 * found.lower.stderr).all()
