"""The mask and update of one tensor of one run, while somebody looks at it."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from lrd_core.engine.controls import Sink
from lrd_core.engine.experiment import ExperimentSpec
from lrd_core.engine.trainer import Trainer
from lrd_core.engine.views.look import Look, number
from lrd_core.optim.policies import get_policy
from lrd_core.probes.mask import MaskWatch
from lrd_core.settings import SettingError

#: Seconds between two pictures, at least.
INTERVAL_S = 0.1


class Watched(Look):
    """Follows one tensor and sends the view ``picture``.

    Raises:
        SettingError: no such tensor.
    """

    def __init__(self, spec: ExperimentSpec, trainer: Trainer, tensor: str, sink: Sink) -> None:
        super().__init__(sink)
        if tensor not in trainer.names:
            raise SettingError("setting", tensor, "one of " + ", ".join(trainer.names))
        self._trainer = trainer
        self._tensor = tensor
        self._spec = spec
        self._due = 0.0
        self._policy = ""
        self._watch = self._begun()

    def _begun(self) -> MaskWatch:
        run = self._trainer.spec
        self._policy = run.policy
        index = self._trainer.names.index(self._tensor)
        parameter = self._trainer.members[0].instance.parameters[index]
        seed = self._spec.mask_seed(run)
        return MaskWatch(parameter, index, get_policy(run.policy), seed)

    def before(self, trainers: Sequence[Trainer], step: int) -> None:
        """These are about to make a step."""
        if self._trainer in trainers:
            if self._policy != self._trainer.spec.policy:
                self._watch = self._begun()
            self._watch.before()

    def after(self, trainers: Sequence[Trainer]) -> None:
        """These have made a step."""
        if self._trainer not in trainers:
            return
        run = self._trainer.spec
        self._watch.after(self._trainer.step, run.drop_rate, run.policy_settings)
        now = time.monotonic()
        if now >= self._due:
            self._due = now + INTERVAL_S
            self._sink.view("picture", self._content())

    def _content(self) -> dict[str, Any]:
        watch = self._watch
        picture = watch.picture()
        firsts, counts = watch.histogram()
        overlap, expected = watch.overlap()
        mask = watch.mask
        return {
            "run": self._trainer.identity.id,
            "step": self._trainer.step,
            "tensor": self._tensor,
            "rows": picture.pixels.shape[0],
            "columns": picture.pixels.shape[1],
            "data": base64.b64encode(picture.pixels.tobytes()).decode(),
            "scale": number(10**picture.high),
            "shown": picture.shown,
            "source": watch.source,
            "keep_rate": float(mask.mean()) if mask.size else None,
            "ages": {"labels": _labels(firsts), "counts": counts},
            "touched": {str(n): number(share) for n, share in watch.touched().items()},
            "overlap": number(overlap),
            "overlap_expected": number(expected),
        }


def _labels(firsts: Sequence[int]) -> list[str]:
    """``0``, ``1``, ``2``, ``3–4``, …, ``9 and more``."""
    inner = [str(a) if b == a + 1 else f"{a}–{b - 1}" for a, b in pairwise(firsts)]
    return [*inner, f"{firsts[-1]} and more" if firsts[-1] > 2 else str(firsts[-1])]
