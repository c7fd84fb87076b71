"""`python -m qtui` is the command `qtui`."""

from __future__ import annotations

from qtui.cli import main

if __name__ == "__main__":
    main()
