"""Never reject what is correct: the best threshold of a verifier that has a blind spot."""
