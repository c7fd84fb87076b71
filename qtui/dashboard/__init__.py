"""The App and its parts: what works on every screen, and how it is opened and left."""
