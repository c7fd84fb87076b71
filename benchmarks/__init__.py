"""Each figure beside its peer, in one run."""
