"""All that is known of one job, and which job a person means."""
