"""Where an experiment trains: the names of devices, and which of them are here."""

from __future__ import annotations

import torch

from lrd_core.settings import SettingError


def devices() -> list[str]:
    """Names of the devices of this machine, best first; ``cpu`` is always there."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def check_device(value: object, field: str = "device") -> str:
    """The name of a device that is here; ``auto`` is the best, ``cuda`` the first GPU.

    Raises:
        SettingError: no such device, here or anywhere.
    """
    here = devices()
    name = {"auto": here[0], "cuda": "cuda:0"}.get(str(value), value)
    if not isinstance(name, str) or name not in here:
        raise SettingError(field, value, "auto or one of the devices here: " + ", ".join(here))
    return name
