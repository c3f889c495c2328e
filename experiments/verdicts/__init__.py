"""What verdicts buy: how many a goal takes, how to spend them, what blocks and better students change, their worth."""
