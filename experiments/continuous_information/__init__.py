"""The information of a mixture and a Markov chain about their task, in closed and open loops, between bounds."""
