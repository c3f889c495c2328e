"""What a signal says of the task and of the surface form, and what the form costs."""
