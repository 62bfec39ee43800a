"""One file read: front matter, experiment, steps."""

from __future__ import annotations

import re
from pathlib import Path

from backend.lessons.body import steps
from backend.lessons.experiment import Bench
from backend.lessons.front import MINUTES, only, split, words
from backend.protocol import Lesson
from lrd_core.engine.command import command
from lrd_core.problems import get_problem
from lrd_core.settings import SettingError

MOST_TITLE, MOST_LEARN = 60, 160
_PARTS = ("title", "minutes", "learn", "experiment")
_NAME = re.compile(r"\d\d-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")


class LessonError(ValueError):
    """A lesson that cannot be shown: its file, and the field, value and mend (`SettingError`)."""

    def __init__(self, file: str, error: SettingError) -> None:
        self.file = file
        self.error = error
        super().__init__(f"{file}: {error}")


def read(path: Path) -> Lesson:
    """The lesson in a file called ``NN-name.md``; NN is its place among the others.

    Raises:
        LessonError: anything in it that could not be shown or trained.
    """
    try:
        return _read(path)
    except SettingError as error:
        raise LessonError(path.name, error) from None


def _read(path: Path) -> Lesson:
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise SettingError("file name", path.name, "two digits and words, e.g. 02-ravine.md")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingError("file", f"byte {error.start}", "UTF-8") from None
    except OSError as error:
        raise SettingError("file", path.name, f"a file that can be read ({error})") from None
    table, body = split(text)
    only(table, _PARTS)
    bench = Bench(table.get("experiment"))
    return Lesson(
        name=named[1],
        file=path.name,
        title=words(table, "title", MOST_TITLE),
        minutes=int(MINUTES.check(table.get("minutes"))),
        learn=words(table, "learn", MOST_LEARN),
        kind=get_problem(bench.spec.problem).kind,
        experiment=bench.given,
        command=command(bench.spec),
        steps=steps(body, bench),
    )
