"""The commands of `qtui`, a file for each kind: looking, acting, enqueuing."""
