"""What a process and a device use: psutil for the machine, NVML for GPUs where it is there."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType
from typing import Any

import psutil
import torch

from backend.protocol import DeviceInfo, GpuUsage, Usage
from lrd_core.engine.devices import devices

MB = 1e6


class Gpus:
    """NVML, opened once; tells nothing where it is missing."""

    def __init__(self) -> None:
        self._nvml: ModuleType | None = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
        except Exception:  # not installed, or there is no driver: both mean that nothing is known
            self._nvml = None

    def usage(self, device: str) -> GpuUsage:
        """Of a device called ``cuda:N``."""
        used = total = busy = None
        nvml = self._nvml
        if nvml is not None:
            with suppress(Exception):  # whatever the driver does not tell stays unknown
                handle = nvml.nvmlDeviceGetHandleByUUID(_uuid(device))
                memory = nvml.nvmlDeviceGetMemoryInfo(handle)
                used, total = memory.used / MB, memory.total / MB
                busy = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        return GpuUsage(memory_used_mb=used, memory_total_mb=total, utilisation=busy)


def _uuid(device: str) -> bytes:
    """NVML counts every GPU of the machine, torch those it may use: the name that both know."""
    properties: Any = torch.cuda.get_device_properties(device)
    return f"GPU-{properties.uuid}".encode()


class OwnUsage:
    """What this process uses; `device` is where it trains."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call has nothing to compare with
        self._gpus = Gpus() if device.startswith("cuda") else None

    @property
    def memory_mb(self) -> float:
        """Resident memory."""
        return float(self._process.memory_info().rss / MB)

    def measure(self) -> Usage:
        """Since the last time."""
        return Usage(
            cpu=self._process.cpu_percent(),
            memory_mb=self.memory_mb,
            threads=torch.get_num_threads(),
            device=self._device,
            gpu=self._gpus.usage(self._device) if self._gpus else None,
        )


def cores() -> int:
    """CPU cores that this process may use."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):  # not on macOS
        return len(process.cpu_affinity())
    return psutil.cpu_count() or 1


def machine(held: list[str], jobs_per_gpu: int) -> list[DeviceInfo]:
    """Every device here with what it has to do; `held` is the device of each experiment's job."""
    gpus = Gpus()
    found = []
    for name in devices():
        kind = name.partition(":")[0]
        if kind == "cpu":
            memory = psutil.virtual_memory()
            parts = {
                "label": "CPU",
                "cores": cores(),
                "memory_used_mb": memory.used / MB,
                "memory_total_mb": memory.total / MB,
                "utilisation": psutil.cpu_percent(),
                "max_jobs": None,
            }
        elif kind == "cuda":
            parts = gpus.usage(name).model_dump() | {
                "label": torch.cuda.get_device_name(name),
                "cores": None,
                "max_jobs": jobs_per_gpu,
            }
        else:
            unknown = GpuUsage(memory_used_mb=None, memory_total_mb=None, utilisation=None)
            parts = unknown.model_dump() | {
                "label": "Apple GPU",
                "cores": None,
                "max_jobs": jobs_per_gpu,
            }
        found.append(DeviceInfo(name=name, kind=kind, jobs=held.count(name), **parts))
    return found
