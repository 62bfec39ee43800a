"""TypeScript types of the protocol: ``python -m backend.typescript`` writes them.

The source is the JSON schema of the models in `backend.protocol`; a test fails when the written
file has drifted from it. The output is laid out as biome formats it.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from backend import protocol
from lrd_core.engine import controls

WIDTH = 100
TARGET = Path(__file__).parents[1] / "frontend" / "live" / "src" / "protocol.ts"

#: What the browser sends: fields with a default may be left out.
INPUTS: tuple[type[BaseModel], ...] = (
    protocol.ExperimentIn,
    protocol.ControlIn,
    protocol.ResumeIn,
    protocol.SwarmIn,
    protocol.SurfaceIn,
    protocol.SweepIn,
    protocol.SweepPatch,
    protocol.Ping,
)
#: What the browser receives: every field is there.
OUTPUTS: tuple[type[BaseModel], ...] = (
    protocol.Catalogue,
    protocol.SurfaceOut,
    protocol.Grid,
    protocol.DataSetInfo,
    protocol.Experiment,
    protocol.ExperimentSummary,
    protocol.Series,
    protocol.ColumnNames,
    protocol.EffectiveSteps,
    protocol.StepTimes,
    protocol.Command,
    protocol.Script,
    protocol.ControlOut,
    protocol.JobInfo,
    protocol.DeviceInfo,
    protocol.NodeInfo,
    protocol.ExperimentPatch,
    protocol.ErrorOut,
    protocol.Health,
    protocol.System,
    protocol.Lessons,
    protocol.Sweep,
    protocol.SweepCells,
    protocol.Hello,
    protocol.ExperimentMessage,
    protocol.ControlMessage,
    protocol.ViewMessage,
    protocol.ViewersMessage,
    protocol.Pong,
)
#: Names for unions and literals: generated as aliases and used wherever the same type appears.
ALIASES: dict[str, Any] = {
    "Value": protocol.Value,
    "ControlKind": controls.Kind,
    "RunState": controls.RunState,
    "State": controls.State,
}

_SCALARS = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


class _Types:
    """Turns schema nodes into TypeScript; remembers aliases by what they stand for."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}

    def alias(self, name: str, kind: Any) -> str:
        written = self.of(TypeAdapter(kind).json_schema())
        self.aliases[written] = name
        return _wrapped(f"export type {name} =", written)

    def of(self, node: dict[str, Any]) -> str:
        written = self._of(node)
        return self.aliases.get(written, written)

    def _of(self, node: dict[str, Any]) -> str:
        if "$ref" in node:
            return str(node["$ref"]).rsplit("/", 1)[1]
        if "const" in node:
            return json.dumps(node["const"])
        if "enum" in node:
            return " | ".join(json.dumps(choice) for choice in node["enum"])
        for key in ("anyOf", "oneOf"):
            if key in node:
                return self._union(node[key])
        kind = node.get("type")
        if kind == "array":
            return self._array(node)
        if kind == "object":
            extra = node.get("additionalProperties", True)
            inner = self.of(extra) if isinstance(extra, dict) else "unknown"
            return f"Record<string, {inner}>"
        return _SCALARS.get(str(kind), "unknown")

    def _union(self, nodes: list[dict[str, Any]]) -> str:
        parts = list(dict.fromkeys(self._of(node) for node in nodes))
        bare = " | ".join(part for part in parts if part != "null")
        bare = self.aliases.get(bare, bare)
        return f"{bare} | null" if "null" in parts else bare

    def _array(self, node: dict[str, Any]) -> str:
        if "prefixItems" in node:
            return "[" + ", ".join(self.of(item) for item in node["prefixItems"]) + "]"
        inner = self.of(node["items"]) if node.get("items") else "unknown"
        return f"({inner})[]" if " | " in inner else f"{inner}[]"


def _wrapped(head: str, union: str, indent: str = "") -> str:
    line = f"{indent}{head} {union};"
    if len(line) <= WIDTH:
        return line
    parts = union.split(" | ")
    return f"{indent}{head}\n" + "\n".join(f"{indent}  | {part}" for part in parts) + ";"


def _comment(text: str, indent: str = "") -> list[str]:
    """`text` as a JSDoc comment."""
    plain = " ".join(text.split())
    single = f"{indent}/** {plain} */"
    if len(single) <= WIDTH:
        return [single]
    lines = textwrap.wrap(plain, WIDTH - len(indent) - 3)
    return [f"{indent}/**", *(f"{indent} * {line}" for line in lines), f"{indent} */"]


def _interface(types: _Types, name: str, schema: dict[str, Any]) -> str:
    lines = _comment(schema["description"]) if "description" in schema else []
    lines.append(f"export interface {name} {{")
    required = set(schema.get("required", ()))
    for key, node in schema.get("properties", {}).items():
        if "description" in node:
            lines += _comment(node["description"], "  ")
        mark = "" if key in required else "?"
        lines.append(_wrapped(f"{key}{mark}:", types.of(node), "  "))
    return "\n".join([*lines, "}"])


def generate() -> str:
    """The whole file's text."""
    types = _Types()
    parts = [
        "// Generated by `python -m backend.typescript` from backend/protocol; do not edit.",
        f"export const PROTOCOL_VERSION = {protocol.PROTOCOL_VERSION};",
    ]
    parts += [types.alias(name, kind) for name, kind in ALIASES.items()]
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in INPUTS),
        *((model, "serialization") for model in OUTPUTS),
    ]
    _, schema = models_json_schema(modes)
    definitions: dict[str, Any] = schema["$defs"]
    parts += [_interface(types, name, definitions[name]) for name in _in_source_order(definitions)]
    written = types.of(TypeAdapter[Any](protocol.ServerMessage).json_schema())
    parts.append(_wrapped("export type ServerMessage =", written))
    return "\n\n".join(parts) + "\n"


def _in_source_order(definitions: dict[str, Any]) -> list[str]:
    """Names as they come in `backend.protocol`, subject by subject."""
    order = [name for subject in protocol.SUBJECTS for name in vars(subject)]
    return sorted(definitions, key=order.index)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(generate(), encoding="utf-8")
