"""Validation sets of hard cases: worlds and starts in which a policy fails, found by search.

`failure_search` finds a set, `trials` runs its cases, `regression` compares two results.
"""
