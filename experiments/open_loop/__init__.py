"""What a signal adds to a loop: the injection bound, and what neither a signal nor candidates do alone."""
