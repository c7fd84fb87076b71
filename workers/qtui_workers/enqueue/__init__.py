"""How jobs enter queues: the service for programs, batches and cron jobs; and how a program reads its jobs afterwards."""
