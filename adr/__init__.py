"""Which randomization ranges to train on next, and the analysis of it; numpy, scipy, scikit-learn.

A pure state (boundaries, buffers, history) and pure transitions (`sample`, `record`, `update`).
Entropy is in nats per dimension, with its floor stated. No simulator and no network.
"""
