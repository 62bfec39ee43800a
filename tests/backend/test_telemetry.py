"""OpenTelemetry: what is exported arrives at a collector; without the packages it is said so."""

from __future__ import annotations

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from backend.app import create_app
from backend.cli import main
from backend.settings import Settings
from tests.backend.server import free_port, running_server, until


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP; `got` is what came, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: dict[str, bytes] = {}


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.got[self.path] = self.server.got.get(self.path, b"") + body
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_requests_and_figures_reach_a_collector(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = collector.server_address[:2]
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{host!s}:{port}")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "200")
    with running_server(tmp_path, otel=1) as server:
        id = server.create(problem="booth", paused=True)["id"]
        with server.watch(id) as viewer:
            viewer.recv()

            def traces() -> bytes:
                return collector.got.get("/v1/traces", b"")

            def metrics() -> bytes:
                return collector.got.get("/v1/metrics", b"")

            until(lambda: b"GET /api/experiments/{id}" in traces(), what="a trace")
            until(lambda: b"lrd.viewers" in metrics(), what="a metric")
        assert server.stop() < 15
    assert b"lrd-lab" in traces()
    assert b"lrd.frames" in metrics()
    assert b"/stream" not in traces()


def test_without_the_packages_it_is_said_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setenv("LRD_OTEL", "1")
    monkeypatch.setenv("LRD_STORE", f"sqlite:///{tmp_path / 'lrd.sqlite3'}")
    monkeypatch.setattr(sys, "argv", ["lrd", "serve", "--no-dashboard", "--port", str(free_port())])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "LRD_OTEL: '1' is not allowed; use no value, or install what it needs" in said
    assert "pip install lrd-lab[otel]" in said


def test_it_is_off_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    assert create_app(Settings(store=f"sqlite:///{tmp_path / 'lrd.sqlite3'}"))
