"""The worker's engine: one call of a script for each job, horses that run many jobs, leases, and a stop that loses nothing."""
