"""I(X;Z_t) along a loop between two bounds, for any model whose likelihood is known and any signal.

Which way to take: a model that has a kernel, that is, finitely many states or a closed form of them, has an exact
answer, `theory.drift.information`; one that has none, a network or a mixture, gets a bracket:

    from experiments.questions import bracket

    tasks = sandbox.Gaussian(mean=jnp.linspace(-1, 1, 8)[:, None], scale=jnp.ones((8, 1, 1)))  # equally likely truths
    loop = bracket.Loop(num_samples=20)  # closed; open with signal=lambda task: sandbox.Verifier(…)
    found = bracket.information(jax.random.key(0), tasks, loop, bracket.Simulation(num_generations=4))
    lower, upper = found.information  # two `theory.Estimate`s [t], in nats

The model is any `sandbox.Model`. Where the signal has no `acceptance`, or the fit sees less than all samples and
verdicts, a `Sampler` of one's own says what it sees.
"""

from experiments.questions.bracket.bounds import Bracketed as Bracketed
from experiments.questions.bracket.bounds import information as information
from experiments.questions.bracket.loops import Loop as Loop
from experiments.questions.bracket.loops import Sampler as Sampler
from experiments.questions.bracket.loops import Simulation as Simulation
from experiments.questions.bracket.loops import everything as everything
