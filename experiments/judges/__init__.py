"""Who may judge: the student itself, an earlier student, a judge made once, a verifier with fresh errors."""
