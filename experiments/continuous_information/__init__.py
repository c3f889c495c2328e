"""I(X;Z_t) of mixtures and Markov chains, between bounds that hold: closed, self-judged, verified, with fresh data."""
