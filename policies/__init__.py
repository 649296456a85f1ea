"""Networks: `policy(observation, carry) -> (distribution, carry)`; no simulator.

The recurrent state is an argument and a result, so that a worker, the learner's replay of a
sequence, the exported model and the robot run the same function. Each observation term has its
own embedding, chosen by its declared type, and the embeddings add.
"""
