"""The pictures of the README, made from real screens over a real server."""
