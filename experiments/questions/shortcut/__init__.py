"""Which feature of a label is learned first, and when a learner switches."""
