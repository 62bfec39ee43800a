"""For every test: no time limit an example, which would fail on a slow machine only; and the order
in which files come."""

from collections import Counter

import pytest
from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")

#: Where each file's tests share one process (`--dist loadfile`), the longest come first, so that
#: none is waited for alone in the end.
FIRST = "torture"
#: Playwright keeps an event loop in its process for good: no test that runs one may follow.
LAST = "e2e"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of faults, all others, files of the browser from the one with most tests on."""
    many = Counter(item.path for item in items)

    def place(item: pytest.Item) -> tuple[int, int]:
        folder = item.path.parent.name
        if folder == LAST:
            return 2, -many[item.path]
        return (0, 0) if folder == FIRST else (1, 0)

    items.sort(key=place)
