"""The real data sets, where a copy of them lies beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lrd_core.data import DATASETS, ImageSet, load_images, load_text, use

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(autouse=True)
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no real data: {SHARED} is absent")
    # Decoding CIFAR takes ten seconds: once for all runs of the tests.
    monkeypatch.delenv("LRD_DATA_CACHE")
    use(SHARED)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_images(name: str) -> None:
    data_set = DATASETS[name]
    assert isinstance(data_set, ImageSet)
    images = load_images(name)
    train = images.train_images
    assert train.shape == (sum(data_set.train_counts), *data_set.shape)
    assert torch.bincount(images.train_labels).tolist() == list(data_set.train_counts)
    assert torch.bincount(images.test_labels).tolist() == list(data_set.test_counts)
    assert images.test_images.shape == (10_000, *data_set.shape)
    channels = train.movedim(1, 0).flatten(1)
    for channel, mean in zip(channels, data_set.mean, strict=True):
        assert channel.sum().item() / channel.numel() / 255 == pytest.approx(mean, abs=2e-3)


def test_the_first_digits_of_mnist() -> None:
    images = load_images("mnist")
    assert images.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert images.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    # The first five: ink in the middle, none at the edge.
    five = images.train_images[0, 0]
    assert five[0].max() == 0
    assert five[5:25].max() > 250


def test_tiny_shakespeare() -> None:
    text = load_text("tinyshakespeare")
    start = "".join(text.vocabulary[code] for code in text.train[:14].tolist())
    assert start == "First Citizen:"
    assert (len(text.train), len(text.test), len(text.vocabulary)) == (1_003_854, 111_540, 65)
