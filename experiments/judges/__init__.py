"""Who judges: the model itself, an earlier model, a fixed reward model, or a verifier with independent errors."""
