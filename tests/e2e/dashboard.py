"""The dashboard as a person meets it: what is on the screen, and where a hand would go."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.backend.server import Server

#: Milliseconds; the machine may be busy: what is computed in the background waits for training.
COMPUTED = 90_000


class Dashboard:
    """One open page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        expect(self["workbench"]).to_be_attached(timeout=30_000)
        shown = self["step"].or_(self["compare"]).or_(self["compare-empty"])
        shown = shown.or_(self["sweeps"]).or_(self["sweep"])
        expect(shown.first).to_be_visible(timeout=30_000)

    def __getitem__(self, test_id: str) -> Locator:
        return self.page.get_by_test_id(test_id)

    def card(self, run: str) -> Locator:
        return self.page.locator(f'[data-testid=run-card][data-run="{run}"]')

    def chart(self, name: str) -> Locator:
        return self.page.locator(f'[data-testid=chart][data-chart="{name}"]')

    @property
    def id(self) -> str:
        """The experiment in the address."""
        self.page.wait_for_url(re.compile(r"experiment="))
        found = re.search(r"experiment=([\w-]+)", self.page.url)
        assert found
        return found[1]

    def rows(self, run: str = "r1", column: str = "loss") -> dict[int, float | None]:
        """What the browser holds of a series: value by step."""
        script = (
            "(e, [run, column]) => { const c = e.__lrd.rows(run, column);"
            " return c ? [[...c.steps].slice(0, c.n ?? c.steps.length),"
            " [...c.values].slice(0, c.n ?? c.values.length)] : [[], []]; }"
        )
        steps, values = self["workbench"].evaluate(script, [run, column])
        assert len(steps) == len(set(steps)), "a step is there twice"
        return dict(zip([int(s) for s in steps], values, strict=True))

    def wait_rows(self, run: str, step: int, timeout: int = 60_000) -> None:
        """Until the browser has a row of `run` at `step`."""
        script = (
            "([e, run, step]) => { const c = e.__lrd.rows(run, 'loss');"
            " if (!c) return false; const n = c.n ?? c.steps.length;"
            " return n > 0 && c.steps[n - 1] >= step; }"
        )
        handle = self["workbench"].element_handle()
        self.page.wait_for_function(script, arg=[handle, run, step], timeout=timeout)

    def probe(self, expression: str) -> Any:
        """What an expression is, in which ``$`` stands for what the page tells tests."""
        return self["workbench"].evaluate(f"e => {expression.replace('$', 'e.__lrd')}")

    def wait_probe(self, condition: str) -> None:
        """Wait until such an expression is true."""
        handle = self["workbench"].element_handle()
        script = f"e => {condition.replace('$', 'e.__lrd')}"
        self.page.wait_for_function(script, arg=handle, timeout=COMPUTED)

    @property
    def drawn(self) -> int:
        """Frames drawn so far."""
        return int(self["workbench"].evaluate("e => e.__lrd.drawn"))

    @property
    def step(self) -> int:
        return int(re.sub(r"\D", "", self["step"].inner_text()) or 0)

    def expect_status(self, words: str, timeout: int = 30_000) -> None:
        expect(self["status"]).to_contain_text(re.compile(words, re.IGNORECASE), timeout=timeout)

    def pause(self) -> int:
        """Pause and give the step it stands at."""
        self["play"].click()
        self.expect_status("paused")
        return int(self.server.experiment(self.id)["step"])

    def slide(self, run: str, rate: float) -> None:
        """Move a run's drop-rate slider to `rate` (hundredths)."""
        slider = self.card(run).get_by_test_id("drop-rate")
        slider.fill(str(rate))

    def ink(self, locator: Locator) -> int:
        """How many pixels of the canvases under `locator` are not transparent."""
        script = (
            "e => [...e.querySelectorAll('canvas')].reduce((sum, c) => { if (!c.width || !c.height)"
            " return sum; const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            " let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return sum + n; }, 0)"
        )
        return int(locator.evaluate(script))

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def scrolls(self) -> list[str]:
        """What would scroll down: the page itself, or any part of it, shadow roots included."""
        script = """() => {
          const found = [];
          const look = (root) => { for (const e of root.querySelectorAll('*')) {
            if (e.shadowRoot) look(e.shadowRoot);
            const page = e === document.documentElement;
            const may = page || ['auto', 'scroll'].includes(getComputedStyle(e).overflowY);
            if (may && e.clientHeight > 0 && e.scrollHeight > e.clientHeight + 1)
              found.push(`${e.tagName} ${e.className}`);
          } };
          look(document);
          return found;
        }"""
        return list(self.page.evaluate(script))

    def hover(self, chart: str, share: float) -> Locator:
        """Point at a chart, `share` of its width from the left; gives the table that appears."""
        box = self.plot(chart)
        x = box["x"] + 0.5 + share * (box["width"] - 1)
        self.page.mouse.move(x, box["y"] + box["height"] / 2)
        return self.chart(chart).locator(".chart-hover")

    def hovered(self, chart: str, share: float) -> int:
        """The step that a chart shows values of, pointed at `share` of its width."""
        table = self.hover(chart, share)
        expect(table).to_be_visible()
        found = re.search(r"step ([\d\s]+)", table.locator(".title").inner_text())
        assert found
        return int(re.sub(r"\s", "", found[1]))

    def plot(self, chart: str) -> Any:
        """Box of a chart's plot area on the page."""
        box = self.chart(chart).locator(".u-over").bounding_box()
        assert box is not None
        return box

    def axis(self, chart: str) -> tuple[float, float]:
        """Ends of a chart's value axis, as its description says them."""
        root = self.chart(chart).locator(".chart")
        root.focus()
        found = re.search(
            r"scale from (\S+) to (\S+), step", root.get_attribute("aria-label") or ""
        )
        assert found
        low, high = (float(end.replace("\u2212", "-")) for end in found.groups())
        return low, high

    def experiment(self) -> Any:
        return self.server.experiment(self.id)
