"""Errors that persist: what a loop is worth if a wrong output that passed once passes again (R12)."""
