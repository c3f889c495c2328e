"""Which of c candidate answers is correct: what verdicts on one of them each cost, and on sets of them."""
