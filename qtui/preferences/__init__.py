"""What a person has set in the config file, and what the dashboard remembers from one run to the next."""
