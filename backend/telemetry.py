"""OpenTelemetry, where it is wanted: traces of requests and the server's own metrics.

``LRD_OTEL=1`` switches it on; where to and how often is said by OpenTelemetry's own variables
(``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``, …).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from backend.api.metrics import Figure, figures
from backend.services import Services
from lrd_core import __version__
from lrd_core.settings import SettingError

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

#: A websocket would be a span for every frame; the dashboard's framework has its own paths.
EXCLUDED = "/stream,/api/worker,/_stcore,/live/,/static/"
PATIENCE_S = 5.0


class Telemetry:
    """The providers of one application; nothing of it is global."""

    def __init__(self, app: FastAPI) -> None:
        """Trace the requests of `app`.

        Raises:
            SettingError: the packages are missing.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            allowed = f"no value, or install what it needs: pip install lrd-lab[otel] ({error})"
            raise SettingError("LRD_OTEL", os.environ.get("LRD_OTEL"), allowed) from None
        name = os.environ.get("OTEL_SERVICE_NAME", "lrd-lab")
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._traces = TracerProvider(resource=resource)
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        self._metrics = MeterProvider([reader], resource=resource)
        FastAPIInstrumentor.instrument_app(
            app,
            excluded_urls=EXCLUDED,
            tracer_provider=self._traces,
            meter_provider=self._metrics,
            exclude_spans=["receive", "send"],
        )

    @asynccontextmanager
    async def measuring(self, services: Services) -> AsyncIterator[None]:
        """Export the server's own metrics; what is left is sent at the end."""
        loop = asyncio.get_running_loop()
        meter = self._metrics.get_meter("lrd", __version__)
        for figure in figures(services):
            _observe(meter, figure, services, loop)
        try:
            yield
        finally:
            # In a thread: the exporter asks this loop for the last figures.
            await asyncio.to_thread(self._metrics.shutdown)
            await asyncio.to_thread(self._traces.shutdown)


def _observe(
    meter: Meter, figure: Figure, services: Services, loop: asyncio.AbstractEventLoop
) -> None:
    from opentelemetry.metrics import Observation

    async def now() -> float:
        return next(one.value for one in figures(services) if one.name == figure.name)

    def observed(_: CallbackOptions) -> Iterable[Observation]:
        """Called by the exporter's thread; the figures belong to the loop's."""
        return [Observation(asyncio.run_coroutine_threadsafe(now(), loop).result(PATIENCE_S))]

    make: Callable[..., Any] = meter.create_observable_gauge
    if figure.total:
        make = meter.create_observable_counter
    make(f"lrd.{figure.name}", [observed], description=figure.words)
