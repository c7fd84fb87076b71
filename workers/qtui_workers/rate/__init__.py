"""Strict rate limits over all workers, and how much of each is used."""
