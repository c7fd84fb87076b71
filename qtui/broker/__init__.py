"""The core: all that an operator can see or do in Redis, with no user interface in it."""
