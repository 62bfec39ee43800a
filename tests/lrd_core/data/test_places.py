"""Where data are looked for, and that nothing is read or fetched while looking."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrd_core.data import MissingDataError, load_images, load_text, named_folder, state, use
from lrd_core.data.catalogue import read
from lrd_core.data.places import VARIABLE, offline
from lrd_core.settings import SettingError
from tests.lrd_core.data.small import IDX_NAMES, PARQUET_NAMES, Content, image_set


def touch(folder: Path, *names: str) -> None:
    """Files that nobody could read as data."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"?")


@pytest.mark.parametrize(
    ("name", "inner", "files"),
    [
        ("mnist", "", [*IDX_NAMES.values()]),
        ("mnist", "mnist", [f"{name}.gz" for name in IDX_NAMES.values()]),
        ("mnist", "MNIST/raw", [*IDX_NAMES.values()]),
        ("fashion-mnist", "FashionMNIST/raw", [*IDX_NAMES.values()]),
        ("fashion-mnist", "fashion_mnist", [*PARQUET_NAMES.values()]),
        ("cifar10", "", [*PARQUET_NAMES.values()]),
        ("cifar10", "CIFAR-10", [*PARQUET_NAMES.values()]),
        ("cifar10", "cifar10/plain_text", [*PARQUET_NAMES.values()]),
        ("cifar10", "cifar10", ["train-0-of-2.parquet", "train-1-of-2.parquet", "test-0.parquet"]),
        ("tinyshakespeare", "", ["input.txt"]),
        ("tinyshakespeare", "tinyshakespeare", ["input.txt"]),
    ],
)
def test_a_named_folder_holds_a_data_set_in_many_ways(
    tmp_path: Path, name: str, inner: str, files: list[str]
) -> None:
    assert state(name).state == "missing"
    touch(tmp_path / "mine" / inner, *files)
    use(tmp_path / "mine")
    found = state(name)
    assert found.state == "present"
    assert found.where == str(tmp_path / "mine" / inner)


def test_a_folder_called_like_a_data_set_holds_no_other(tmp_path: Path) -> None:
    touch(tmp_path / "mnist", *IDX_NAMES.values())
    for folder in (tmp_path / "mnist", tmp_path):
        use(folder)
        assert state("mnist").state == "present"
        assert state("fashion-mnist").state == "missing"


def test_the_hubs_cache_comes_after_the_named_folder(tmp_path: Path) -> None:
    snapshots = tmp_path / "hub" / "datasets--uoft-cs--cifar10" / "snapshots"
    touch(snapshots / "aaa" / "plain_text", *PARQUET_NAMES.values())
    touch(snapshots / "bbb" / "plain_text", *PARQUET_NAMES.values())
    touch(snapshots / "ccc" / "plain_text", PARQUET_NAMES["train"])
    refs = snapshots.parent / "refs"
    refs.mkdir()
    for commit in ("aaa", "bbb"):
        (refs / "main").write_text(commit)
        assert state("cifar10").where == str(snapshots / commit / "plain_text")
    # What the newest commit lacks is no reason to miss an older one that is whole.
    (refs / "main").write_text("ccc")
    assert state("cifar10").state == "present"
    touch(tmp_path / "mine" / "cifar10", *PARQUET_NAMES.values())
    use(tmp_path / "mine")
    assert state("cifar10").where == str(tmp_path / "mine" / "cifar10")


def test_missing_data_are_told_with_size_places_and_both_mends(tmp_path: Path) -> None:
    touch(tmp_path / "mine" / "mnist", *list(IDX_NAMES.values())[:3])
    use(tmp_path / "mine")
    with pytest.raises(MissingDataError) as caught:
        load_images("mnist")
    error = caught.value
    assert (error.field, error.value) == ("data", "mnist")
    assert "lrd data get mnist" in error.allowed
    assert "--data FOLDER" in error.allowed
    message = str(error)
    for part in ("MNIST", "18 MB", str(tmp_path / "mine"), "lacks t10k-labels", error.allowed):
        assert part in message


def test_a_folder_that_is_not_there_is_refused_or_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingError, match="nope") as caught:
        use(tmp_path / "nope")
    assert caught.value.field == "data"
    assert named_folder() is None
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nope"))
    with pytest.raises(MissingDataError, match="nope, which is not a folder"):
        load_text("tinyshakespeare")


def test_use_reaches_what_this_process_starts_and_can_be_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("here").mkdir()
    use("here")
    import os

    assert os.environ[VARIABLE] == str(tmp_path / "here")
    monkeypatch.chdir("/")
    assert named_folder() == tmp_path / "here"
    use(None)
    assert named_folder() is None


def test_unknown_names_and_the_other_kind_are_refused() -> None:
    with pytest.raises(SettingError, match="cifar10, ") as caught:
        state("cifar11")
    assert caught.value.field == "data"
    with pytest.raises(SettingError, match="use one of tinyshakespeare"):
        load_text("mnist")
    with pytest.raises(SettingError, match="fashion-mnist"):
        load_images("tinyshakespeare")


@pytest.mark.parametrize(
    ("name", "value", "off"),
    [
        ("LRD_OFFLINE", "1", True),
        ("LRD_OFFLINE", "true", True),
        ("LRD_OFFLINE", "0", False),
        ("LRD_OFFLINE", "", False),
        ("HF_HUB_OFFLINE", "1", True),
    ],
)
def test_offline(monkeypatch: pytest.MonkeyPatch, name: str, value: str, off: bool) -> None:
    assert not offline()
    monkeypatch.setenv(name, value)
    assert offline() is off


def test_loading_reads_the_folder_that_is_named_now(tmp_path: Path) -> None:
    few = image_set("mnist")
    for seed, name in enumerate("ab"):
        Content.of(few, seed).write_idx(tmp_path / name)
    for seed, name in (*enumerate("ab"), (0, "a")):
        use(tmp_path / name)
        Content.of(few, seed).check(read(few))
    assert read(few) is read(few)
