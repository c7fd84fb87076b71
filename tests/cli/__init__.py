"""The commands from outside."""
