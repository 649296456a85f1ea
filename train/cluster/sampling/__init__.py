"""Rollout workers on Ray, and the sampler that gathers what they collect."""
