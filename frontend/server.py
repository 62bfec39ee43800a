"""The ASGI applications that carry the dashboard.

`create` mounts it in the backend's process and port; `create_alone` serves the dashboard by itself
and passes `/api` on to the backend that `LRD_BACKEND_URL` names, so that the browser still sees one
origin.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from fastapi import FastAPI

from backend.app import create_app
from backend.settings import Settings
from frontend.proxy import create_proxy

HERE = Path(__file__).resolve().parent
ASSETS = HERE / "live" / "dist"


def create(settings: Settings) -> FastAPI:
    """Backend and dashboard as one application."""
    return create_app(settings, dash=st.App(HERE / "app.py"), assets=ASSETS)


def create_alone() -> FastAPI:
    """The dashboard alone, in front of another backend."""
    return create_proxy(dash=st.App(HERE / "app.py"), assets=ASSETS)
