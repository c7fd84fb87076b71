"""Stories of people at the dashboard."""
