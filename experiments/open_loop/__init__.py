"""What a signal adds to a loop: the injection bound, two protocols, and what neither a signal nor candidates do alone."""
