"""Training of the pose network on randomized renders, and what follows: errors and export."""
