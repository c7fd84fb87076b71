"""In the way of the package of that name, which redis-py loads where it is installed: tests need it, users seldom have it."""

raise ImportError("hidden by qtui's benchmarks")
