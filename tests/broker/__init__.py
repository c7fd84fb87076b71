"""The core on a real server."""
