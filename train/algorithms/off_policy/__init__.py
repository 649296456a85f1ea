"""Learning from a replay memory: its storage, critics with a distribution of values, FastTD3."""
