"""LeRobot's dataset format 3.0, written and read with pyarrow: the extra `lerobot`.

https://huggingface.co/docs/lerobot/lerobot-dataset-v3; pictures are of the type `image`.
"""
