"""What the server measures of itself: for Prometheus, and for the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, NamedTuple

import psutil
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from backend.protocol import System
from backend.services import Services, services
from backend.stream.traffic import BOUNDS, Durations
from lrd_core import __version__

router = APIRouter(tags=["health"])

At = Annotated[Services, Depends(services)]


@router.get("/metrics", response_class=Response)
async def metrics(at: At) -> Response:
    """The server's own metrics in Prometheus' text format."""
    # Made for each answer, so that two applications in one process share nothing.
    registry = CollectorRegistry()
    registry.register(Metrics(at))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Metrics(Collector):
    """Turns the numbers that the server keeps into Prometheus' families."""

    def __init__(self, at: Services) -> None:
        self._at = at

    def collect(self) -> Iterator[Metric]:
        at, traffic = self._at, self._at.hub.traffic
        info = {"version": __version__, "store": at.store.name}
        yield InfoMetricFamily("lrd", "Version and store of this server.", info)
        for name, words, value, total in figures(at):
            family = CounterMetricFamily if total else GaugeMetricFamily
            yield family(f"lrd_{name}", words, value=value)
        words = "From a frame's arrival to its commit."
        yield _histogram("lrd_store_append_seconds", words, traffic.stored)
        words = "Time to hand news to all viewers."
        yield _histogram("lrd_fan_out_seconds", words, traffic.fan_out)


class Figure(NamedTuple):
    """One number; `total` says that it is a sum since the start, and never falls."""

    name: str
    words: str
    value: float
    total: bool


def figures(at: Services) -> list[Figure]:
    """What the server counts; to be called on its event loop."""
    sums, viewers = at.hub.traffic.sums, at.hub.all()
    totals = (
        ("frames", "Frames taken in from jobs.", sums.frames),
        ("frame_bytes", "Their bytes.", sums.frame_bytes),
        ("sent_messages", "Messages sent to viewers.", sums.messages),
        ("sent_bytes", "Their bytes.", sums.message_bytes),
        ("viewer_falls", "Times a viewer was too slow for its queue.", at.hub.falls),
    )
    states = (
        ("jobs", "Experiments that train or wait to.", at.manager.count),
        ("viewers", "Connected viewers.", len(viewers)),
        ("viewers_behind", "Viewers being caught up.", sum(v.behind for v in viewers)),
        ("queue_messages", "Messages that wait for viewers.", sum(v.items for v in viewers)),
        ("queue_bytes", "Their bytes.", sum(v.bytes for v in viewers)),
        ("viewer_lag_frames", "What the slowest viewer lacks.", at.hub.lag),
    )
    return [
        *(Figure(*one, total=True) for one in totals),
        *(Figure(*one, total=False) for one in states),
    ]


def _histogram(name: str, words: str, durations: Durations) -> HistogramMetricFamily:
    buckets, total = [], 0
    for bound, count in zip((*BOUNDS, float("inf")), durations.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
    return HistogramMetricFamily(name, words, buckets=buckets, sum_value=durations.total)


@router.get("/system")
async def system(at: At) -> System:
    """The same in short, for the dashboard."""
    traffic, viewers = at.hub.traffic, at.hub.all()
    rates = traffic.rates()
    return System(
        frames_per_s=rates.frames,
        frame_bytes_per_s=rates.frame_bytes,
        sent_per_s=rates.messages,
        sent_bytes_per_s=rates.message_bytes,
        jobs=at.manager.count,
        viewers=len(viewers),
        behind=sum(viewer.behind for viewer in viewers),
        falls=at.hub.falls,
        queued=sum(viewer.items for viewer in viewers),
        queued_bytes=sum(viewer.bytes for viewer in viewers),
        lag=at.hub.lag,
        store_ms=_ms(traffic.stored, 0.5),
        store_p99_ms=_ms(traffic.stored, 0.99),
        fan_out_ms=_ms(traffic.fan_out, 0.5),
        fan_out_p99_ms=_ms(traffic.fan_out, 0.99),
        memory_mb=psutil.Process().memory_info().rss / 1e6,
    )


def _ms(durations: Durations, share: float) -> float | None:
    seconds = durations.recent(share)
    return None if seconds is None else seconds * 1000
