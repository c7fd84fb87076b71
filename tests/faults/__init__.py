"""What may go wrong around a job, and what holds then."""
