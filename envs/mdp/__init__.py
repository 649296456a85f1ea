"""The MDP of a task: observation terms, sensor noise, the action law, and rewards."""
