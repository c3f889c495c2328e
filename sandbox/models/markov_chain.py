"""A chain over K states, from which a data set is one path."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from sandbox import noise, validation
from sandbox.models.categorical import Smoothing, pseudo_counts, shares


class MarkovChain(NamedTuple):
    """p(x_0 … x_{n−1}) = initial[x_0] · Π_i transition[x_{i−1}, x_i]."""

    initial: Float[Array, " state"]
    transition: Float[Array, "state next"]
    order = 1  # symbols of the past that a sample's probability depends on; no field, since it has no annotation

    def check(self) -> None:
        """Raises ValueError unless `initial` and the rows of `transition` are probability vectors of one length."""
        validation.distribution("MarkovChain.initial", self.initial)
        validation.distribution("MarkovChain.transition", self.transition)
        states = self.initial.shape[-1]
        if self.transition.shape[-2:] != (states, states):
            raise ValueError(
                f"MarkovChain.transition: shape [{states}, {states}] is accepted beside an initial law of {states} "
                f"states, got {list(self.transition.shape)}"
            )

    def stationary(self) -> Float[Array, " state"]:
        """The share of its time that a long path spends in each state, from this initial law.

        π = πT, and each closed class has the probability that the path ends in it. States are eliminated, the one that
        is left most often first: its visits go to where it leads, until each state that remains is the last of its
        class (Grassmann, Taksar & Heyman 1985). Nothing is subtracted, so every entry is exact to rounding, however
        rarely a path crosses from one part of the chain to another.
        """
        n = self.initial.size
        times = jnp.ones((n + 1, 1), self.transition.dtype)  # of a visit, with the eliminated states that follow it
        table = jnp.concatenate([jnp.concatenate([self.transition, self.initial[None]]), times], 1)

        def eliminate(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            table, left = state
            leaves = jnp.where(left[None] & ~jnp.eye(n, dtype=bool), table[:n, :n], 0).sum(1)
            k = jnp.where(left, leaves, -1).argmax()
            goes = leaves[k] > 0
            others = left & (jnp.arange(n) != k)
            kept = jnp.append(others, True)
            visits = jnp.where(kept & goes, table[:, k] / jnp.where(goes, leaves[k], 1), 0)
            table = table + visits[:, None] * jnp.where(kept, table[k], 0)[None]
            return (table, jnp.where(goes, others, left)), (k, visits[:n])

        (table, last), eliminated = jax.lax.scan(eliminate, (table, jnp.ones(n, bool)), length=n)
        shares = jnp.where(last, table[n, :n] / table[:n, n], 0)

        def restore(shares: Array, step: tuple[Array, Array]) -> tuple[Array, None]:
            k, visits = step
            return shares.at[k].add((visits * shares).sum()), None

        return jax.lax.scan(restore, shares, eliminated, reverse=True)[0]

    def sample(self, key: Array, n: int) -> Int[Array, " n"]:
        """Draws one path of n symbols."""
        uniforms = noise.uniform(key, (n,), self.transition.dtype)
        cumulative = jnp.cumsum(self.transition, axis=1)

        def step(state: Array, u: Array) -> tuple[Array, Array]:
            row = cumulative[state]
            state = (u * row[-1] >= row).sum().astype(jnp.int32)
            return state, state

        start = jnp.cumsum(self.initial)
        first = (uniforms[0] * start[-1] >= start).sum().astype(jnp.int32)
        path = jax.lax.scan(step, first, uniforms[1:])[1]
        return jnp.concatenate([first[None], path])

    def log_prob(self, x: Int[Array, " n"]) -> Float[Array, " n"]:
        """ln p(x_i | x_{i−1}), in nats; the first entry is ln initial[x_0]."""
        steps = jnp.log(self.transition)[x[:-1], x[1:]]
        return jnp.concatenate([jnp.log(self.initial)[x[:1]], steps])

    def fit(self, x: Int[Array, " n"], weights: Float[Array, " n"], *, smoothing: Smoothing = 0.0) -> "MarkovChain":
        """The weighted shares of the transitions out of each state, with `smoothing` added to their counts.

        transition[a, b] = (N_ab + α_b) / (Σ_b N_ab + Σ α), N_ab = Σ_{i≥1} w_i 1[x_{i−1} = a, x_i = b], α = smoothing,
        one number or one a state; initial likewise from x_0 with weight w_0, so that one path's maximum-likelihood fit
        always starts at that path's first symbol. A state that no counted transition leaves has the row α / Σ α, the
        mean of its Dirichlet(α) prior, so that the fit depends on the data alone; at α = 0 it keeps its row.

        Args:
            x: One path.
            weights: w, at least 0; w_i is that of the transition into x_i.
            smoothing: α, at least 0.

        Returns:
            The model; self where all weights are 0.

        Raises:
            ValueError: `smoothing` is negative or infinite, or its length is not the number of states.
        """
        return self.fit_statistics(self.statistics(x, weights), smoothing=smoothing)

    def statistics(self, x: Int[Array, " n"], weights: Float[Array, " n"]) -> "MarkovChain":
        """Weighted counts of the first symbol and of the transitions, in the place of their probabilities."""
        weights = weights.astype(self.transition.dtype)
        return MarkovChain(
            jnp.zeros_like(self.initial).at[x[0]].add(weights[0]),
            jnp.zeros_like(self.transition).at[x[:-1], x[1:]].add(weights[1:]),
        )

    def fit_statistics(self, statistics: "MarkovChain", *, smoothing: Smoothing = 0.0) -> "MarkovChain":
        """The fit to paths with these counts; self where there are none."""
        total = statistics.initial.sum() + statistics.transition.sum()
        alpha = pseudo_counts(smoothing, total, like=self.initial)
        return self._replace(
            initial=shares(statistics.initial, self.initial, alpha),
            transition=jax.vmap(shares, (0, 0, None))(statistics.transition, self.transition, alpha),
        )
