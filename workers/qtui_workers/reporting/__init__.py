"""What jobs and workers report: progress, log lines and events."""
