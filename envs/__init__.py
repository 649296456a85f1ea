"""The simulated hand and its tasks: MuJoCo and tensors; no networks, no Ray.

`Sim` steps N worlds together; state and model fields are tensors of shape (N, ...). Goals, resets
and randomization reach the physics by writing these tensors. `HandEnv` is a
`gymnasium.vector.VectorEnv` on tensors; observations and rewards are named terms. `hands`,
`objects` and `sim.model` need no torch, so that `deploy` may import them.
"""

from . import gl_backend

gl_backend.settle()
