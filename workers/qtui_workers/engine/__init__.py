"""The worker's engine: one script a job, long-lived horses, leases, and a stop that loses nothing."""
