"""What may be typed: how commands declare it, how plain words are read without typer, and all others by typer."""
