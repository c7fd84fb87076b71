"""Lists of jobs at any length: windows of them, their ids, what runs now and what is about to run."""
