"""What a worker does beside its jobs: due jobs, lost jobs, registries."""
