"""What several screens are made of: the base of them all, dialogs, columns, and the question before an operation."""
