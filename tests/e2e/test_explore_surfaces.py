"""A person turns a surface, sets the start on the map, types a formula and looks at it from the
side."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.backend.server import Server
from tests.e2e.dashboard import Dashboard

pytestmark = pytest.mark.browser
Visit = Callable[..., Dashboard]

#: Whether the map's ground changed is seen by this: the sum of its lowest canvas.
GROUND = """e => { const c = e.querySelector('canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 0; i < d.length; i += 4) n = (31 * n + d[i]) % 1000003; return n; }"""

#: What a pointer that wanders over a picture is told first.
FIRST_READ = """e => { const box = e.getBoundingClientRect();
  for (let y = 0; y < box.height; y += 10) for (let x = 0; x < box.width; x += 10) {
    e.dispatchEvent(new PointerEvent('pointermove', { clientX: box.x + x, clientY: box.y + y }));
    const told = e.querySelector('.chart-hover');
    if (!told.hidden && !/\t0(\t|$)/m.test(told.innerText)) return told.innerText; }
  return ''; }"""


def test_a_surface_is_turned_started_on_and_typed(server: Server, visit: Visit) -> None:
    made = server.create(
        problem="saddle",
        settings={"start_x": -1.5, "start_y": 0.0},
        speed=0,
        steps=400,
        runs=[{"optimizer": "adam"}, {"optimizer": "adam", "drop_rate": 0.5}],
    )
    server.state(made["id"], "finished")
    page = visit(server, f"/?experiment={made['id']}")
    expect(page["verdict"]).to_contain_text("No run reached")

    # Turned under the finger, and for good once it is let go: now dropping leaves the saddle.
    picture = page["surface-map"]
    before = picture.evaluate(GROUND)
    box = page["rotation"].bounding_box()
    assert box
    at = [box["x"] + 8 + (angle + 180) / 360 * (box["width"] - 16) for angle in (0, 20, 45)]
    y = box["y"] + box["height"] / 2
    page.page.mouse.move(at[0], y)
    page.page.mouse.down()
    page.page.mouse.move(at[1], y)
    page.page.mouse.move(at[2], y)
    formula = page.page.locator(".formula")
    expect(formula).to_have_text(re.compile("turned by 45°"))
    assert picture.evaluate(GROUND) != before
    assert server.experiment(made["id"])["settings"]["rotation"] == 0
    page.page.mouse.up()
    page.page.wait_for_url(lambda url: made["id"] not in url)
    turned = server.state(page.id, "finished")
    assert (turned["settings"]["rotation"], turned["settings"]["start_x"]) == (45, -1.5)
    expect(page["verdict"]).to_contain_text(re.compile(r"Adam \+ LRD.* reached the minimum after"))

    # A click shows where, a button starts there.
    spot = picture.bounding_box()
    assert spot
    picture.click(position={"x": spot["width"] / 2, "y": spot["height"] / 4})
    page["start-here"].click()
    page.page.wait_for_url(lambda url: turned["id"] not in url)
    moved = server.experiment(page.id)["settings"]
    # A quarter down from the top lies, turned back by 45°, to the right of and above the middle.
    assert moved["rotation"] == 45
    assert moved["start_x"] == pytest.approx(moved["start_y"], abs=0.02)
    assert moved["start_x"] > 0.5

    # A wrong formula is pointed at, a right one is shown and trained on.
    id = page.id
    page["formula"].click()
    page["formula-text"].fill("x**2 + 3*sin(z)")
    expect(page["formula-caret"]).to_have_text("x**2 + 3*sin(z)\n" + 13 * " " + "^")
    expect(page["error"]).to_have_text("there is no 'z' (character 14)")
    page["formula-text"].fill("x**2 + 3*sin(y)")
    expect(page["formula-found"]).to_have_text("2 minima and 1 saddle found")
    expect(formula).to_contain_text("f(x, y) = x**2 + 3*sin(y)")
    page["formula-start"].click()
    page.page.wait_for_url(lambda url: id not in url)
    own = server.experiment(page.id)
    assert (own["problem"], own["settings"]["formula"]) == ("own_formula", "x**2 + 3*sin(y)")
    page.wait_rows("r2", 100)

    # From the side, turned by keys.
    page["view-3d"].click()
    relief = page["surface-3d"].locator(".surface-3d")
    expect(relief).to_have_attribute("data-turn", "-0.450")
    before = relief.evaluate(GROUND)
    relief.press("ArrowRight")
    expect(relief).to_have_attribute("data-turn", "-0.319")
    assert relief.evaluate(GROUND) != before
    # Pointed at, a path says its run, step and loss.
    head, *_, last = filter(str.strip, relief.evaluate(FIRST_READ).splitlines())
    assert head.split() == ["step", "loss"]
    name, step, loss = last.strip().split("\t")
    run = "r2" if "LRD" in name else "r1"
    assert float(loss) == pytest.approx(page.rows(run, "loss")[int(step)], rel=0.01)
    page.page.keyboard.press("?")
    expect(page["key-help"]).to_contain_text("Surface in 3-D, with the focus on it")
    page.page.keyboard.press("Escape")
    assert page.overflow() == 0
