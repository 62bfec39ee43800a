"""What a CUDA step reads from the device: a table that stays, and words that change each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from lrd_core.optim.kernels.cuda_source import BLOCK, CHANGING, DTYPES
from lrd_core.optim.kernels.entry import Entry, Variant
from lrd_core.optim.kernels.program import Program
from lrd_core.settings import Value

#: Tensors whose addresses are multiples of this are read 16 bytes at a time.
_ALIGNMENT = 16

#: A setting's number in its order, the entries it is for, and where it is on the device.
DeviceSetting = tuple[int, slice, torch.Tensor]


@dataclass(frozen=True)
class Layout:
    """The table that stays.

    Attributes:
        fixed: int64 (rows, entries) on the device: `cuda_source.FIXED`, then addresses of states,
            step counter (0: none there) and the rule's own scalars.
        places: int32 (2, blocks) on the device: each block's entry and its number within it.
        blocks: how many, at least one.
        aligned: parameters and states are.
    """

    fixed: torch.Tensor
    places: torch.Tensor
    blocks: int
    aligned: bool


def layout(entries: Sequence[Entry], scalars: Sequence[tuple[torch.Tensor, ...]]) -> Layout:
    """The table of these entries and their rule's own scalars (or none)."""
    device = entries[0].parameter.device
    numel = [e.parameter.numel() for e in entries]
    counts = [-(-n // BLOCK) for n in numel]
    # At least one block, so that a list of empty tensors counts its step too.
    entry = np.repeat(np.arange(len(counts)), counts) if any(counts) else np.zeros(1, dtype=int)
    first = np.cumsum(counts) - counts
    places = np.stack([entry, np.arange(len(entry)) - first[entry]]).astype(np.int32)
    memory = [[e.parameter.data_ptr(), *(s.data_ptr() for s in e.states)] for e in entries]
    own = scalars or [()] * len(entries)
    rows = [
        [n, e.start, e.index, f, *at, _on_device(e), *(s.data_ptr() for s in o)]
        for e, n, f, at, o in zip(entries, numel, first.tolist(), memory, own, strict=True)
    ]
    return Layout(
        fixed=torch.tensor(rows, dtype=torch.int64).T.contiguous().to(device),
        places=torch.from_numpy(places).to(device),
        blocks=len(entry),
        aligned=aligned(np.array(memory, dtype=np.int64)),
    )


def _on_device(entry: Entry) -> int:
    step = entry.step
    return 0 if step is None or step.device != entry.parameter.device else step.data_ptr()


def aligned(addresses: NDArray[np.int64]) -> bool:
    """Whether all of them are multiples of 16."""
    return not np.any(addresses % _ALIGNMENT)


def setting_rows(
    names: Sequence[str],
    settings: Sequence[Mapping[str, Value | torch.Tensor]],
    device: torch.device,
) -> tuple[NDArray[np.float64], list[DeviceSetting]]:
    """Numbers (names, entries), and the settings that are tensors on the device."""
    numbers = np.zeros((len(names), len(settings)))
    tensors: list[DeviceSetting] = []
    begin = 0
    for end in range(1, len(settings) + 1):
        # The entries of a group share one mapping.
        if end < len(settings) and settings[end] is settings[begin]:
            continue
        for i, name in enumerate(names):
            value = settings[begin][name]
            if isinstance(value, torch.Tensor) and value.device == device:
                tensors.append((i, slice(begin, end), value))
            else:
                numbers[i, begin:end] = float(value)
        begin = end
    return numbers, tensors


class Upload:
    """Copies the words of a step to the device if they differ from the last step's.

    Nothing waits: words leave from pinned memory of their own. A captured graph copies from it
    again at each replay, so memory used while capturing lives as long as this object.

    Args:
        device: where to.
        size: the most words of a step.

    Attributes:
        host: the words of the last step outside graphs, int64.
    """

    def __init__(self, device: torch.device, size: int) -> None:
        self.host: NDArray[np.int64] | None = None
        self._device = device
        self._size = size
        self._words = torch.empty(0, dtype=torch.int64)
        self._spare: torch.Tensor | None = self._pinned(size)
        self._captured: list[torch.Tensor] = []

    def __call__(self, host: NDArray[np.int64], capturing: bool) -> torch.Tensor:
        """The words on the device, int64."""
        if capturing:
            return self._capture(host)
        if self.host is None or not np.array_equal(host, self.host):
            pinned = self._pinned(host.size)
            pinned.copy_(torch.from_numpy(host))
            self._words, self.host = pinned.to(self._device, non_blocking=True), host
            if self._spare is None:
                self._spare = self._pinned(self._size)
        return self._words

    def _capture(self, host: NDArray[np.int64]) -> torch.Tensor:
        # Pinned memory was set aside: its allocation is one of the calls a capture may refuse.
        spare = self._pinned(host.size) if self._spare is None else self._spare[: host.size]
        spare.copy_(torch.from_numpy(host))
        self._spare = None
        self._captured.append(spare)
        return spare.to(self._device, non_blocking=True)

    def _pinned(self, size: int) -> torch.Tensor:
        return torch.empty(size, dtype=torch.int64, pin_memory=self._device.type == "cuda")


def number_row(words: torch.Tensor, row: int, entries: int) -> torch.Tensor:
    """The row-th row of numbers in a step's words, as float64 (entries,)."""
    begin = (len(CHANGING) + row) * entries
    return words[begin : begin + entries].view(torch.float64)


def check_entries(
    program: Program,
    variant: Variant,
    entries: Sequence[Entry],
    scalars: Sequence[tuple[torch.Tensor, ...]],
) -> None:
    """Raises ValueError unless the entries fit the program, the variant and each other."""
    if variant.dtype not in DTYPES:
        raise ValueError(f"variant.dtype: {variant.dtype}, not one of {DTYPES}")
    if not entries:
        raise ValueError("entries: none, at least one is needed")
    if scalars and len(scalars) != len(entries):
        raise ValueError(f"scalars: {len(scalars)}, not one tuple for each of {len(entries)}")
    device = entries[0].parameter.device
    steps = [e.step.data_ptr() for e in entries if e.step is not None]
    if len(set(steps)) != len(steps):
        raise ValueError("entries: two share a step counter")
    for i, entry in enumerate(entries):
        if len(entry.states) != len(program.states):
            raise ValueError(f"entries.{i}.states: {len(entry.states)}, not {program.states}")
        for tensor in (entry.parameter, *entry.states):
            fits = tensor.dtype == variant.dtype and tensor.device == device
            fits = fits and tensor.numel() == entry.parameter.numel()
            if not fits or not tensor.is_contiguous():
                raise ValueError(
                    f"entries.{i}: {tensor.dtype} {tuple(tensor.shape)} on {tensor.device} is not "
                    f"a row-major {variant.dtype} of the parameter's size on {device}"
                )
        own = scalars[i] if scalars else ()
        for one in (*own, *(() if entry.step is None else (entry.step,))):
            if one.dtype != torch.float32 or one.numel() != 1:
                raise ValueError(
                    f"entries.{i}: a step counter or scalar of {one.dtype} with {one.numel()} "
                    "elements, not of float32 with one"
                )
