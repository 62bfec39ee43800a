"""Data order and augmentation as functions of (seed, epoch), against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lrd_core.data.augment import crop_and_flip, draws, normalise
from lrd_core.data.batches import epoch_and_rows, indices, order, steps_per_epoch
from lrd_core.seeds import generator
from lrd_core.settings import SettingError

CPU = torch.device("cpu")
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


@pytest.mark.parametrize("device", DEVICES)
def test_an_epoch_goes_through_a_permutation_that_seed_and_epoch_name(device: str) -> None:
    for epoch in range(3):
        expected = generator(7, "data", epoch).permutation(23)
        steps = range(1 + 4 * epoch, 5 + 4 * epoch)
        got = torch.cat([indices(step, 23, 5, 7, device) for step in steps])
        assert got.tolist() == expected[:20].tolist()
        assert sorted(order(7, epoch, 23, CPU).tolist()) == list(range(23))
    assert order(7, 0, 23, CPU).tolist() != order(8, 0, 23, CPU).tolist()


def test_steps_may_be_asked_for_in_any_order() -> None:
    forth = {step: indices(step, 23, 5, 7).tolist() for step in range(1, 61)}
    order.cache_clear()
    for step in np.random.default_rng(0).permutation(60) + 1:
        assert indices(int(step), 23, 5, 7).tolist() == forth[int(step)]


def test_epochs_and_rows() -> None:
    assert steps_per_epoch(23, 5) == 4
    assert epoch_and_rows(1, 23, 5) == (0, slice(0, 5))
    assert epoch_and_rows(4, 23, 5) == (0, slice(15, 20))
    assert epoch_and_rows(5, 23, 5) == (1, slice(0, 5))
    assert epoch_and_rows(3, 5, 5) == (2, slice(0, 5))


@pytest.mark.parametrize("batch", [0, -1, 24])
def test_a_batch_larger_than_the_data_is_refused(batch: int) -> None:
    with pytest.raises(SettingError, match=r"\[1, 23\]") as caught:
        indices(1, 23, batch, 0)
    assert (caught.value.field, caught.value.value) == ("settings.batch", batch)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 5, 7)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_crop_and_flip_is_padding_cropping_and_mirroring(
    shape: tuple[int, int, int], dtype: torch.dtype, device: str
) -> None:
    images = torch.randint(1, 256, (40, *shape), dtype=torch.uint8).to(dtype)
    before = images.clone()
    drawn = draws(3, 1, 40, CPU)
    # The corners too.
    drawn = torch.cat([drawn[:36], torch.tensor([[-4, -4, 0], [4, 4, 1], [-4, 4, 1], [0, 0, 0]])])
    got = crop_and_flip(images.to(device), drawn.to(device))
    assert (got.dtype, got.device.type) == (dtype, device)
    got = got.cpu()
    assert torch.equal(images, before)
    _, height, width = shape
    for image, (down, right, mirrored), out in zip(images, drawn.tolist(), got, strict=True):
        padded = np.pad(image.numpy(), ((0, 0), (4, 4), (4, 4)))
        crop = padded[:, 4 + down : 4 + down + height, 4 + right : 4 + right + width]
        np.testing.assert_array_equal(out.numpy(), crop[:, :, ::-1] if mirrored else crop)
    assert torch.equal(got[-1], images[-1])


def test_draws_are_even_and_a_function_of_seed_epoch_and_place() -> None:
    many = draws(0, 0, 81_000, CPU)
    # A binomial count of mean 9,000 or 40,500: five standard errors.
    for column in (0, 1):
        counts = torch.bincount(many[:, column] + 4, minlength=9)
        assert (counts - 9_000).abs().max() < 5 * 9_000**0.5
    assert abs(int(many[:, 2].sum()) - 40_500) < 5 * (81_000 / 4) ** 0.5
    correlations = np.corrcoef(many.numpy().T) - np.eye(3)
    assert np.abs(correlations).max() < 5 / 81_000**0.5
    again = draws.__wrapped__(0, 0, 81_000, CPU)
    assert torch.equal(again, many)
    for seed, epoch in ((1, 0), (0, 1)):
        assert (draws(seed, epoch, 81_000, CPU)[:, 0] == many[:, 0]).float().mean() < 0.2
    assert set(draws(0, 0, 500, CPU, padding=1)[:, 0].tolist()) == {-1, 0, 1}


@pytest.mark.parametrize("device", DEVICES)
def test_normalise(device: str) -> None:
    images = torch.randint(0, 256, (5, 3, 4, 4), dtype=torch.uint8)
    mean, std = (0.49, 0.48, 0.44), (0.2, 0.19, 0.21)
    got = normalise(images.to(device), mean, std).cpu()
    assert got.dtype == torch.float32
    for channel in range(3):
        expected = (images[:, channel].double() / 255 - mean[channel]) / std[channel]
        torch.testing.assert_close(got[:, channel].double(), expected, rtol=1e-6, atol=1e-6)
