"""Domain randomization: the table of parameters, and how each reaches the physics or the sensors.

`table` lists the parameters, `parameter` their laws, `randomizer` writes model fields from the
nominal values, and `disturbances` holds what acts beside the model.
"""
