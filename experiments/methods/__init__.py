"""How the signal enters: a fixed or a paraphrased reference, a filter, a reward; transfer and diversity of each."""
