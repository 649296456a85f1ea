"""Tasks: an object, its start states, its goals, the success and drop rules, and its sensors."""
