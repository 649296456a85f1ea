"""Dexterous in-hand manipulation: train in simulation, run on a real hand.

The folders of the package, each with its contract in its docstring; imports point down only:

    train     deploy
    adr       vision
    envs      policies

`errors`, `config` and `files` lie below all of them. Nothing heavy is imported here.
"""

__version__ = "0.1.0"
