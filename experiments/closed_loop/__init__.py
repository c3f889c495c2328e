"""Model collapse: what a model loses when it is retrained on its own samples, how fast, and what is left."""

from experiments.closed_loop.own_data import run as run
