"""What can be known of a process and done to it: its memory, its signals, its stack, its state, its death, what it used."""
