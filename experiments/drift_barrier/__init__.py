"""How accurate a verifier must be: accuracy × samples, the break-even, blind spots."""
