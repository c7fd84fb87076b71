"""What happens to jobs as it happens: events, log lines and changes of status, in one stream of lines."""
