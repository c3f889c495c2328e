"""Which feature is learned first: code length saved against what a student relies on, and where that fails."""
