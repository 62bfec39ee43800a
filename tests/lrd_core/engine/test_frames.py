"""Frames: what goes in comes out, and what is not a frame is refused by name."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrd_core.engine.frames import (
    Block,
    ColumnBuffer,
    Frame,
    FrameError,
    decode,
    encode,
    merge,
    rows,
)


def block(run: str = "r1", first: int = 1, values: tuple[float, ...] = (1.0, 2.0)) -> Block:
    data = np.asarray(values, dtype="<f8").tobytes()
    return Block(run, first, 1, len(values), {"loss": ("f8", data)})


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2"]), st.floats(width=32)), max_size=60))
def test_rows_survive_buffer_bytes_and_merge(values: list[tuple[str, float]]) -> None:
    buffer, frames, sent = ColumnBuffer(), [], []
    steps = {"r1": 0, "r2": 0}
    for index, (run, value) in enumerate(values):
        steps[run] += 1
        buffer.add(run, steps[run], {"loss": value, "keep_rate": value})
        sent.append((run, steps[run], value))
        if index % 7 == 6:
            frames.append(decode(encode(Frame(1, len(frames) + 1, buffer.take().blocks()))))
    if buffer:
        frames.append(decode(encode(Frame(1, len(frames) + 1, buffer.take().blocks()))))
    if not frames:
        return
    merged = merge(frames)
    got = [(run, step, values["loss"]) for run, step, values in rows(merged)]
    assert merged.seq == len(frames)
    assert repr(sorted(got, key=lambda r: r[:2])) == repr(sorted(sent, key=lambda r: r[:2]))


def test_a_merge_joins_blocks_that_continue_each_other() -> None:
    merged = merge(
        [Frame(1, 1, [block()]), Frame(1, 2, [block(first=3)]), Frame(1, 3, [block(first=9)])]
    )
    assert [(b.first, b.rows) for b in merged.blocks] == [(1, 4), (9, 2)]


def test_a_gap_in_steps_starts_a_new_block() -> None:
    buffer = ColumnBuffer()
    for step in (1, 2, 5):
        buffer.add("r1", step, {"loss": float(step)})
    assert sorted((b.first, b.rows) for b in buffer.take().blocks()) == [(1, 2), (5, 1)]
    assert not buffer


def test_losses_keep_all_their_bits_and_curves_half() -> None:
    buffer = ColumnBuffer()
    buffer.add("r1", 1, {"loss": 0.1, "grad_norm": 0.1, "lr": 1e300, "x": math.inf})
    (only,) = buffer.take().blocks()
    assert only.column("loss")[0] == 0.1
    assert only.column("grad_norm")[0] == np.float32(0.1)
    assert only.column("x")[0] == only.column("lr")[0] == math.inf


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"v": 2}, "v: 2"),
        ({"seq": 0}, "seq: 0"),
        ({"blocks": [block()], "seq": "x"}, "seq"),
        ({"blocks": [Block("r1", 0, 1, 2, block().columns)]}, "first"),
        ({"blocks": [Block("r1", 1, 1, 3, block().columns)]}, "16 bytes for 3 rows"),
        ({"blocks": [Block("r1", 1, 1, 2, {"loss": ("f2", b"abcd")})]}, "dtype 'f2'"),
    ],
)
def test_what_is_not_a_frame_is_refused_by_name(change: dict[str, object], word: str) -> None:
    data = msgspec.msgpack.encode({"v": 1, "seq": 1, "blocks": [block()]} | change)
    with pytest.raises(FrameError, match=word):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_frame_or_a_frame_error(data: bytes) -> None:
    try:
        frame = decode(data)
    except FrameError:
        return
    assert decode(encode(frame)) == frame
