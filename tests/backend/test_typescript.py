"""The TypeScript types are those of the protocol."""

from __future__ import annotations

from backend.typescript import TARGET, generate


def test_the_written_file_has_not_drifted() -> None:
    assert TARGET.read_text(encoding="utf-8") == generate(), "run: python -m backend.typescript"


def test_inputs_may_leave_out_what_has_a_default_and_outputs_may_not() -> None:
    text = generate()
    assert "  settings?: Record<string, Value>;" in text
    assert '  type: "hello";' in text
    assert "  value?: Value | null;" in text
    assert "  x: [number, number];" in text
    assert 'values: (number | "NaN" | "Infinity" | "-Infinity")[];' in text
