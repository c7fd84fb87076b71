"""Search: the jobs that fit an expression, what they are made of, and why they failed; read in blocks, never all at once.

`expression.parse` reads what a person typed, `scan.scan` reads the jobs, and the other modules say what is made of them.
"""
