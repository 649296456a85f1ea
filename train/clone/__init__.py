"""Behavioural cloning: a student learns, where it gets to by itself, to say what a teacher says.

The loop is that of training; instead of `Collector` and `Learner` it is given a `CloneCollector`,
whose batches carry what the teacher says, and a `CloneLearner`.
"""
