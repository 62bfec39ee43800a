"""The workbench as a Streamlit component: everything live, drawn by TypeScript in the browser."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import streamlit as st

DIST = Path(__file__).resolve().parent / "live" / "dist"
NAME = "lrd_workbench"

#: The page's own column would keep a margin around what fills the window. The name beside the logo
#: is text: so it has the page's font, and its colour in light and dark.
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 3.75rem 0 0; max-width: none; }
[data-testid="stMain"] { overflow: hidden; outline: none; box-shadow: none; }
[data-testid="stMainBlockContainer"] [data-testid="stVerticalBlock"] { gap: 0; }
:has(> [data-testid="stHeaderLogo"]) { display: flex; align-items: center; gap: 8px; }
:has(> [data-testid="stHeaderLogo"])::after { content: "LRD Lab"; font-weight: 600;
  font-size: 1.1rem; white-space: nowrap; padding-right: 0.5rem; }
[data-testid="stExpandSidebarButton"]::after { content: "Pages"; font-size: 0.9rem;
  padding-left: 0.25rem; }
.lrd-lecture [data-testid="stHeader"] { display: none; }
.lrd-lecture [data-testid="stMainBlockContainer"] { padding-top: 0; }
</style>"""

LOADER = """export default async (component) => {{
  const folder = new URL(".", location.href);
  return (await import(new URL("live/{module}", folder).href)).default(component);
}}
"""


class NotBuiltError(RuntimeError):
    """The TypeScript side is missing; the message says how to build it."""


@lru_cache(maxsize=1)
def module_name(stamp: float) -> str:
    """File name of the built module; `stamp`, the manifest's time, makes a new build seen."""
    manifest = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    return str(manifest["workbench"])


def loader() -> str:
    """JavaScript that loads the built module from the server that serves this page.

    Raises:
        NotBuiltError: there is no build.
    """
    try:
        stamp = (DIST / "manifest.json").stat().st_mtime
    except FileNotFoundError as error:
        raise NotBuiltError(
            f"{DIST} has no build of the live component; run `make setup`"
        ) from error
    return LOADER.format(module=module_name(stamp))


def workbench(page: str) -> None:
    """Mounts the workbench, or tells the one that is mounted which page is shown.

    Args:
        page: ``explore``, ``train``, ``sweeps``, ``lessons``, ``experiments`` or ``compare``.
    """
    st.html(STYLE)
    component = st.components.v2.component(NAME, js=loader())
    component(key="workbench", data={"page": page}, height="content")
