"""A person saves what is on the screen: two clicks from a chart to a picture, a table or a GIF."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageSequence
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]
RUNS = [{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}]
VIOLET = (0x77, 0x25, 0xFE)


def finished(server: Server, **given: object) -> str:
    id = str(server.create(runs=RUNS, speed=0, **given)["id"])
    server.state(id, "finished")
    return id


def saved(page: Dashboard, chart: str, kind: str) -> tuple[str, bytes]:
    """Name and content of the file that two clicks give."""
    panel = page.chart(chart)
    panel.hover()
    panel.get_by_test_id("export").click()
    with page.page.expect_download() as download:
        panel.get_by_test_id(f"export-{kind}").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def has_color(image: Image.Image, color: tuple[int, int, int], near: int = 24) -> bool:
    found = image.convert("RGB").getcolors(1 << 24) or []
    return any(max(abs(a - b) for a, b in zip(c, color, strict=True)) <= near for _, c in found)


def test_a_chart_becomes_a_picture_and_its_rows_a_table(server: Server, visit: Visit) -> None:
    id = finished(server, problem="digits", steps=60)
    page = visit(server, f"/train?experiment={id}")
    page.wait_rows("r2", 60)
    name, data = saved(page, "loss", "png")
    assert name == f"digits-{id}-loss-steps-1-60.png"
    picture = Image.open(io.BytesIO(data))
    assert picture.width > 1500
    assert has_color(picture, VIOLET)
    name, data = saved(page, "loss", "svg")
    svg = data.decode()
    assert "<image" not in svg
    for words in ("Loss", "Adam + LRD", "step", "seed 0", "steps 1–60"):
        assert f"{words}" in re.sub(r"<[^>]*>", "|", svg)
    # A line of sixty steps, in the run's colour.
    lines = re.findall(r'<path d="([^"]*)"[^>]*stroke="#7725fe"', svg)
    assert max(line.count("L") for line in lines) >= 50
    stored = server.get(f"/api/experiments/{id}/series", run="r2", columns="loss,test_loss")
    columns = stored["columns"]
    name, data = saved(page, "loss", "csv")
    rows = [row for row in csv.DictReader(io.StringIO(data.decode())) if row["run"] == "r2"]
    assert [float(row["loss"]) for row in rows] == columns["loss"]["values"]
    tests = {int(row["step"]): float(row["test_loss"]) for row in rows if row["test_loss"]}
    expected = columns["test_loss"]
    assert tests == dict(zip(expected["steps"], expected["values"], strict=True))
    # What is zoomed in on is what is saved.
    page.chart("loss").locator(".chart").press("+")
    name, data = saved(page, "loss", "parquet")
    table = pq.read_table(io.BytesIO(data))
    first = re.search(r"steps-(\d+)-60", name)
    assert first
    assert 1 < int(first[1]) == table["step"].to_pylist()[0]
    # A picture that is computed here is written here.
    name, data = saved(page, "mask", "parquet")
    kept = pq.read_table(io.BytesIO(data))
    assert (name, len(kept)) == (f"digits-{id}-mask-step-60.parquet", 64 * 64)
    share = sum(kept["kept"].to_pylist()) / len(kept)
    expect(page.chart("mask").locator(".picture-note")).to_contain_text(re.compile(r"kept \d"))
    assert 0.4 < share < 0.6


def test_paths_become_a_gif(server: Server, visit: Visit) -> None:
    id = finished(server, problem="beale", steps=120)
    page = visit(server, f"/?experiment={id}")
    page.wait_rows("r2", 120)
    panel = page.chart("map")
    panel.hover()
    panel.get_by_test_id("export").click()
    with page.page.expect_download() as download:
        page["export-gif"].click()
        expect(page["gif-progress"]).to_be_visible()
    assert download.value.suggested_filename == f"beale-{id}-map-steps-1-120.gif"
    gif = Path(download.value.path())
    assert gif.stat().st_size < 3_000_000
    with Image.open(gif) as picture:
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(picture)]
        assert picture.info["loop"] == 0
    assert len(frames) == 72
    violet = [
        sum(n for n, c in frame.getcolors(1 << 24) or [] if c[2] > 200 and c[0] - c[1] > 15)
        for frame in (frames[2], frames[30], frames[-1])
    ]
    assert violet == sorted(set(violet)), "the path does not grow"
    page["export-gif"].click()
    page["cancel-gif"].click()
    expect(page["gif-progress"]).to_have_count(0)
    page.page.keyboard.press("Escape")
    _, data = saved(page, "distance", "csv")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert len(rows) == 240
    shown = page.rows("r1", "distance")
    assert float(rows[119]["distance"]) == pytest.approx(shown[120])
    _name, data = saved(page, "map", "svg")
    svg = data.decode()
    assert ">minimum</text>" in svg
    assert 'stroke="#7725fe"' in svg


def test_an_experiment_is_copied_as_python(server: Server, visit: Visit) -> None:
    id = finished(server, problem="booth", steps=20)
    page = visit(server, f"/?experiment={id}", permissions=["clipboard-read", "clipboard-write"])
    page["share"].click()
    page["copy-python"].click()
    expect(page.page.locator(".copied.pre")).to_contain_text("LRD(torch.optim.Adam(p, lr=")
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == server.get(f"/api/experiments/{id}/python")["script"]


def test_a_thumb_finds_the_arrow_and_nothing_is_wider_than_the_phone(
    server: Server, visit: Visit
) -> None:
    id = finished(server, problem="booth", steps=20)
    page = visit(server, f"/?experiment={id}", phone=True)
    page.wait_rows("r1", 20)
    arrow = page.chart("map").get_by_test_id("export")
    expect(arrow).to_have_css("opacity", "1")
    arrow.tap()
    box = page["export-png"].bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["x"] + box["width"] <= 390
    assert page.overflow() == 0
