"""Learners: the contract `Algorithm`, PPO and cloning behind it, and the registry of names."""
