"""The figures that the Compare page is tested against are SciPy's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.frontend.compare_reference import FILE, reference


def flat(value: Any) -> list[float | None]:
    """All numbers of nested lists and maps, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for part in value for number in flat(part)]
    return [value]


def test_the_stored_figures_are_those_of_scipy() -> None:
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    made = reference()
    assert stored.keys() == made.keys()
    for name, value in made.items():
        expected = [x for x in flat(value) if x is not None]
        given = [x for x in flat(stored[name]) if x is not None]
        assert given == pytest.approx(expected, rel=1e-9, abs=1e-12), name
