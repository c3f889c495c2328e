"""How the signal enters: one reference, references worded anew, a filter, a reward; what each keeps."""
