"""Doing something to any number of jobs: which ones, a plan, chunks, a report, and the trash."""
