"""Automatic domain randomization (ADR) and its analysis; numpy, scipy and scikit-learn only.

ADR is a pure state (boundaries, buffers, history) with pure transitions (`sample`, `record`,
`update`). Entropy is in nats per dimension, with a stated floor. No simulator and no network.
"""
