"""A model of the distributed training loop, and forecasts for more cores."""
