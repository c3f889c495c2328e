"""The phase boundary of verified retraining: how many accepted samples a round it takes to end correct (R8)."""
