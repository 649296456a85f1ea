"""A run and its folder: the training loop, checkpoints, metrics, signals, W&B."""
