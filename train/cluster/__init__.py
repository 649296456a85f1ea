"""Training on Ray: workers collect while the learner learns; the only folder that imports Ray.

`build` gives the same `Training` as `local.build`, with a `RaySampler` behind the loop. Ray itself
is imported inside functions, so that training in one process never loads it.
"""
