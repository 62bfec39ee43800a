"""All lessons of a folder, read anew when a file has changed."""

from __future__ import annotations

import threading
from pathlib import Path

from backend.lessons.lesson import LessonError, read
from backend.protocol import Lesson, LessonFault, Lessons
from lrd_core.settings import SettingError

TEXTS = Path(__file__).resolve().parent / "texts"


class Shelf:
    """The lessons of one folder; may be asked from several threads."""

    def __init__(self, folder: Path = TEXTS) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[int, Lesson | LessonFault]] = {}

    def lessons(self) -> Lessons:
        """In the order of the file names; a file with a fault is told beside the others."""
        with self._lock:
            names: set[str] = set()
            found = Lessons(lessons=[], faults=[])
            for path in sorted(self._folder.glob("*.md")):
                one = self._read(path)
                if isinstance(one, Lesson) and one.name in names:
                    taken = SettingError("file name", path.name, "a name that no other lesson has")
                    one = _fault(LessonError(path.name, taken))
                if isinstance(one, LessonFault):
                    found.faults.append(one)
                else:
                    names.add(one.name)
                    found.lessons.append(one)
            return found

    def _read(self, path: Path) -> Lesson | LessonFault:
        stamp = path.stat().st_mtime_ns
        known = self._known.get(path)
        if known is None or known[0] != stamp:
            try:
                known = stamp, read(path)
            except LessonError as error:
                known = stamp, _fault(error)
            self._known[path] = known
        return known[1]


def _fault(error: LessonError) -> LessonFault:
    return LessonFault(
        file=error.file,
        field=error.error.field,
        value=str(error.error.value),
        allowed=error.error.allowed,
        message=str(error),
    )
