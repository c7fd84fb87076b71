"""What is wrong, and what to do about it: with a queue, with a Redis, with limits that somebody monitors."""
