"""Widgets that read rows only through the callables passed to them: they know nothing of Redis or screens."""
