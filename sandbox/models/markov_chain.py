"""A chain over K states, from which a data set is one path."""

from typing import Annotated, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import inputs, noise, spaces, validation
from sandbox.base import ArrayLike
from sandbox.models.categorical import Smoothing, pseudo_counts, shares


class MarkovChain(NamedTuple):
    """p(x_0 … x_{n−1}) = initial[x_0] · Π_i transition[x_{i−1}, x_i].

    Where values cannot be looked at, under a trace, another symbol has log-probability −inf, and a fit leaves it out.
    """

    initial: Annotated[Float[Array, " state"], validation.distribution]
    transition: Annotated[Float[Array, "state next"], validation.square, validation.distribution]
    order = 1  # symbols of the past that a sample's probability depends on; no field, since it has no annotation
    space = spaces.symbols_of("initial")

    def stationary(self) -> Float[Array, " state"]:
        """The share of its time that a long path spends in each state, from this initial distribution.

        π = πT, and each closed class has the probability that the path ends in it. States are eliminated, the one that
        is left most often first: its visits go to where it leads, until each state that remains is the last of its
        class (Grassmann, Taksar & Heyman 1985). Nothing is subtracted, so every entry is exact to rounding, however
        rarely a path crosses from one part of the chain to another.
        """
        chain = inputs.ready("MarkovChain", self)
        n = chain.initial.size
        times = jnp.ones((n + 1, 1), chain.transition.dtype)  # of a visit, with the eliminated states that follow it
        table = jnp.concatenate([jnp.concatenate([chain.transition, chain.initial[None]]), times], 1)

        def eliminate(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            table, left = state
            leaves = jnp.where(left[None] & ~jnp.eye(n, dtype=bool), table[:n, :n], 0).sum(1)
            k = jnp.where(left, leaves, -1).argmax()
            goes = leaves[k] > 0
            others = left & (jnp.arange(n) != k)
            stays = jnp.append(others, True)
            visits = jnp.where(stays & goes, table[:, k] / jnp.where(goes, leaves[k], 1), 0)
            table = table + visits[:, None] * jnp.where(stays, table[k], 0)[None]
            return (table, jnp.where(goes, others, left)), (k, visits[:n])

        (table, last), eliminated = jax.lax.scan(eliminate, (table, jnp.ones(n, bool)), length=n)
        shares = jnp.where(last, table[n, :n] / table[:n, n], 0)

        def restore(shares: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            k, visits = step
            return shares.at[k].add((visits * shares).sum()), None

        return jax.lax.scan(restore, shares, eliminated, reverse=True)[0]

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws one path of n symbols."""
        chain = inputs.to_sample(self, key, n)
        uniforms = noise.uniform(key, (n,), chain.transition.dtype)
        cumulative = jnp.cumsum(chain.transition, axis=1)

        def step(state: Array, u: Array) -> tuple[Array, Array]:
            row = cumulative[state]
            state = (u * row[-1] >= row).sum().astype(jnp.int32)
            return state, state

        start = jnp.cumsum(chain.initial)
        first = (uniforms[0] * start[-1] >= start).sum().astype(jnp.int32)
        path = jax.lax.scan(step, first, uniforms[1:])[1]
        return jnp.concatenate([first[None], path])

    def log_prob(self, x: ArrayLike) -> Float[Array, " n"]:
        """ln p(x_i | x_{i−1}), in nats; the first entry is ln initial[x_0]."""
        chain = inputs.ready("MarkovChain", self)
        x = self.space.samples("x", x)
        first = spaces.look_up(jnp.log(chain.initial), x[:1], -jnp.inf)
        return jnp.concatenate([first, spaces.look_up(jnp.log(chain.transition), (x[:-1], x[1:]), -jnp.inf)])

    def fit(self, x: ArrayLike, weights: ArrayLike = None, *, smoothing: Smoothing = 0.0) -> "MarkovChain":
        """The weighted shares of the transitions out of each state, with `smoothing` added to their counts.

        transition[a, b] = (N_ab + α_b) / (Σ_b N_ab + Σ α), N_ab = Σ_{i≥1} w_i 1[x_{i−1} = a, x_i = b], α = smoothing,
        one number or one a state; initial likewise from x_0 with weight w_0, so that one path's maximum-likelihood fit
        always starts at that path's first symbol. A state that no counted transition leaves has the row α / Σ α, the
        mean of its Dirichlet(α) prior, so that the fit depends on the data alone; at α = 0 it keeps its row. Where all
        weights are 0 the fit is self.
        """
        self = inputs.ready("MarkovChain", self)
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: ArrayLike, weights: ArrayLike = None) -> "MarkovChain":
        """Weighted counts of the first symbol and of the transitions, in the place of their probabilities."""
        x, weights = self.space.weighted(x, weights, self.transition.dtype)
        return MarkovChain(
            spaces.count(self.initial, x[0], weights[0]), spaces.count(self.transition, (x[:-1], x[1:]), weights[1:])
        )

    def fit_statistics(self, statistics: "MarkovChain", *, smoothing: Smoothing = 0.0) -> "MarkovChain":
        """The fit to paths with these counts; self where there are none."""
        total = statistics.initial.sum() + statistics.transition.sum()
        alpha = pseudo_counts(smoothing, total, like=self.initial)
        return self._replace(
            initial=shares(statistics.initial, self.initial, alpha),
            transition=jax.vmap(shares, (0, 0, None))(statistics.transition, jnp.asarray(self.transition), alpha),
        )
