"""The stream between policy and hand, mangled: an error of the wire, and never anything else."""

import json
import os
import random
import time

import pytest

from sleight.deploy.link import wire

from . import mangle

SEED = int(os.environ.get("SLEIGHT_FUZZ_SEED", "0")) or int(time.time()) % 1_000_000
COUNT = 20_000
LONGEST = 1000
"""Characters of an error: it goes back as a message, which holds 64 KiB."""
SAMPLES = {
    "int": 3,
    "number": 0.5,
    "numbers": [0.1, 0.2, 0.3],
    "text": "x",
    "texts": ["a", "b"],
    "bool": True,
}


def _frame(rng: random.Random) -> bytes:
    kind = rng.choice([*wire.MESSAGES])
    message = {"type": kind} | {n: SAMPLES[what] for n, what in wire.MESSAGES[kind].items()}
    if rng.random() < 0.6:
        message = mangle.tree(message, rng)
    body = json.dumps(message).encode()
    if rng.random() < 0.3:
        body = mangle.mangled(body, "x", rng)[:70_000]
    length = len(body) if rng.random() < 0.9 else rng.randrange(2**32)
    return length.to_bytes(4, "big") + body


def test_a_stream_of_mangled_frames_ends_in_an_error_of_the_wire() -> None:
    refused = longest = 0
    for number in range(COUNT):
        rng = random.Random(f"{SEED}:{number}")
        reader = wire.FrameReader()
        stream = b"".join(_frame(rng) for _ in range(rng.randrange(1, 4)))
        try:
            while stream:
                size = rng.randrange(1, 200)
                for message in reader.feed(stream[:size]):
                    assert message["type"] in wire.MESSAGES
                    assert wire.decode(wire.encode(**_fields(message))[4:]) == message
                stream = stream[size:]
                assert reader.pending <= wire.MAX_BODY + 4
        except wire.WireError as error:
            refused += 1
            longest = max(longest, len(str(error)))
        except Exception as error:  # noqa: BLE001
            pytest.fail(f"case {number}, SLEIGHT_FUZZ_SEED={SEED}: {type(error).__name__}: {error}")
    assert longest < LONGEST, f"SLEIGHT_FUZZ_SEED={SEED}"
    assert refused > COUNT // 10


def _fields(message: wire.Message) -> wire.Message:
    return {"kind": message["type"]} | {k: v for k, v in message.items() if k != "type"}
