"""Many runs of the same `sleight train`, chosen, stopped early, compared.

A sweep is a folder: what was asked (sweep.yaml, base.yaml), a journal of every decision, and one
run folder a trial. The state in memory is the journal applied from its first line, so that a sweep
which was killed goes on from there. Every trial is a process of its own.
"""
