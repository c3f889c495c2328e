"""Rounds whose size follows the accuracy: the third law of a budget, and what it costs not to see the accuracy."""
