"""Whether a pipeline is open or closed, and why."""
