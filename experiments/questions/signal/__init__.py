"""What a signal carries, and how fast it teaches."""
