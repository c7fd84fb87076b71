"""Running one job: in a horse or in the worker's own process, and what happens when that dies."""
