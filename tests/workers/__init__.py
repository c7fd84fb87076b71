"""The processing side on a real server."""
