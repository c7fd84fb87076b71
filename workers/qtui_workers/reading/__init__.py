"""What jobs hold, decoded without running anything that is stored there."""
