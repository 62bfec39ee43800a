"""Columns and lists of frames as bytes: every bit comes back, and damage is always noticed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import create_engine, insert, select, update

from backend.store import Store, StoreError, codec, ledger, tables
from backend.store.chunks import checksum, lines
from backend.store.codec import NARROWED, CodecError
from lrd_core.engine.frames import Block, Frame, packed
from tests.backend.store.sent import Job, block
from tests.backend.store.test_store import experiment


def widened(values: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return values.astype("<f8")


#: Any bits at all: NaN with payloads, -0.0, denormals.
SINGLE = arrays("<u4", st.integers(0, 200)).map(lambda a: a.view("<f4"))
DOUBLE = arrays("<u8", st.integers(0, 200)).map(lambda a: a.view("<f8"))
NARROW = SINGLE.map(widened)
WHOLE = arrays("<u8", st.integers(0, 200))
ODD = np.array([0x7FA00001, 0xFFC12345, 0x80000000, 1, 0x7F800000], "<u4").view("<f4")


@given(values=SINGLE | DOUBLE | NARROW | WHOLE)
@example(values=ODD)
@example(values=widened(ODD))
@example(values=np.full(100, ODD[0]))
@example(values=np.empty(0, "<f4"))
def test_every_bit_comes_back(values: Any) -> None:
    dtype = values.dtype.str[1:]
    for data in (codec.encode(values), codec.encode_raw(values)):
        found = codec.decode(data, dtype, len(values))
        assert found.dtype == values.dtype
        assert found.tobytes() == values.tobytes()
        assert len(data) <= values.nbytes + 1


def test_losses_of_torch_take_the_room_of_float32() -> None:
    losses = np.random.default_rng(0).normal(2, 0.1, 5000).astype(np.float32).astype(np.float64)
    data = codec.encode(losses)
    assert data[0] == codec.PCO | NARROWED
    assert len(data) < 3 * len(losses)
    data = codec.encode(np.append(losses, 0.1))
    assert not data[0] & NARROWED
    assert len(codec.encode(np.full(9999, 0.1))) == 9


@given(
    data=st.binary(max_size=200)
    | st.tuples(st.sampled_from([0, 1, 2, 16, 18]), st.binary(max_size=90)).map(
        lambda made: bytes([made[0]]) + made[1]
    ),
    dtype=st.sampled_from(["f4", "f8", "u4", "u8"]),
    rows=st.integers(0, 50),
)
def test_bytes_that_are_no_column_are_refused_or_have_its_length(
    data: bytes, dtype: str, rows: int
) -> None:
    try:
        found = codec.decode(data, dtype, rows)
    except CodecError:
        return
    assert (len(found), found.dtype) == (rows, np.dtype(f"<{dtype}"))


@given(data=st.data())
def test_a_column_that_was_cut_is_refused(data: st.DataObject) -> None:
    values = np.random.default_rng(3).normal(size=300).astype(np.float32)
    whole = codec.encode(values)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CodecError):
        codec.decode(whole[:cut], "f4", 300)
    with pytest.raises(CodecError):
        codec.decode(whole, "f4", data.draw(st.integers(0, 1000).filter(lambda n: n != 300)))


def test_lists_of_frames_come_back() -> None:
    def one(run: str, first: int, rows: int, every: int = 1, **columns: float) -> Block:
        named = {name: np.full(rows, value) for name, value in columns.items()}
        return Block(run, first, every, rows, packed(named))

    frames = [
        Frame(1, 1, [one("r1", 1, 3, loss=1, lr=2), one("r2", 1, 2, loss=1)]),
        Frame(1, 2, []),
        Frame(1, 3, [one("r1", 4, 1, loss=1, lr=2), one("r1", 10, 1, 10, test_loss=3)]),
    ]
    found = ledger.decode(ledger.encode(frames))
    assert found == [[ledger.rows_of(block) for block in frame.blocks] for frame in frames]
    assert found[0][0].shape.columns == (("loss", "f8"), ("lr", "f4"))
    assert ledger.decode(ledger.encode([Frame(1, 1, [])])) == [[]]


@given(data=st.binary(max_size=100))
def test_bytes_that_are_no_list_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        ledger.decode(data)


@contextmanager
def changed(store: Store) -> Iterator[Any]:
    engine = create_engine(store._engine.url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
async def filled(store_url: str) -> Any:
    store = Store(store_url)
    await store.create(experiment(), {})
    await Job(store).send(block("r1", 1, 100_000))
    await store.compact("e1", whole=True)
    yield store
    store.close()


@pytest.mark.parametrize("damage", ["flip", "cut", "swap", "empty", "long"])
@pytest.mark.parametrize("level", [0, 1])
async def test_a_damaged_chunk_is_named_and_never_read(
    filled: Store, damage: str, level: int
) -> None:
    row = tables.chunks.c
    with changed(filled) as connection:
        found = connection.execute(
            select(tables.chunks)
            .join_from(tables.series, tables.chunks)
            .where(tables.series.c.name == "loss", row.level == level)
            .order_by(row.first)
        ).all()
        chunk = found[0]
        data = bytearray(chunk.bytes)
        data[len(data) // 2] ^= 4
        other = found[1].bytes if len(found) > 1 else chunk.bytes[::-1]
        made = {"flip": bytes(data), "cut": chunk.bytes[:-3], "swap": other}
        made |= {"empty": b"", "long": chunk.bytes + b"\0"}
        connection.execute(
            update(tables.chunks)
            .where(row.series_id == chunk.series_id, row.level == level, row.first == chunk.first)
            .values(bytes=made[damage])
        )
    width = 1000 if level else None
    with pytest.raises(StoreError, match=rf"r1 loss, level {level}, from .*checksum.*lrd verify"):
        await filled.read("e1", "r1", {"loss"}, width=width)
    assert (await filled.read("e1", "r1", {"x"}, width=width)).keys() == {"x"}
    bad = filled.verify().bad
    assert len(bad) == 1
    assert f"r1 loss, level {level}" in bad[0]
    if not level:
        with pytest.raises(StoreError, match="r1 loss"):
            [piece async for piece in filled.history("e1", 0)]


async def test_a_chunk_with_a_right_checksum_and_wrong_content_is_refused(filled: Store) -> None:
    row = tables.chunks.c
    with changed(filled) as connection:
        line = next(one for one in lines(connection, "e1") if one.key.name == "loss")
        found = connection.execute(
            select(tables.chunks).where(row.series_id == line.id, row.first > 0).limit(2)
        ).all()
        for chunk, data in zip(found, (b"\x02junk", b"\x09"), strict=True):
            values = {"bytes": data}
            values["checksum"] = checksum(line.key, chunk.level, chunk.first, chunk.rows, data)
            connection.execute(
                update(tables.chunks)
                .where(row.series_id == line.id, row.level == chunk.level)
                .where(row.first == chunk.first)
                .values(**values)
            )
    with pytest.raises(StoreError, match="r1 loss, level 0"):
        await filled.read("e1", "r1", {"loss"})
    assert len(filled.verify().bad) == 2


async def test_a_damaged_list_of_frames_is_named(filled: Store) -> None:
    with changed(filled) as connection:
        connection.execute(update(tables.spans).values(bytes=b"\x90"))
    with pytest.raises(StoreError, match="frames 1 to 1 of experiment e1: the checksum"):
        [piece async for piece in filled.history("e1", 0)]
    with changed(filled) as connection:
        connection.execute(update(tables.spans).values(checksum=zlib.crc32(b"\x90")))
    with pytest.raises(StoreError, match="frames 1 to 1 of experiment e1"):
        [piece async for piece in filled.history("e1", 0)]
    assert any("frames 1 to 1" in sentence for sentence in filled.verify().bad)


async def test_missing_rows_and_frames_are_found(filled: Store) -> None:
    assert filled.verify().bad == []
    row = tables.chunks.c
    with changed(filled) as connection:
        line = next(one for one in lines(connection, "e1") if one.key.name == "loss")
        connection.execute(
            tables.chunks.delete().where(
                row.series_id == line.id, row.level == 0, row.first == 16_384
            )
        )
        for seq in (3, 4):
            connection.execute(
                insert(tables.frames).values(
                    experiment_id="e1", seq=seq, first_step=1, last_step=1, bytes=b"junk"
                )
            )
    with pytest.raises(StoreError, match=r"frame 3 of experiment e1: not a frame.*lrd verify"):
        await filled.read("e1", "r1", {"loss"})
    bad = "\n".join(filled.verify().bad)
    assert "frames 2 to 2 are missing" in bad
    assert "frame 3: not a frame" in bad
    assert "r1 loss: 83616 rows in chunks, 100000 listed" in bad
    assert "r1 loss: no rows between steps 16383 and 32768" in bad
    assert "r1 loss: its buckets of 64 rows are not those of its rows" in bad
    with pytest.raises(StoreError, match="r1 loss: 83616 of 100000 rows from step 1"):
        [piece async for piece in filled.history("e1", 0)]
