"""How good a verifier must be: the drift barrier, the break-even likelihood ratio, blind spots."""
