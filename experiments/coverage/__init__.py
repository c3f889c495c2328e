"""Repetition or coverage: a budget of verdicts spread over more prompts, or spent on the same ones again."""
