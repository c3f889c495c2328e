"""How fast diversity falls in a closed loop."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import sandbox
import theory
from experiments.harness import figures as plots
from experiments.harness.claim import Found, claim, equal
from experiments.harness.ledger import Settings
from experiments.harness.statements import Statement
from experiments.harness.study import study

NUM_SAMPLES, NUM_GENERATIONS = 20, 30
REAL = np.array([0.5, 0.3, 0.2])
LAW = (1 - np.sum(REAL**2)) * (1 - 1 / NUM_SAMPLES) ** np.arange(1, NUM_GENERATIONS + 2)


@study("diversity/loops", num_replicas=2_000, full={"num_replicas": 20_000})
def diversity(key: jax.Array, fresh: bool = False, *, num_replicas: int) -> theory.Estimate:
    """The chance that two samples differ [t]; `fresh`: a tenth of each generation is real."""
    model = sandbox.Categorical(jnp.asarray(REAL)[None])
    record = sandbox.ensemble(
        key,
        model,
        sandbox.KeepAll(),
        num_samples=NUM_SAMPLES,
        num_generations=NUM_GENERATIONS,
        num_replicas=num_replicas,
        num_real=NUM_SAMPLES,
        regime=sandbox.Fresh(None, share=0.1) if fresh else sandbox.Replace(),
        progress=False,
    )
    return theory.estimate(1 - (np.asarray(record.model.probs)[0] ** 2).sum(-1))


def falls(settings: Settings) -> Found:
    """Every generation against the law."""
    return equal(diversity(settings), LAW, [f"n = {NUM_SAMPLES}, t = {t}" for t in range(len(LAW))], "probability")


def falls_with_fresh_data(settings: Settings) -> Found:
    """The same where a tenth is real."""
    return equal(diversity(settings, True), LAW, f"n = {NUM_SAMPLES}, a tenth fresh", "probability")


CLAIMS = claim(
    "A1-diversity",
    "In a closed loop the chance that two samples differ falls by the share 1/n in each generation",
    falls,
    control=("… also where a tenth of each generation is real", falls_with_fresh_data),
    figure="diversity",
)
STATEMENTS = (
    Statement(
        "A1",
        title="A closed loop loses the share 1/n of its diversity in each generation",
        formula=r"H_{t+1} = (1 - 1/n)\, H_t",
        words="Diversity is the chance that two samples of the model differ.",
        conditions="A categorical model that is refitted to n of its own samples, nothing else.",
        practice="Diversity is gone after a few times n generations.",
        source="Wright (1931), Evolution in Mendelian populations",
    ),
)


@plots.style()
def draw(settings: Settings) -> Figure:
    """Diversity against the generation, with nothing real and with a tenth of it."""
    fig, ax = plots.figure()
    t = np.arange(len(LAW))
    for fresh, color, label in ((False, plots.CLOSED, "closed"), (True, plots.REAL, "a tenth fresh")):
        found = diversity(settings, fresh)
        plots.band(ax, t, found.mean, found.stderr, color=color, label=label)
    plots.theory(ax, t, LAW, label="(1 − 1/n)ᵗ")
    ax.set(title="diversity falls by 1/n a generation", xlabel="generation", ylabel="diversity", ylim=0)
    ax.legend()
    return fig


FIGURES = {"diversity": draw}
