"""Frames: round trip in any pieces, and every kind of bad input refused with one line."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight.deploy.link import wire
from sleight.deploy.link.wire import MAX_BODY, MESSAGES, FrameReader, WireError, encode

NUMBER = st.one_of(st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))
KINDS = {
    "int": st.integers(),
    "number": NUMBER,
    "numbers": st.lists(NUMBER, max_size=30),
    "text": st.text(max_size=40),
    "texts": st.lists(st.text(max_size=10), max_size=30),
    "bool": st.booleans(),
}
MESSAGE = st.sampled_from(sorted(MESSAGES)).flatmap(
    lambda kind: st.fixed_dictionaries(
        {"type": st.just(kind), **{name: KINDS[what] for name, what in MESSAGES[kind].items()}}
    )
)


def frame(body):
    return len(body).to_bytes(4, "big") + body


@given(st.lists(MESSAGE, max_size=5), st.data())
def test_messages_arrive_whole_in_any_pieces(messages, data):
    stream = b"".join(encode(message["type"], **without_type(message)) for message in messages)
    reader, found = FrameReader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == messages
    assert reader.pending == 0


@given(st.binary(max_size=200))
def test_any_bytes_give_messages_or_a_wire_error_and_nothing_else(data):
    messages = []
    with contextlib.suppress(WireError):
        messages = FrameReader().feed(data)
    assert all(message["type"] in MESSAGES for message in messages)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_json_that_is_no_message_is_refused(value):
    with pytest.raises(WireError):
        wire.decode(json.dumps(value).encode())


def test_a_truncated_frame_waits_for_the_rest():
    whole = encode("heartbeat", seq=1)
    reader = FrameReader()
    assert reader.feed(whole[:-1]) == []
    assert reader.pending == len(whole) - 1
    assert reader.feed(whole[-1:]) == [{"type": "heartbeat", "seq": 1}]


def test_an_oversized_frame_is_refused_from_its_length_alone():
    with pytest.raises(WireError, match=f"got {MAX_BODY + 1} bytes, allowed: up to {MAX_BODY}"):
        FrameReader().feed((MAX_BODY + 1).to_bytes(4, "big"))
    with pytest.raises(WireError, match="allowed: up to"):
        encode("stop", reason="x" * MAX_BODY)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'{"type":"arm","seq":1', "allowed: a JSON object in UTF-8"),
        (b"\xff\xfe", "allowed: a JSON object in UTF-8"),
        (b"[1]", "allowed: a JSON object"),
        (b"", "allowed: a JSON object"),
        (b'{"type":"fire"}', "got type 'fire', allowed: hello,"),
        (b'{"type":["arm"]}', r"got type \['arm'\]"),
        (b'{"seq":1}', "got type None"),
        (b'{"type":"arm"}', "message arm: got fields none, allowed: seq"),
        (b'{"type":"arm","seq":1,"now":2}', "got fields now, seq, allowed: seq"),
        (b'{"type":"arm","seq":1.5}', "message arm: seq: got 1.5, allowed: int"),
        (b'{"type":"arm","seq":true}', "seq: got True, allowed: int"),
        (b'{"type":"command","seq":1,"target":[NaN],"duration_s":1}', "got the number NaN"),
        (b'{"type":"command","seq":1,"target":[1e999],"duration_s":1}', r"target: got \[inf\]"),
        (b'{"type":"command","seq":1,"target":["0"],"duration_s":1}', "allowed: numbers"),
        (b'{"type":"command","seq":1,"target":0,"duration_s":1}', "allowed: numbers"),
        (b'{"type":"arm","seq":' + b"9" * 5000 + b"}", "allowed: a JSON object"),
        (b'{"type":"command","seq":1,"target":[1' + b"0" * 400 + b'],"duration_s":1}', "numbers"),
        (b'{"type":' + b"[" * 5000 + b"]" * 5000 + b"}", "frame|type"),
    ],
)
def test_a_malformed_frame_is_one_line(body, line):
    with pytest.raises(WireError, match=line) as caught:
        FrameReader().feed(frame(body))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [{"type": "x" * 60_000}, {"type": "arm", "y" * 60_000: 1}, {"type": ["z" * 60_000]}]
)
def test_an_error_fits_into_the_message_that_carries_it(body):
    with pytest.raises(WireError) as caught:
        FrameReader().feed(frame(json.dumps(body).encode()))
    assert len(str(caught.value)) < 1000


def test_what_cannot_be_read_is_not_written():
    with pytest.raises(WireError, match="target"):
        encode("command", seq=1, target=[float("nan")], duration_s=0.08)


def without_type(message):
    return {name: value for name, value in message.items() if name != "type"}
