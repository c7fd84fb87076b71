"""What every screen looks like."""
