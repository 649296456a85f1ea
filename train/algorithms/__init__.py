"""Learners: the contract `Algorithm`, PPO, cloning and FastTD3 behind it, the registry of names."""
