"""How the signal enters: one reference, references worded anew, a filter on own samples, a reward; what each keeps."""
