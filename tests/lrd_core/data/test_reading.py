"""Files as tensors: every format, and every way a file can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from lrd_core.data import BadDataError, ImageSet, use
from lrd_core.data.catalogue import read
from lrd_core.data.readers import parquet
from tests.lrd_core.data.small import Content, image_set, text_set, write_text_parquet

TEXT = "To be, or not to be: that is the question – Ω.\r\n" * 20


@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path: Path, packed: bool) -> None:
    few = image_set("mnist")
    content = Content.of(few)
    content.write_idx(tmp_path / "mnist", packed)
    use(tmp_path)
    content.check(read(few))


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    ("name", "image", "label"),
    [
        ("mnist", "image", "label"),
        ("cifar10", "img", "label"),
        ("cifar10", "image", "label"),
        ("cifar100", "img", "fine_label"),
    ],
)
def test_parquet(tmp_path: Path, name: str, image: str, label: str, shards: int) -> None:
    few = image_set(name)
    content = Content.of(few)
    content.write_parquet(tmp_path / name, image, label, shards)
    use(tmp_path)
    content.check(read(few))


def test_text_from_both_formats(tmp_path: Path) -> None:
    few = text_set(TEXT)
    write_text_parquet(tmp_path / "hub", TEXT)
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "input.txt").write_bytes(TEXT.encode())
    for folder in ("hub", "plain"):
        use(tmp_path / folder)
        text = read(few)
        assert text.train.dtype == text.test.dtype == torch.uint8
        assert len(text.train) == len(TEXT) * 9 // 10
        assert list(text.vocabulary) == sorted(set(TEXT))
        codes = torch.cat([text.train, text.test]).tolist()
        assert "".join(text.vocabulary[code] for code in codes) == TEXT


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def replace_by_page(path: Path) -> None:
    path.write_bytes(b"<!doctype html><title>404</title>")


IDX_FAULTS: list[tuple[str, Callable[[Path], None], str]] = [
    ("train-images-idx3-ubyte", cut, "bytes where its header says"),
    ("t10k-labels-idx1-ubyte", cut, "its header is cut short|bytes where its header says"),
    ("train-labels-idx1-ubyte", replace_by_page, "not an IDX file"),
    ("train-labels-idx1-ubyte", lambda path: path.write_bytes(b""), "not an IDX file"),
    # Labels where images should be, and the other way round.
    (
        "train-images-idx3-ubyte",
        lambda path: path.write_bytes((path.parent / "train-labels-idx1-ubyte").read_bytes()),
        "holds 6 values, not 6×28×28",
    ),
    (
        "t10k-labels-idx1-ubyte",
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x09"),
        "labels go from 0 to 9, not 0 to 2",
    ),
]


@pytest.mark.parametrize(("file", "fault", "says"), IDX_FAULTS)
def test_a_bad_idx_file_is_named(
    tmp_path: Path, file: str, fault: Callable[[Path], None], says: str
) -> None:
    few = image_set("mnist")
    Content.of(few).write_idx(tmp_path)
    fault(tmp_path / file)
    check_named(few, tmp_path, file, says)


@pytest.mark.parametrize("fault", [cut, replace_by_page])
def test_a_bad_packed_file_is_named(tmp_path: Path, fault: Callable[[Path], None]) -> None:
    few = image_set("mnist")
    Content.of(few).write_idx(tmp_path, packed=True)
    fault(tmp_path / "train-images-idx3-ubyte.gz")
    check_named(few, tmp_path, "train-images-idx3-ubyte.gz", "cannot be unpacked")


def check_named(few: ImageSet, folder: Path, file: str, says: str) -> None:
    use(folder)
    with pytest.raises(BadDataError, match=says) as caught:
        read(few)
    assert caught.value.field == "data"
    assert caught.value.value == str(folder / file)
    assert str(folder / file) in str(caught.value)
    assert few.label in caught.value.allowed


def _broken_image(path: Path) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[1]["img"]["bytes"] = rows[1]["img"]["bytes"][:60]
    pq.write_table(table.from_pylist(rows, table.schema), path)


def _no_image(path: Path) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[2]["img"] = None
    pq.write_table(table.from_pylist(rows, table.schema), path)


def _fewer(path: Path) -> None:
    pq.write_table(pq.read_table(path).slice(1), path)


PARQUET_FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (cut, "cannot be read as Parquet"),
    (replace_by_page, "cannot be read as Parquet"),
    (_broken_image, "image 1 cannot be decoded"),
    (_no_image, "image 2 cannot be decoded"),
    (_fewer, "5 images, not 6"),
]


@pytest.mark.parametrize(("fault", "says"), PARQUET_FAULTS)
def test_a_bad_parquet_file_is_named(
    tmp_path: Path, fault: Callable[[Path], None], says: str
) -> None:
    few = image_set("cifar10")
    Content.of(few).write_parquet(tmp_path)
    fault(tmp_path / "train-00000-of-00001.parquet")
    check_named(few, tmp_path, "train-00000-of-00001.parquet", says)


def test_one_data_set_is_not_taken_for_another(tmp_path: Path) -> None:
    file = "train-00000-of-00001.parquet"
    # As many images, but other numbers of each class.
    Content.of(image_set("mnist", (2, 2, 2))).write_parquet(tmp_path / "a")
    check_named(image_set("fashion-mnist"), tmp_path / "a", file, "class 0 occurs 2 times, not 3")
    # Other pictures.
    Content.of(image_set("mnist")).write_parquet(tmp_path / "b")
    check_named(image_set("cifar10"), tmp_path / "b", file, "28×28, not 32×32")
    # Coarse labels only.
    Content.of(image_set("cifar100")).write_parquet(tmp_path / "c", label="coarse_label")
    check_named(image_set("cifar100"), tmp_path / "c", file, "fine_label")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (TEXT.encode()[:-3], "characters of"),
        (TEXT.encode().replace(b"q", b"t"), "960 characters of 20 kinds, not 960 of 21"),
        (TEXT.encode("latin-1", "replace") + b"\xff", "not UTF-8 text .* at byte"),
        (b"", "0 characters"),
    ],
)
def test_another_text_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "input.txt").write_bytes(content)
    use(tmp_path)
    with pytest.raises(BadDataError, match=says) as caught:
        read(text_set(TEXT))
    assert caught.value.value == str(tmp_path / "input.txt")


# --- the cache of decoded data --------------------------------------------------------------------


@pytest.fixture
def decoded(tmp_path: Path) -> tuple[ImageSet, Content]:
    """A data set that has been decoded and forgotten."""
    few = image_set("cifar10")
    content = Content.of(few)
    content.write_parquet(tmp_path / "cifar10")
    use(tmp_path)
    content.check(read(few))
    return few, content


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a fresh process."""
    monkeypatch.setattr("lrd_core.data.catalogue._kept", {})


def test_images_are_decoded_once(
    decoded: tuple[ImageSet, Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, content = decoded
    forget(monkeypatch)
    monkeypatch.setattr(parquet, "read_images", None)
    content.check(read(few))


def test_files_that_changed_are_decoded_anew(
    tmp_path: Path, decoded: tuple[ImageSet, Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, _ = decoded
    other = Content.of(few, seed=1)
    other.write_parquet(tmp_path / "cifar10")
    other.check(read(few))
    assert len(list((tmp_path / "decoded").iterdir())) == 1


def test_a_cached_file_that_is_damaged_is_made_anew(
    tmp_path: Path, decoded: tuple[ImageSet, Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    few, content = decoded
    (cached,) = (tmp_path / "decoded").iterdir()
    whole = cached.read_bytes()
    for damaged in (whole[:-100], whole[:20], b""):
        cached.write_bytes(damaged)
        forget(monkeypatch)
        content.check(read(few))
        assert len(cached.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("LRD_DATA_CACHE", str(tmp_path / "file" / "cache"))
    few = image_set("cifar10")
    content = Content.of(few)
    content.write_parquet(tmp_path / "cifar10")
    use(tmp_path)
    content.check(read(few))
