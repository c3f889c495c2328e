"""What goes wrong with nearest-neighbour estimates of I(X;Z), where the truth is known."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import theory
from experiments import plots
from experiments.ledger import Settings

NUM_TASKS, RADIUS = 8, 2.5  # Z|x ~ N(μ_x, I), the means on a circle: further coordinates are noise
DIMENSIONS = (2, 4, 8, 16, 32)
REPLICAS = (1000, 4000)
SIZE, GENERATIONS = 100, (0, 3, 10, 30, 100, 400)  # two symbols, keep-all: Z_t is one of 101 atoms
NOISES = (1e-10, 1e-3)
NOT_INSTALLED = "dit is not installed, hence no\nestimates: make setup installs it"


def centres() -> np.ndarray:
    """μ_x [x, 2]."""
    angles = 2 * np.pi * np.arange(NUM_TASKS) / NUM_TASKS
    return RADIUS * np.stack([np.cos(angles), np.sin(angles)], 1)


@lru_cache
def truth(settings: Settings) -> theory.Estimate:
    """I(X;Z) of the tasks on a circle, by Monte Carlo over known densities; the same in every dimension."""

    def draw(key: jax.Array) -> jax.Array:
        z = jnp.asarray(centres())[None] + jax.random.normal(key, (5000, NUM_TASKS, 2))
        square = ((z[:, :, None] - centres()[None, None]) ** 2).sum(-1)
        return theory.stratified_information(-square / 2)

    return theory.monte_carlo(jax.random.key(settings.seed), draw, 40 if settings.full else 10)


def samples(rng: np.random.Generator, dimension: int, replicas: int) -> list[np.ndarray]:
    """Replicas of Z [n, dimension], one table a task."""
    means = np.pad(centres(), ((0, 0), (0, dimension - 2)))
    return [mean + rng.standard_normal((replicas // NUM_TASKS, dimension)) for mean in means]


def nearest(rng: np.random.Generator, tables: list[np.ndarray], noise: float = 1e-10) -> float:
    """H(Z) − Σ_x p(x) H(Z|x) in nats, each entropy by Kozachenko and Leonenko with four neighbours, by dit.

    The normal noise against ties, by default of the size that dit adds, is drawn from `rng`: a run can be repeated.

    Raises:
        ImportError: dit is not installed; the extra `dev` brings it.
    """
    from dit.inference import differential_entropy_knn  # 2 s, and only installed with the extra `dev`

    def entropy(table: np.ndarray) -> float:
        return differential_entropy_knn(table + noise * rng.standard_normal(table.shape), noise=0) * np.log(2)

    return float(entropy(np.concatenate(tables)) - np.mean([entropy(table) for table in tables]))


def by_dimension(settings: Settings) -> dict[int, list[float]]:
    """The estimates from so many replicas, one a dimension."""
    rng = np.random.default_rng(settings.seed)
    return {n: [nearest(rng, samples(rng, d, n)) for d in DIMENSIONS] for n in REPLICAS}


def collapse() -> np.ndarray:
    """I(X;Z_t) of a loop over two symbols for eight shares of the first, exactly."""
    initial = jnp.stack([theory.drift.initial(SIZE, np.array([p, 1 - p])) for p in _shares()])
    prior, kernel = jnp.full(NUM_TASKS, 1 / NUM_TASKS), theory.drift.neutral_kernel(SIZE)
    return np.asarray(theory.drift.information(prior, initial, kernel, GENERATIONS[-1]))


def of_collapse(settings: Settings) -> dict[tuple[int, float], list[float]]:
    """The estimates of the same, from (replicas, noise)."""
    rng, estimates = np.random.default_rng(settings.seed), {}
    for replicas in REPLICAS:
        z = np.repeat(_shares(), replicas // NUM_TASKS)
        for t in range(GENERATIONS[-1] + 1):
            z = rng.binomial(SIZE, z) / SIZE
            if t in GENERATIONS:
                for noise in NOISES:
                    tables = list(z.reshape(NUM_TASKS, -1, 1))
                    estimates.setdefault((replicas, noise), []).append(nearest(rng, tables, noise))
    return estimates


@plots.style()
def nearest_neighbours(settings: Settings) -> Figure:
    """How nearest-neighbour estimates of I(X;Z) fail, against the truth (thin dark lines).

    Kozachenko and Leonenko's entropies with four neighbours, by dit: H(Z) − Σ p(x) H(Z|x), eight tasks. Left: Z|x is
    normal with unit covariance, the means lie on a circle, and each further coordinate is noise, so that the truth is
    the same in all dimensions; the estimates fall below it, and below zero, the standard deviation of the truth's own
    Monte-Carlo value being a thousandth. Right: shares of two symbols, retrained on their own 100 samples; the truth is
    an exact chain. Of replicas on the same atom the distances are only the noise that the estimate adds against ties:
    where an atom has five replicas in all but fewer of each task, the logarithm of the noise enters, and 30 fits after
    the start a truth of 0.4 nats is estimated as −11.

    In practice: where densities are known, average ln p(z|x)/p(z), which has neither bias nor a dimension. Trust no
    nearest-neighbour estimate in more than a few dimensions, nor of data with ties, as collapse makes them; change the
    noise by a factor of ten: if the estimate moves, it is about the noise.
    """
    fig, (left, right) = plots.figure(2, width=6.0, height=4.4)
    exact = float(truth(settings).mean)
    plots.theory(left, DIMENSIONS[:: len(DIMENSIONS) - 1], [exact, exact], label="truth, known densities")
    fits = 1 + np.array(GENERATIONS)
    plots.theory(right, 1 + np.arange(GENERATIONS[-1] + 1), collapse(), label="truth, exact chain")
    colors: dict[int, str] = dict(zip(REPLICAS, (plots.VERMILLION, plots.BLUE), strict=True))
    try:
        for n, estimates in by_dimension(settings).items():
            left.plot(DIMENSIONS, estimates, "o-", color=colors[n], label=f"{n} replicas")
        for (n, noise), estimates in of_collapse(settings).items():
            kind = "o-" if noise == NOISES[0] else "s--"
            right.plot(
                fits, estimates, kind, color=colors[n], label=f"{n} replicas, noise {noise:.0e}".replace("e-0", "e-")
            )
    except ImportError:
        for ax in (left, right):
            ax.text(0.5, 0.5, NOT_INSTALLED, transform=ax.transAxes, ha="center", color=plots.VERMILLION)
    left.axhline(0, color=plots.GREY, linewidth=0.8)
    right.axhline(0, color=plots.GREY, linewidth=0.8)
    for ax, ticks in ((left, DIMENSIONS), (right, fits)):
        ax.set(xscale="log", ylabel="I(X;Z)  [nats]")
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.set_xticks([], minor=True)
        ax.legend(loc="lower left", handlelength=2.8)
    left.set(title="every coordinate of noise adds bias", xlabel="dimension of Z")
    right.set(title="ties make it diverge", xlabel="fits, t + 1", ylim=(-21, 3))
    return fig


def _shares() -> np.ndarray:
    return np.linspace(0.1, 0.9, NUM_TASKS)
