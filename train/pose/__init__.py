"""Training, evaluation and export of the pose network, on randomized renders."""
