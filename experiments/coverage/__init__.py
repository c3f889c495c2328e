"""New prompts or repeated queries: a budget of verdicts spread over more prompts, or spent on the same ones."""
