"""Widgets that know rows by callables only."""
