"""What tasks on labelled images share: batches made on the device, a held-out subset, settings."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache, partial

import torch

from lrd_core.data import DATASETS, Images, ImageSet, load_images
from lrd_core.data.augment import crop_and_flip, draws, normalise
from lrd_core.data.batches import epoch_and_rows, order, steps_per_epoch
from lrd_core.problems.models.model import Model
from lrd_core.problems.tasks.exam import Exam
from lrd_core.problems.tasks.samples import Pictures
from lrd_core.problems.tasks.task import FIXED, Batch, TaskInstance
from lrd_core.seeds import generator
from lrd_core.settings import Setting, Value

#: Held-out images that can be looked at.
LOOKED_AT = 240

Prepare = Callable[[torch.Tensor], torch.Tensor]


def image_set(name: str) -> ImageSet:
    """The image data set called `name`."""
    found = DATASETS[name]
    if not isinstance(found, ImageSet):
        raise TypeError(f"{name} holds no images")
    return found


def batch_setting(default: int) -> Setting:
    """Images a step."""
    return Setting("batch", default, low=1, high=4096, help="Images a step.", log=True, live=False)


def test_images_setting(default: int) -> Setting:
    """How many of the held-out images are looked at."""
    return Setting(
        "test_images",
        default,
        low=10,
        high=10_000,
        label="test images",
        help="Held-out images that are looked at, always the same; all 10,000 take longer.",
        log=True,
        live=False,
    )


class ImageBatches:
    """Batches cut, moved and normalised on the device; satisfies `Batches`.

    Args:
        images, labels: training images (N, C, H, W) uint8 and labels (N,) int64, on the device.
        seed: of order and augmentation.
        batch: images a step.
        prepare: makes the model's inputs of uint8 images.
        augmented: crop with padding 4 and mirror.
        fixed: images of the fixed batch.
        name: of the data set.
    """

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        seed: int,
        batch: int,
        prepare: Prepare,
        augmented: bool,
        fixed: int,
        name: str,
    ) -> None:
        self.key: Hashable = (name, seed, batch, augmented)
        self._images, self._labels = images, labels
        self._seed, self._batch, self._prepare = seed, batch, prepare
        self._augmented = augmented
        self._fixed = fixed
        self._epoch = -1
        self._order = self._draws = torch.empty(0, dtype=torch.int64)
        self.steps_per_epoch = steps_per_epoch(len(images), batch)

    def batch(self, step: int) -> Batch:
        """Inputs (batch, …) float32 and labels (batch,) of `step`."""
        count, device = len(self._images), self._images.device
        epoch, rows = epoch_and_rows(step, count, self._batch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = order(self._seed, epoch, count, device)
            if self._augmented:
                self._draws = draws(self._seed, epoch, count, device)
        chosen = self._order[rows]
        images = self._images[chosen]
        if self._augmented:
            images = crop_and_flip(images, self._draws[rows])
        return self._prepare(images), self._labels[chosen]

    def fixed(self) -> Batch:
        """The first training images, not augmented."""
        return self._prepare(self._images[: self._fixed]), self._labels[: self._fixed]


def classifier(
    name: str,
    model: Model,
    settings: dict[str, Value],
    seed: int,
    device: torch.device,
    key: Hashable,
    flat: bool = False,
    augmented: bool = False,
    fixed: int = FIXED,
    at_once: int = 1000,
) -> TaskInstance:
    """`model` on the images of a data set.

    Args:
        name: of the data set.
        settings: among them ``batch`` and ``test_images``.
        key: equal for equal architectures.
        flat: the model takes (batch, pixels) from 0 to 1, not (batch, C, H, W) normalised.
        augmented: crop with padding 4 and mirror the training images.
        fixed: images of the fixed batch.
        at_once: held-out images in memory at once.

    Raises:
        SettingError: data that are missing or damaged, or a batch larger than they are.
    """
    data = image_set(name)
    images = _on_device(load_images(name), device)
    prepare = _flat if flat else partial(normalise, mean=data.mean, std=data.std)
    batch, looked_at = int(settings["batch"]), int(settings["test_images"])
    chosen = held_out(len(images.test_images), looked_at).to(device)
    seen = chosen[:LOOKED_AT]

    def samples() -> Pictures:
        some = images.test_images[seen]
        words = data.words or tuple(map(str, range(data.classes)))
        labels = images.test_labels[seen]
        return Pictures(prepare(some), labels, some.permute(0, 2, 3, 1), words)

    return TaskInstance(
        model,
        ImageBatches(
            images.train_images, images.train_labels, seed, batch, prepare, augmented, fixed, name
        ),
        key=(key, batch),
        test=Exam(images.test_images[chosen], images.test_labels[chosen], prepare, at_once).later,
        samples=samples,
    )


def held_out(count: int, chosen: int) -> torch.Tensor:
    """Which of `count` held-out examples are looked at: (chosen,), int64, the same for every seed.
    More of them are the same ones and others; a data set may be sorted, so they are drawn."""
    return torch.from_numpy(generator(0, "held-out").permutation(count)[:chosen])


def _flat(images: torch.Tensor) -> torch.Tensor:
    channels = images.shape[1]
    return normalise(images, (0.0,) * channels, (1.0,) * channels).flatten(1)


# All runs of a process share one copy on a device.
@lru_cache(maxsize=4)
def _on_device(images: Images, device: torch.device) -> Images:
    return Images(
        images.train_images.to(device),
        images.train_labels.to(device),
        images.test_images.to(device),
        images.test_labels.to(device),
    )
