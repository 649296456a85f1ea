"""Domain randomization: the table of parameters, and how each reaches the physics or the sensors.

`table` lists the parameters, `parameter` has their laws, `randomizer` writes model fields from the
nominal values, and `disturbances` holds the randomizations that act outside the model.
"""
