"""Guided lessons: text beside an experiment that trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from backend.protocol.base import Message


class Try(Message):
    """A button of a lesson: changes the experiment that trains, or starts another one."""

    label: str
    controls: list[dict[str, object]] = Field(description="each a `ControlIn`, sent in this order")
    experiment: dict[str, object] | None = Field(
        description="an `ExperimentIn` that takes the place of the one that trains"
    )


class LessonStep(Message):
    """One thing at a time: `text` and `see` are HTML, made here from Markdown without any HTML."""

    title: str
    text: str
    tries: list[Try]
    see: str = Field(description="what should be seen after the buttons; may be empty")


class Lesson(Message):
    """A lesson as its file tells it."""

    name: str
    file: str
    title: str
    minutes: int
    learn: str = Field(description="what one learns, in a line")
    kind: Literal["surface", "task"]
    experiment: dict[str, object] = Field(description="an `ExperimentIn`: what trains beside it")
    command: str = Field(description="the command line that computes the same numbers")
    steps: list[LessonStep]


class LessonFault(Message):
    """A lesson that cannot be shown: the field of its file, and the mend."""

    file: str
    field: str
    value: str
    allowed: str
    message: str


class Lessons(Message):
    """All lessons in their order, and what is wrong with the files of others."""

    lessons: list[Lesson]
    faults: list[LessonFault]
