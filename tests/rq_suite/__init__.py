"""RQ's own test suite, run with our worker in the place of RQ's: `make rq-suite`."""
