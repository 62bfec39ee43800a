"""Lessons as the server gives them, and that it trains what they ask for."""

from __future__ import annotations

import pytest

from backend.lessons import TEXTS
from tests.backend.server import Server


def test_lessons_come_in_the_order_of_their_files(server: Server) -> None:
    found = server.get("/api/lessons")
    assert found["faults"] == []
    assert [one["file"] for one in found["lessons"]] == sorted(p.name for p in TEXTS.glob("*.md"))


@pytest.mark.parametrize("name", sorted(path.stem for path in TEXTS.glob("*.md")))
def test_the_experiment_and_buttons_of_a_lesson_are_accepted(server: Server, name: str) -> None:
    lessons = server.get("/api/lessons")["lessons"]
    lesson = next(one for one in lessons if one["file"] == f"{name}.md")
    begun = server.create(**lesson["experiment"] | {"paused": True, "steps": 50})
    for step in lesson["steps"]:
        for button in step["tries"]:
            for control in button["controls"]:
                answer = server.control(begun["id"], **control)
                assert answer.status_code == 200, answer.text
    assert server.control(begun["id"], kind="stop").status_code == 200
