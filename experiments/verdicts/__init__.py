"""What verdicts buy: how many a goal takes, how to spend them, what better students change, their worth."""
