"""The workers: which are registered and alive, what each does, and the commands that it understands."""
