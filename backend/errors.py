"""Errors that reach a person as `ErrorOut`: field, value, what is allowed."""

from __future__ import annotations

from lrd_core.problems.formula import FormulaError
from lrd_core.settings import SettingError


class ApiError(Exception):
    """An answer other than success.

    Attributes:
        status: HTTP status code.
        field, value, allowed: as in `SettingError`.
        message: one sentence for a person.
        position: of the offending character in a text, from 0; None where there is none.
    """

    def __init__(
        self,
        status: int,
        field: str,
        value: object,
        allowed: str,
        message: str,
        position: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.field = field
        self.value = value
        self.allowed = allowed
        self.message = message
        self.position = position


def unknown_experiment(id: str) -> ApiError:
    return ApiError(
        404,
        "id",
        id,
        "the id of an experiment in the list",
        f"id: there is no experiment {id!r}; see the list of experiments",
    )


def refused(error: SettingError) -> ApiError:
    """A value out of range: 422."""
    position = error.position if isinstance(error, FormulaError) else None
    return ApiError(422, error.field, error.value, error.allowed, str(error), position)
