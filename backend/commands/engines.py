"""The part of `lrd doctor` that says which engine every rule and policy would run on, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from lrd_core.optim import kernels

FIELDS = ("rule", "policy", "device", "engine", "reason")
#: One answer of `kernels.explain`: the fields above.
Row = dict[str, str]

#: The policy that the table of rules is about; the others are told by how they differ from it.
_LRD = "elementwise"


def rows() -> list[Row]:
    """What `lrd_core.optim.kernels.explain` says for every rule, policy and device."""
    return [{name: str(getattr(row, name)) for name in FIELDS} for row in kernels.explain()]


def show(console: Console, found: list[Row]) -> None:
    """Print one row a rule, then one row a policy."""
    devices = list(dict.fromkeys(row["device"] for row in found))
    lrd = {(row["rule"], row["device"]): row for row in found if row["policy"] == _LRD}
    rules = list(dict.fromkeys(row["rule"] for row in found))
    table = Table(title=f"kernels: policy {_LRD}", title_justify="left")
    for name in ("rule", *devices, "why"):
        table.add_column(name)
    for rule in rules:
        own = {device: lrd[rule, device] for device in devices if (rule, device) in lrd}
        engines = [own[device]["engine"] if device in own else "" for device in devices]
        table.add_row(rule, *engines, _reasons(own))
    console.print(table)
    table = Table(title="kernels: other policies, all rules", title_justify="left")
    for name in ("policy", *devices):
        table.add_column(name)
    for policy in dict.fromkeys(row["policy"] for row in found if row["policy"] != _LRD):
        cells = []
        for device in devices:
            here = [row for row in found if (row["policy"], row["device"]) == (policy, device)]
            cells.append(_differences(here, lrd))
        table.add_row(policy, *cells)
    if table.row_count:
        console.print(table)


def _reasons(own: Mapping[str, Row]) -> str:
    """Why a rule runs where it does: said once where it is the same on every device."""
    reasons = {device: row["reason"] for device, row in own.items() if row["reason"]}
    if len(set(reasons.values())) == 1 and len(reasons) == len(own):
        return next(iter(reasons.values()))
    return "; ".join(f"{device}: {reason}" for device, reason in reasons.items())


def _differences(here: Iterable[Row], lrd: Mapping[tuple[str, str], Row]) -> str:
    """Where a policy runs on a device, with its rules grouped by engine and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in here:
        usual = lrd.get((row["rule"], row["device"]))
        same = usual is not None and all(usual[name] == row[name] for name in ("engine", "reason"))
        told = (f"as {_LRD}", "") if same else (row["engine"], row["reason"])
        groups.setdefault(told, []).append(row["rule"])
    texts = []
    for (engine, reason), members in groups.items():
        text = f"{engine}: {reason}" if reason else engine
        texts.append(text if len(groups) == 1 else f"{text} ({', '.join(members)})")
    return "; ".join(texts)
