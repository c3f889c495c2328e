"""What a signal adds to a loop: the injection bound, and why a loop needs both candidates and a signal."""
