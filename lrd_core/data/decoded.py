"""Decoded data on disk: a set is decoded once, then every process maps the same file into memory.

Decoding 60,000 PNG or JPEG images takes many seconds, mapping their pixels a few milliseconds, and
workers that map one file share its pages.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from lrd_core.data.places import Key

#: Where to keep decoded data instead of the user's cache directory.
VARIABLE = "LRD_DATA_CACHE"
#: In every file's metadata: another version is decoded anew.
VERSION = "1"

#: dtype and shape by tensor.
Shapes = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]


def folder() -> Path:
    """Where decoded data are kept; it may not exist yet.

    Raises:
        RuntimeError: nothing says where, and there is no home directory.
    """
    if given := os.environ.get(VARIABLE):
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "lrd-lab" / "data"


def load(
    name: str, key: Key, shapes: Shapes, decode: Callable[[], dict[str, torch.Tensor]]
) -> dict[str, torch.Tensor]:
    """The decoded tensors of the files `key`: mapped from the cache, else decoded and kept there.

    Args:
        name: of the data set; the cached file's name begins with it.
        key: path, bytes and time of change of every file they come from.
        shapes: what a cached file must hold to be taken.
        decode: makes the tensors; what it raises is raised.
    """
    try:
        kept = folder()
    except RuntimeError:
        return decode()
    # A file that changed in place takes the place of what was decoded from it before.
    digest = hashlib.sha256(repr([path for path, *_ in key]).encode()).hexdigest()[:16]
    path = kept / f"{name}-{digest}.safetensors"
    metadata = {"version": VERSION, "sources": repr(key)}
    found = _read(path, metadata, shapes)
    if found is not None:
        return found
    tensors = decode()
    # A cache that cannot be written costs time only.
    with contextlib.suppress(OSError):
        _write(path, tensors, metadata)
        return _read(path, metadata, shapes) or tensors
    return tensors


def _read(path: Path, metadata: dict[str, str], shapes: Shapes) -> dict[str, torch.Tensor] | None:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            if file.metadata() != metadata:
                return None
        tensors = load_file(path)
    except (SafetensorError, OSError):
        return None
    held = {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}
    return tensors if held == dict(shapes) else None


def _write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    os.close(handle)
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, path)
    except SafetensorError as error:
        raise OSError(str(error)) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
