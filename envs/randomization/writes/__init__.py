"""Writes the values of the table to model fields, from nominal values: each field once per reset.

`field_writer` has the nominal values and the draws; `hand_shape`, `joint_writes` and
`object_writes` the rows. `randomization.randomizer` says which row needs which function.
"""
