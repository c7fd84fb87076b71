"""The processing side: all that a worker machine needs."""
