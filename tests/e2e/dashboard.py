"""The dashboard as a person meets it: what is on the screen, and where a hand would go."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.backend.server import Server


class Dashboard:
    """One open page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        expect(self["workbench"]).to_be_attached(timeout=30_000)
        expect(self["step"]).to_be_visible(timeout=30_000)

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

    def experiment(self) -> Any:
        return self.server.experiment(self.id)
