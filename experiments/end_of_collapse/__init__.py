"""The end of model collapse: the last of a closed loop's information, at which rate it goes and how much it is."""
