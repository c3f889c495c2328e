"""Refit to accepted outputs, or RLVR: which method leaves less wrong, for which verifier and how many verdicts."""
