"""The backend on Warp: `mujoco_warp`, on an NVIDIA GPU or, for tests, on the CPU.

`WarpSim` is the `Sim`; `warp_model` has the model with one value per world where one is asked for,
`warp_data` the state and pools of contacts and constraint rows that grow, `recorded` the graphs.
Only this room imports Warp.
"""
