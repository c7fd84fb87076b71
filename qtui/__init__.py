"""The operator's side: the dashboard and the commands."""
