"""What is published: the wheel and the source distribution."""
