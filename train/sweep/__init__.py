"""Sweeps: many runs of the same `sleight train`, with search, early stopping and comparison.

A sweep is a folder: its configs (sweep.yaml, base.yaml), a journal of every decision, and one run
folder per trial. The state in memory is the journal applied from its first line, so a sweep that
was killed continues from there. Every trial is a separate process.
"""
