"""Learners: PPO and cloning, on sequences of recorded experience."""
