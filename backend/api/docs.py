"""The interface's description as a plain page: no script, nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter()

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color-scheme: light dark; }
code, td:first-child { font-family: ui-monospace, monospace; }
h2 { font-size: 1rem; margin: 2rem 0 0; }
table { border-collapse: collapse; } td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top; }
"""


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """Every request and every message, written from the OpenAPI schema."""
    schema: dict[str, Any] = request.app.openapi()
    parts = [
        _operation(path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    parts.append("<h1>Messages</h1>")
    models: dict[str, Any] = schema.get("components", {}).get("schemas", {})
    parts += [_model(name, model) for name, model in models.items()]
    title = escape(schema["info"]["title"])
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style><h1>{title} API</h1>"
        '<p>The same as <a href="openapi.json">openapi.json</a>. Errors are '
        "<code>ErrorOut</code>: the field, its value, what is allowed.</p>"
        f"{''.join(parts)}</html>"
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    rows = [
        (p["name"], _type(p.get("schema", {})), p.get("description", p["in"]))
        for p in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        rows.append(("body", _type(body["schema"]), ""))
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json", {})
        rows.append((f"→ {status}", _type(content.get("schema", {})), ""))
    text = escape(operation.get("description", operation.get("summary", "")))
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{text}</p>{_table(rows)}"


def _model(name: str, model: dict[str, Any]) -> str:
    rows = [
        (field, _type(node), node.get("description", ""))
        for field, node in model.get("properties", {}).items()
    ]
    text = escape(model.get("description", ""))
    return f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{text}</p>{_table(rows)}'


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = (
        f"<tr><td>{escape(name)}</td><td>{kind}</td><td>{escape(about)}</td></tr>"
        for name, kind, about in rows
    )
    return f"<table>{''.join(cells)}</table>"


def _type(node: dict[str, Any]) -> str:
    """A schema node in a few words of HTML."""
    if "$ref" in node:
        name = escape(node["$ref"].rsplit("/", 1)[1])
        return f'<a href="#{name}">{name}</a>'
    for key in ("anyOf", "oneOf"):
        if key in node:
            return " or ".join(_type(part) for part in node[key])
    if "enum" in node:
        return escape(", ".join(map(str, node["enum"])))
    if node.get("type") == "array":
        return f"list of {_type(node.get('items', {}))}"
    return escape(str(node.get("type", node.get("const", "any"))))
