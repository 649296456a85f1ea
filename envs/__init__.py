"""The simulated hand and its tasks: MuJoCo and tensors; no networks, no Ray.

`Sim`: N worlds stepped together, state and model fields as tensors of shape (N, ...) whose writing
is how goals, resets and randomization reach the physics. `Env`: `gymnasium.vector.VectorEnv` with
tensors; observations and rewards are named terms. `hand` and `model` are free of torch, so that
`deploy` may import them.
"""
