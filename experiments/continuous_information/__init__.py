"""What a mixture and a Markov chain know of their task in closed and open loops, between bounds that hold."""
