"""One screen a file, its style beside it; those with a key are rows of `qtui.places`."""
