"""Downloads, from a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lrd_core.data import BadDataError, DownloadError, MissingDataError, use
from lrd_core.data.catalogue import get, read
from tests.lrd_core.data.fake_hub import FakeHub, fake_hub
from tests.lrd_core.data.small import Content, image_set, text_set, write_text_parquet


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with fake_hub(tmp_path / "served") as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def ignore(done: int, total: int) -> None:
    pass


def test_a_download_tells_its_progress_and_is_found_again(hub: FakeHub) -> None:
    few = image_set("cifar10")
    content = Content.of(few)
    folder = hub.folder / few.hub.repo / few.hub.folder
    content.write_parquet(folder)
    with pytest.raises(MissingDataError):
        read(few)
    assert hub.asked == [], "looking for data must not use the network"
    told: list[tuple[int, int]] = []
    get(few, lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in folder.iterdir())
    assert {total for _, total in told} == {size}
    assert told[0][0] == 0
    assert told[-1][0] == size
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len({done for done, _ in told}) >= 3
    content.check(read(few))
    hub.asked.clear()
    get(few, ignore)
    assert hub.asked == [], "what is here is not downloaded again"


def test_a_text_comes_in_one_piece(hub: FakeHub) -> None:
    text = "All the world's a stage,\n" * 40
    few = text_set(text)
    write_text_parquet(hub.folder / few.hub.repo / few.hub.folder, text)
    get(few, ignore)
    found = read(few)
    codes = [*found.train.tolist(), *found.test.tolist()]
    assert "".join(found.vocabulary[code] for code in codes) == text
    assert all(few.hub.revision in path for path in hub.asked)


@pytest.mark.parametrize("variable", ["LRD_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_is_a_clear_error(
    hub: FakeHub, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DownloadError, match="switched off") as caught:
        get(image_set("cifar10"), ignore)
    assert (caught.value.field, caught.value.value) == ("data", "cifar10")
    assert "--offline" in caught.value.allowed
    assert "--data FOLDER" in caught.value.allowed
    assert hub.asked == []


def test_a_file_that_the_hub_lacks_is_told(hub: FakeHub) -> None:
    with pytest.raises(DownloadError, match="404") as caught:
        get(image_set("cifar10"), ignore)
    assert hub.url in caught.value.allowed


def test_a_hub_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DownloadError, match="CIFAR-10 was not downloaded") as caught:
        get(image_set("cifar10"), ignore)
    assert "http://127.0.0.1:9 can be reached" in caught.value.allowed


def test_what_came_is_checked(hub: FakeHub) -> None:
    few = image_set("cifar10")
    Content.of(image_set("cifar10", (2, 2, 2))).write_parquet(
        hub.folder / few.hub.repo / few.hub.folder
    )
    with pytest.raises(BadDataError, match="lrd data get cifar10"):
        get(few, ignore)


def test_what_is_damaged_in_the_cache_is_downloaded_again(hub: FakeHub, tmp_path: Path) -> None:
    few = image_set("cifar10")
    content = Content.of(few)
    content.write_parquet(hub.folder / few.hub.repo / few.hub.folder)
    get(few, ignore)
    (file,) = (tmp_path / "hub").rglob("snapshots/*/plain_text/train-*.parquet")
    file.resolve().write_bytes(b"half a file")
    with pytest.raises(BadDataError):
        read(few)
    get(few, ignore)
    content.check(read(few))


def test_a_bad_file_in_the_users_own_folder_is_left_alone(hub: FakeHub, tmp_path: Path) -> None:
    few = image_set("cifar10")
    Content.of(few).write_parquet(tmp_path / "mine")
    file = tmp_path / "mine" / "test-00000-of-00001.parquet"
    file.write_bytes(b"half a file")
    use(tmp_path / "mine")
    with pytest.raises(BadDataError):
        get(few, ignore)
    assert file.read_bytes() == b"half a file"
    assert hub.asked == []
