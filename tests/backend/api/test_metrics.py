"""What the server says of itself: right numbers, in Prometheus' form and in short."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backend.stream.traffic import Durations, Traffic
from tests.backend.server import Rows, Server, until


def samples(server: Server) -> dict[str, float]:
    answer = server.client.get("/api/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.text)
    found = [sample for family in families for sample in family.samples]
    return {
        sample.name + (sample.labels.get("le", "") and f" {sample.labels['le']}"): sample.value
        for sample in found
    }


def test_what_a_viewer_gets_is_counted(server: Server) -> None:
    before = samples(server)
    id = server.create(problem="booth", steps=1_000_000, speed=200)["id"]
    rows = Rows()
    with server.watch(id) as viewer:
        rows.read_to(viewer, 100)
        during = samples(server)
        live = server.get("/api/system")
    frames = during["lrd_frames_total"] - before["lrd_frames_total"]
    assert frames >= rows.seq > 0
    assert during["lrd_frame_bytes_total"] > before["lrd_frame_bytes_total"] + 100 * frames
    assert during["lrd_sent_messages_total"] > before["lrd_sent_messages_total"]
    assert during["lrd_sent_bytes_total"] > before["lrd_sent_bytes_total"]
    assert (during["lrd_viewers"], live["viewers"]) == (1, 1)
    assert during["lrd_jobs"] >= 1
    assert live["frames_per_s"] > 0
    assert live["frame_bytes_per_s"] > live["frames_per_s"]
    assert live["sent_bytes_per_s"] > live["sent_per_s"] > 0
    assert 0 < live["store_ms"] <= live["store_p99_ms"]
    assert 0 < live["fan_out_ms"] <= live["fan_out_p99_ms"]
    assert live["memory_mb"] > 10
    stored = during["lrd_store_append_seconds_count"]
    assert stored >= frames
    assert during["lrd_store_append_seconds_bucket +Inf"] == stored
    assert during["lrd_store_append_seconds_sum"] > 0
    assert during["process_cpu_seconds_total"] > 0
    until(lambda: samples(server)["lrd_viewers"] == 0, what="the leave")


def test_metrics_have_help_and_no_name_twice(shared_server: Server) -> None:
    text = shared_server.client.get("/api/metrics").text
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.documentation for family in families)
    assert "lrd_info" in text


def test_rates_are_those_of_the_last_seconds() -> None:
    now = 0.0
    traffic = Traffic(clock=lambda: now)
    for step in range(100):  # ten seconds of 10 frames a second
        now = step / 10
        traffic.frame(400)
        traffic.sent(100, count=3)
    now = 10.0
    rates = traffic.rates()
    assert rates.frames == pytest.approx(10, rel=0.05)
    assert rates.frame_bytes == pytest.approx(4000, rel=0.05)
    assert rates.messages == pytest.approx(30, rel=0.05)
    assert rates.message_bytes == pytest.approx(3000, rel=0.05)
    for now in range(11, 20):  # noqa: B007 -- the clock reads it
        traffic.rates()
    assert traffic.rates().frames == 0


def test_a_first_frame_is_no_hundred_frames_a_second() -> None:
    now = 0.0
    traffic = Traffic(clock=lambda: now)
    now = 0.01
    traffic.frame(1)
    assert traffic.rates().frames == 1


def test_durations_fall_into_their_buckets() -> None:
    durations = Durations()
    assert durations.recent(0.5) is None
    for seconds in (0.0001, 0.0005, 0.02, 100.0):
        durations.add(seconds)
    assert durations.counts[0] == 2
    assert durations.counts[-1] == 1
    assert sum(durations.counts) == 4
    assert durations.total == pytest.approx(100.0206)
    assert (durations.recent(0.5), durations.recent(1.0)) == (0.02, 100.0)


def parts(server: Server) -> Any:
    return server.get("/api/openapi.json")["paths"]


def test_both_are_described(shared_server: Server) -> None:
    assert {"/api/metrics", "/api/system"} <= set(parts(shared_server))
