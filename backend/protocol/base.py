"""What all messages have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

PROTOCOL_VERSION = 1
Value = bool | int | float | str


class Message(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_serialization_defaults_required=True, ser_json_inf_nan="strings"
    )


class Input(Message):
    """What comes from outside: no number may be NaN or infinite, and nothing is converted.

    Nor may a text hold half a surrogate pair: JSON's escapes can write one, UTF-8 cannot, so that
    it could be neither stored nor sent. Nor a zero character, which PostgreSQL cannot store.
    """

    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    @field_validator("*")
    @classmethod
    def _encodable(cls, value: Any) -> Any:
        texts = [*value, *value.values()] if isinstance(value, dict) else [value]
        for text in texts:
            if isinstance(text, str):
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise ValueError("text without half a surrogate pair") from None
                if "\0" in text:
                    raise ValueError("text without a zero character")
        return value
