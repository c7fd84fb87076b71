"""What can be done to jobs: one registry of operations, one way to plan and run them."""
