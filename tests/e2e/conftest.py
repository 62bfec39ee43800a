"""A real server with the dashboard, and a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Route,
    expect,
    sync_playwright,
)

from scripts.browser import FLAGS, find
from tests.backend.server import Server, running_server
from tests.e2e.dashboard import Dashboard

# A machine that does much else at the time is slow, not wrong.
expect.set_options(timeout=20_000)

DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
#: What Chromium and Streamlit say while a test has stopped the server.
EXPECTED = (
    "net::ERR",
    "WebSocket connection",
    "Failed to load resource",
    "Client Error in reaching server endpoint",
    "Streamlit server is not responding",
)


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that what was on the screen is told with it."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="session")
def dashboard_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("dashboard")
    with running_server(folder, dashboard=True, max_jobs=6) as server:
        yield server


@pytest.fixture
def server(dashboard_server: Server) -> Iterator[Server]:
    """The shared server; experiments that a test leaves in training are stopped after it."""
    yield dashboard_server
    dashboard_server.stop_jobs()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Dashboard]]:
    """Opens the dashboard in a browser profile of its own; fails on script errors and on any
    request to another host."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(
        server: Server,
        path: str = "/",
        phone: bool = False,
        blocked: list[str] | None = None,
        **options: object,
    ) -> Dashboard:
        """`blocked`: cut off from every other host; addresses that were asked for are put there."""
        size = PHONE if phone else DESKTOP
        more = {"has_touch": True, "is_mobile": True} if phone else {}
        context = browser.new_context(viewport=size, **(more | options))  # type: ignore[arg-type]
        contexts.append(context)
        if blocked is not None:
            cut_off(context, server, blocked)
        page = context.new_page()
        listen(page, server, problems)
        page.goto(server.url + path)
        return Dashboard(page, server)

    yield open_page
    for index, context in enumerate(contexts):
        if request.node.stash.get(FAILED, False):
            for page in context.pages:
                print(page.url, page.locator("body").aria_snapshot(), sep="\n")  # noqa: T201
        keep = os.environ.get("LRD_SCREENSHOTS")
        if keep and context.pages:
            context.pages[0].screenshot(path=f"{keep}/{os.getpid()}-{index}.png")
        context.close()
    assert not problems


def cut_off(context: BrowserContext, server: Server, blocked: list[str]) -> None:
    """Every request that is not to `server` fails, as it would without a network."""

    def elsewhere(url: str) -> bool:
        return url.startswith("http") and not url.startswith(server.url + "/")

    def refuse(route: Route) -> None:
        blocked.append(route.request.url)
        route.abort("internetdisconnected")

    context.route(elsewhere, refuse)


def listen(page: Page, server: Server, problems: list[str]) -> None:
    """Collect script errors, policy violations and requests to other hosts."""

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in EXPECTED):
            problems.append(f"console: {message.text}")

    def asked(url: str) -> None:
        if url.startswith(("http", "ws")) and f"127.0.0.1:{server.port}" not in url:
            problems.append(f"request to another host: {url}")

    page.on("console", said)
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("request", lambda request: asked(request.url))
    page.on("websocket", lambda socket: asked(socket.url))
