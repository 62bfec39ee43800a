"""`lrd jobs`: what the running server trains and what waits for a place."""

from __future__ import annotations

import json
import sys
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from backend.commands.port import authority
from backend.settings import EVERYWHERE, load_settings

PATIENCE_S = 10.0


def jobs(as_json: bool) -> int:
    """Print the jobs; 1 if no server answers."""
    settings = load_settings()
    host = EVERYWHERE.get(settings.host, settings.host)
    url = f"http://{authority(host, settings.port)}"
    try:
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
            found = client.get("/api/jobs").raise_for_status().json()
            devices = client.get("/api/devices").raise_for_status().json()
            nodes = client.get("/api/nodes").raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        mend = "start one with `lrd serve`, or set LRD_PORT to its port"
        sys.stderr.write(f"lrd: no server answers at {url} ({error}); {mend}\n")
        return 1
    if as_json:
        whole = {"jobs": found, "devices": devices, "nodes": nodes}
        sys.stdout.write(json.dumps(whole) + "\n")
        return 0
    if found:
        _show(found)
    else:
        sys.stdout.write("no jobs\n")
    for device in devices:
        sys.stdout.write(_device(device) + "\n")
    for node in nodes:
        sys.stdout.write(_node(node) + "\n")
    return 0


def _show(found: list[dict[str, Any]]) -> None:
    table = Table()
    right = ("step", "threads", "CPU", "memory")
    for name in ("experiment", "problem", "state", "step", "device", "threads", "CPU", "memory"):
        table.add_column(name, justify="right" if name in right else "left")
    for job in found:
        state = job["state"] + (f" ({job['position']})" if job["position"] else "")
        usage = job["usage"] or {}
        table.add_row(
            job["experiment"],
            job["problem"],
            state,
            f"{job['step']} of {job['steps']}",
            job["device"] + (f" on {job['node']}" if job["node"] else ""),
            str(job["threads"]),
            f"{usage['cpu']:.0f} %" if usage else "–",
            f"{usage['memory_mb']:.0f} MB" if usage else "–",
        )
    Console().print(table)


def _device(device: dict[str, Any]) -> str:
    words = [f"{device['name']}: {device['label']}"]
    if device["cores"]:
        words.append(f"{device['cores']} cores")
    if device["utilisation"] is not None:
        words.append(f"{device['utilisation']:.0f} % busy")
    if device["memory_total_mb"]:
        used, total = device["memory_used_mb"] / 1000, device["memory_total_mb"] / 1000
        words.append(f"{used:.1f} of {total:.1f} GB used")
    return ", ".join([*words, f"{device['jobs']} jobs"])


def _node(node: dict[str, Any]) -> str:
    taken = f"{node['jobs']} of {node['places']} places taken"
    return f"{node['name']}: {taken}, {', '.join(node['devices'])}, {node['cores']} cores"
