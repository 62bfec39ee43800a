"""Worker processes, the queue for a place, the devices and what is used of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.protocol.base import Message
from lrd_core.engine.controls import State


class GpuUsage(Message):
    """A GPU as NVML sees it; None for what it does not tell, or where it is missing."""

    memory_used_mb: float | None
    memory_total_mb: float | None
    utilisation: float | None = Field(description="percent of the last second")


class Usage(Message):
    """What a job's process uses; the view ``usage`` of its experiment."""

    cpu: float = Field(description="percent of one core")
    memory_mb: float = Field(description="resident memory of its process")
    threads: int
    device: str
    gpu: GpuUsage | None = Field(description="the whole device's; None on a CPU")


class JobInfo(Message):
    """An experiment that has a worker process or waits for one."""

    experiment: str
    name: str
    problem: str
    state: State
    step: int
    steps: int
    device: str
    node: str = Field("", description="the node that trains it; empty: the server's own machine")
    threads: int
    position: int | None = Field(description="place in the queue, 1 is the next; None: not in it")
    viewers: int
    usage: Usage | None


class DeviceInfo(Message):
    """Where experiments can train, and how busy it is."""

    name: str
    label: str
    kind: Literal["cpu", "cuda", "mps"]
    cores: int | None = Field(description="of a CPU")
    memory_used_mb: float | None
    memory_total_mb: float | None
    utilisation: float | None = Field(description="percent")
    jobs: int = Field(description="experiments that hold it")
    max_jobs: int | None = Field(description="at the same time; None: only as all devices together")


class NodeInfo(Message):
    """A machine that trains for this server, connected by `lrd worker`."""

    name: str
    places: int = Field(description="experiments at the same time")
    jobs: int = Field(description="experiments that hold a place")
    cores: int
    devices: list[str] = Field(description="best first")
    data: list[str] = Field(description="data sets that are there")
