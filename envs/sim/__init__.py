"""N worlds of one MuJoCo model stepped together, their state and model fields as tensors.

`Sim` is the contract, `BatchSim` its backend on the CPU, `warp` the one on a GPU; `model` builds
what they step.
"""
