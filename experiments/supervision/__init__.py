"""What a signal carries about the task and about the surface form, and what the form costs."""
