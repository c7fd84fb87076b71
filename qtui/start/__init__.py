"""From Enter to the first frame, before Textual is loaded; and what is done when qtui itself fails."""
