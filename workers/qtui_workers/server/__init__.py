"""Redis: where it is, the client of it, the embedded server, key names and scripts."""
