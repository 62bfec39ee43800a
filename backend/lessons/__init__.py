"""Guided lessons, one Markdown file each in `texts`: see docs/lessons.md."""

from backend.lessons.lesson import LessonError, read
from backend.lessons.shelf import TEXTS, Shelf

__all__ = ["TEXTS", "LessonError", "Shelf", "read"]
