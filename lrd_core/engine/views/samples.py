"""Held-out samples of a task with what one run says of them, while somebody looks."""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.contour import apart
from lrd_core.engine.views.look import Timed, number, numbers
from lrd_core.probes.point import Point
from lrd_core.probes.predictions import Predicted, predictions, reading, shares, written
from lrd_core.problems.tasks.samples import Passage, Pictures, Points, Samples
from lrd_core.settings import SettingError

#: Always the same samples, or first those that were wrong most often since somebody looks.
ORDERS = ("fixed", "wrong")
#: Pictures that are shown, and those among which the ones that are often wrong are looked for.
SHOWN, POOL = 24, 240
#: Characters of a text that are given, and that are written after them.
PROMPT, WRITTEN = 32, 200
#: Seconds between two texts.
TEXT_S = 3.0


class Predictions(Timed):
    """Sends the view ``samples``: ``{"run", "step", "order", "kind", …}``. By ``kind``:

    ``pictures``: ``height``, ``width``, ``channels``, ``classes`` (words), ``total`` and ``right``
    (of all that were looked at), ``looks`` (how often), ``samples``: ``{"index", "label",
    "predicted", "probability", "wrong"}`` (how often it was), ``data``: the pixels of all of them.

    ``points``: ``reach``, ``side``, ``classes``, ``total``, ``right``, ``points``: ``[x, y, label,
    predicted, probability]``, ``data``: probability of class 1 from 0 to 255, a byte a place, row
    by row from the lowest y.

    ``text``: ``passage``, ``likeliest`` and ``probability`` (of every character after the first),
    ``prompt`` and ``written``.

    All is computed on an instance that never trains, with a copy of the run's parameters.

    Raises:
        SettingError: no such order, or a task without samples.
    """

    name = "samples"
    interval = 1.0

    def __init__(self, spec: ExperimentSpec, trainer: Trainer, order: str, sink: Sink) -> None:
        super().__init__(sink)
        if order not in ORDERS:
            raise SettingError("setting", order, "one of " + ", ".join(ORDERS))
        self._instance: Any = apart(spec, "samples")
        make = getattr(self._instance, "samples", None)
        if make is None:
            mend = "another task: this one has no examples that can be shown"
            raise SettingError("value", "samples", mend)
        self._samples: Samples = make()
        if isinstance(self._samples, Passage):
            self.interval = TEXT_S
        self._trainer, self._order, self._seed = trainer, order, spec.seed
        self._looks = 0
        #: How often each sample was wrong.
        self._wrong = np.zeros(POOL, dtype=np.int64)

    def turns(self) -> Generator[None, None, dict[str, Any]]:
        """A few samples, or a character, a turn."""
        trainer = self._trainer
        Point.of(trainer.members[0].instance).put(self._instance)
        about = {"run": trainer.identity.id, "step": trainer.step, "order": self._order}
        match self._samples:
            case Pictures() as pictures:
                return about | (yield from self._of_pictures(pictures))
            case Points() as points:
                return about | (yield from self._of_points(points))
            case Passage() as passage:
                return about | (yield from self._of_text(passage))

    def _of_pictures(self, pictures: Pictures) -> Generator[None, None, dict[str, Any]]:
        wanted = POOL if self._order == "wrong" else SHOWN
        labels = pictures.labels[:wanted].cpu().numpy()
        found = yield from predictions(self._instance.model, pictures.inputs[:wanted])
        self._looks += 1
        self._wrong[: len(labels)] += found.classes != labels
        chosen = np.argsort(-self._wrong[: len(labels)], kind="stable")
        if self._order == "fixed":
            chosen = np.arange(len(labels))
        chosen = chosen[:SHOWN]
        _, height, width, channels = pictures.pixels.shape
        return {
            "kind": "pictures",
            "height": height,
            "width": width,
            "channels": channels,
            **self._counted(found, labels, pictures.classes),
            "looks": self._looks,
            "samples": [
                {
                    "index": int(i),
                    "label": int(labels[i]),
                    "predicted": int(found.classes[i]),
                    "probability": number(float(found.probabilities[i])),
                    "wrong": int(self._wrong[i]),
                }
                for i in chosen
            ],
            "data": _packed(pictures.pixels[torch.from_numpy(chosen)].cpu().numpy()),
        }

    def _of_points(self, points: Points) -> Generator[None, None, dict[str, Any]]:
        labels = points.labels.cpu().numpy()
        found = yield from predictions(self._instance.model, points.inputs)
        ground = np.nan_to_num(shares(self._instance.model, points.grid))
        places = points.inputs.cpu().tolist()
        rows = zip(places, labels, found.classes, found.probabilities, strict=True)
        return {
            "kind": "points",
            "reach": points.reach,
            "side": round(len(points.grid) ** 0.5),
            **self._counted(found, labels, points.classes),
            "points": [
                [x, y, int(label), int(guess), number(float(sure))]
                for (x, y), label, guess, sure in rows
            ],
            "data": _packed(np.rint(255 * ground).astype(np.uint8)),
        }

    def _of_text(self, passage: Passage) -> Generator[None, None, dict[str, Any]]:
        def text(codes: Any) -> str:
            return "".join(passage.vocabulary[int(code)] for code in codes)

        model, codes = self._instance.model, passage.codes
        context = len(codes) - 1
        read = reading(model, passage)
        yield
        prompt = codes[: min(PROMPT, context)]
        more = yield from written(model, prompt, WRITTEN, context, self._seed)
        return {
            "kind": "text",
            "passage": text(codes),
            "likeliest": text(read.likeliest),
            "probability": numbers(read.probabilities.tolist()),
            "total": context,
            "right": int((read.likeliest == codes[1:].cpu().numpy()).sum()),
            "prompt": text(prompt),
            "written": text(more),
        }

    @staticmethod
    def _counted(
        found: Predicted, labels: NDArray[np.int64], classes: tuple[str, ...]
    ) -> dict[str, Any]:
        right = int((found.classes == labels).sum())
        return {"classes": list(classes), "total": len(labels), "right": right}


def _packed(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
