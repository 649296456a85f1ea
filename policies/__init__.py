"""Networks: `policy(observation, carry) -> (distribution, carry)`; no simulator.

The recurrent state is a value that is passed in and out, so that a worker, the learner's replay of
a sequence, the exported model and the robot run the same function. Each observation term has its
own embedding, chosen by its declared type, and the embeddings add.
"""
