"""How jobs enter queues: the service for programs, batches and cron jobs; and what is known of a job afterwards."""
