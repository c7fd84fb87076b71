"""All queues at once: the overview, how fast they fill and drain, and the figures that need a look at jobs."""
