"""The price of verdicts: how many a goal takes, how to spend them, better learners, and their worth in samples."""
