"""Tasks: an object, its start states and goals, what counts as success, and what is sensed."""
