"""Training on Ray: workers collect while learners learn; the only folder that imports Ray.

`build` gives the same `Training` as `in_process.build`, with a `RaySampler`, `Learners` and an
`AdrServer` behind the loop; `renderers` gives pictures to the same `Pool`. `model` and `forecast`
say what more machines would give. Ray itself is imported inside functions, so that training in one
process never loads it.
"""
