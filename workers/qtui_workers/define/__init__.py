"""What defines a processor: the decorator, its options, and how processors are found."""
